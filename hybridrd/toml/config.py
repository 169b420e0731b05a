"""Systems read from dicts and TOML files. Nothing in a file is ever executed.

The layout is ``{"system": {...}, "species": [...], "reactions": [...], "run": {...}}``; its tables
are defined in `hybridrd.toml.schema`. Readers are given the class that they build.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from hybridrd.arguments import check_file, path_of
from hybridrd.errors import ModelError
from hybridrd.toml.reader import Examined, Run, examine
from hybridrd.toml.schema import File

S = TypeVar("S")
MOST_BYTES = 64_000_000  # bytes of a file


@dataclass(frozen=True)
class Loaded(Generic[S]):
    """A system and the ``[run]`` table of a TOML file."""

    system: S
    run: Run


def read_toml(path: str | Path, build: Callable[..., S]) -> Loaded[S]:
    """Read a system and its run from a TOML file.

    Raises
    ------
    ModelError
        With one line per mistake: the file, the key, and what is allowed there. Also if there
        is no such file, or it is not a regular file.
    """
    found = examine_toml(path, build)
    if found.system is None:
        raise ModelError("\n".join(found.mistakes))
    return Loaded(found.system, found.run)


def examine_toml(path: str | Path, build: Callable[..., S]) -> Examined[S]:
    """The contents of a TOML file and all of its mistakes, prefixed with the name of the file.

    Raises
    ------
    ModelError
        If it is not TOML, has more than 64 MB, or cannot be read.
    """
    path = path_of(path, "path")
    check_file(path, MOST_BYTES)
    try:
        found = examine(_beside(path, _parsed(path.read_bytes().decode())), build)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not a text file in UTF-8 (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{path}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ModelError(
            f"{path}: not a system: its lists or tables are nested too deep"
        ) from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return replace(found, mistakes=tuple(f"{path}: {line}" for line in found.mistakes))


def _beside(path: Path, data: Any) -> Any:
    """The same tables, with relative paths of images resolved from the folder of the file."""
    if isinstance(data, list):
        return [_beside(path, entry) for entry in data]
    if not isinstance(data, dict):
        return data
    given = {key: _beside(path, value) for key, value in data.items()}
    if isinstance(given.get("image"), str):
        given["image"] = str(path.parent / given["image"])
    return given


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise
    except ValueError as error:  # an integer with thousands of digits
        raise ModelError(f"not valid TOML: {error}") from error


def system_from_dict(data: Mapping[str, Any], build: Callable[..., S]) -> S:
    """System that plain tables describe, the inverse of `hybridrd.toml.writer.system_to_dict`.

    Raises
    ------
    ModelError
        With every mistake and its key, one line each.

    Examples
    --------
    >>> from hybridrd import System
    >>> table = {"name": "A", "D": 0.5, "initial": {"copies": 100, "x": [0, 5]}}
    >>> system = system_from_dict(
    ...     {"system": {"domain": {"x": [0, 10]}, "cells": 50}, "species": [table]}, System
    ... )
    >>> system.initial["A"]
    Copies(n=100, x=(0.0, 5.0))
    """
    if not isinstance(data, Mapping):
        raise ModelError(f"a system is read from a dict, not from {type(data).__name__}")
    found = examine(data, build)
    if found.system is None:
        raise ModelError("\n".join(found.mistakes))
    return found.system


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors; ``system.schema.json`` in this folder holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **File.model_json_schema(by_alias=True),
        "title": "hybridrd system",
    }


if __name__ == "__main__":  # python -m hybridrd.toml.config > hybridrd/toml/system.schema.json
    import json

    print(json.dumps(json_schema(), indent=2))
