"""Output files that appear only when they are complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from hybridrd.errors import ResultError


def check_parent(path: Path) -> None:
    """Raise ResultError for a path in a directory that does not exist or cannot be written."""
    if not path.parent.is_dir():
        raise ResultError(f"{path}: there is no directory {path.parent}; create it first")
    if not os.access(path.parent, os.W_OK):
        raise ResultError(f"{path}: the directory {path.parent} cannot be written to")


def check_free(path: Path, overwrite: bool) -> None:
    """Raise ResultError for a path that cannot be written."""
    check_parent(path)
    if not path.exists() and not path.is_symlink():
        return
    if not overwrite:
        raise ResultError(
            f"{path}: exists; choose another name, or overwrite=True (--overwrite) to replace it"
        )
    if not path.is_file() and not path.is_symlink():
        raise ResultError(f"{path}: exists and is not a file; it is not overwritten")


def passing(path: Path) -> Path:
    """A temporary name in the same directory, with the suffix in lower case."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix.lower()}")


@contextmanager
def made(path: Path) -> Iterator[Path]:
    """A temporary file name, renamed to ``path`` at the end. Raises ResultError."""
    part = passing(path)
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def library(name: str, extra: str, path: Path) -> Any:
    """A library of an optional extra. Raises ResultError if it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ResultError(
            f"{path}: {path.suffix} files need {name} ({error}); "
            f"install it with: pip install hybridrd[{extra}]"
        ) from error
