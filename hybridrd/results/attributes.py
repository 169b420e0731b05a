"""Attributes of results in files: unchanged if the format can hold them, else JSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hybridrd.errors import ResultError

_TEXT_NAMES = "hybridrd_json"  # names of the attributes stored as JSON text


def pack(attributes: Mapping[Any, Any], netcdf: bool, where: str) -> dict[str, Any]:
    """Attributes in the form that a file can hold.

    Zarr stores JSON values. NetCDF stores only text and numbers: lists, dicts, booleans and
    None become JSON text, as do numbers outside the range of JSON or netCDF.

    Raises
    ------
    ResultError
        If an attribute is neither text, number, list nor dict.
    """
    result: dict[str, Any] = {}
    as_text = []
    for key, value in attributes.items():
        name = str(key)
        try:
            text = json.dumps(value, default=_plain)
            plain = json.loads(text)
        except (TypeError, ValueError) as error:
            raise ResultError(f"{where}: attribute {name!r} cannot be stored: {error}") from error
        if _fits(plain, netcdf):
            result[name] = plain
        else:
            result[name] = text
            as_text.append(name)
    if as_text:
        result[_TEXT_NAMES] = json.dumps(as_text)
    return result


def unpack(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """The inverse of `pack`."""
    as_text = json.loads(attributes.get(_TEXT_NAMES, "[]"))
    result = {}
    for key, value in attributes.items():
        if key == _TEXT_NAMES:
            continue
        name = str(key)
        value = value.item() if isinstance(value, np.generic) else value
        result[name] = json.loads(value) if name in as_text else value
    return result


def _fits(value: Any, netcdf: bool) -> bool:
    if not netcdf:
        return _is_finite(value)
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, (float, str))


def _is_finite(value: Any) -> bool:
    """Whether strict JSON can hold a value: no NaN and no infinity anywhere."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is neither text, number, list nor dict")
