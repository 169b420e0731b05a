"""SBML text of models in Antimony."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hybridrd.arguments import path_of
from hybridrd.errors import ModelError
from hybridrd.sbml.source import read_text

_LARGEST = 2**20  # bytes; libAntimony's time grows with the square of a formula's length
_DEEPEST = 200  # open parentheses
_IS_TEXT = re.compile(r"[\n;]|->|=>")


def sbml_of(source: str | Path) -> tuple[str, str]:
    """The SBML text of a model, and its name in messages.

    Parameters
    ----------
    source
        Antimony text, or the path of a file. Text has a line break, a semicolon or an
        arrow; a `pathlib.Path` is always a path.

    Raises
    ------
    ModelError
        If it is not Antimony, or the package ``antimony`` is missing.
    """
    is_text = isinstance(source, str) and _IS_TEXT.search(source) is not None
    if is_text:
        text, where, folder = str(source), "the Antimony text", None
        if len(text) > _LARGEST:
            raise ModelError(f"{where}: {len(text)} characters; at most {_LARGEST} are read")
    else:
        path = path_of(source, "source")
        text = read_text(path, "an Antimony file, or Antimony text", _LARGEST)
        where, folder = str(path), path.parent
    _check_depth(text, where)
    return _translated(_library(where), text, where, folder), where


def _check_depth(text: str, where: str) -> None:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth > _DEEPEST:
            raise ModelError(f"{where}: parentheses are nested more than {_DEEPEST} deep")


def _library(where: str) -> Any:
    try:
        import antimony
    except ImportError as error:
        raise ModelError(
            f"{where}: Antimony needs the package antimony ({error}); "
            f"install it with: pip install hybridrd[antimony]"
        ) from error
    return antimony


def _translated(lib: Any, text: str, where: str, folder: Path | None) -> str:
    if "\0" in text:
        raise ModelError(f"{where}: it contains a NUL character, so it is not text")
    lib.clearPreviousLoads()
    lib.clearDirectories()
    if folder is not None:
        lib.addDirectory(str(folder))  # directory of files that it imports
    try:
        if lib.loadAntimonyString(text) < 0:
            why = " ".join(lib.getLastError().split())
            raise ModelError(f"{where}: not Antimony: {why[:300]}")
        return str(lib.getSBMLString(lib.getMainModuleName()))
    finally:
        lib.clearPreviousLoads()
        lib.clearDirectories()
