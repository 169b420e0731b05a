"""Names of files and directories, as users give them."""

from __future__ import annotations

import os
from pathlib import Path

from hybridrd.errors import HybridrdError, ModelError


def path_of(value: object, where: str, error: type[HybridrdError] = ModelError) -> Path:
    """The path that an argument names.

    Parameters
    ----------
    value
        Text or a `pathlib.Path`.
    where
        The argument, for the message.
    error
        What is raised if it is something else.

    Examples
    --------
    >>> path_of("run.zarr", "out").suffix
    '.zarr'
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text:
        raise error(
            f"{where} = {value!r}: the name of a file or directory is needed, as text or a "
            f"pathlib.Path"
        )
    return Path(text)
