"""Fingerprints of short runs, bit for bit: what a change of code that keeps the rules must keep.

`golden.toml` holds a fingerprint of every variable of every case in `cases.py`. Where a rule
changes on purpose, write the entries anew that it touches, and say why in CHANGES.md::

    python -m tests.golden                     # compare all
    python -m tests.golden --write CASE ...    # write these entries anew (all, if none is named)

Whole numbers, labels and shapes must agree everywhere. Real numbers pass through LAPACK and the
compiler's vector instructions: bit for bit they are compared where versions and processor are
those of the entry, elsewhere by three weighted sums, to 1e-9 of the sum of their sizes.
"""

from __future__ import annotations

import hashlib
import platform
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np

import hybridrd as hrd

from .cases import CASES

FILE = Path(__file__).with_name("golden.toml")
TOLERANCE = 1e-9
DIGITS = 12


def environment() -> str:
    """What the last bits of real numbers depend on."""
    packages = (f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "fipy"))
    return ", ".join([*packages, platform.system(), llvmlite.binding.get_host_cpu_name()])


def fingerprint(values: np.ndarray) -> dict[str, Any]:
    """Type, shape, weighted sums of numbers and how many are missing, and a hash."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind not in "biuf":  # text: its stored width does not count
        text = "\n".join(map(str, values.ravel()))
        return {"shape": list(values.shape), "hash": _hash(text.encode())}
    normal = values.astype(values.dtype.newbyteorder("<"))
    if normal.dtype.kind == "f":
        normal = np.where(np.isnan(normal), np.nan, normal + 0.0)  # one NaN and one zero
    about = {"type": normal.dtype.str, "shape": list(values.shape), **_sums(normal)}
    if normal.dtype.kind == "f" and (missing := int(np.isnan(normal).sum())):
        about["nan"] = missing
    return {**about, "hash": _hash(normal.tobytes())}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def _sums(values: np.ndarray) -> dict[str, Any]:
    """The sum of sizes, and sums with weights that no exchange of two elements keeps."""
    flat = np.nan_to_num(values.ravel().astype(float))
    place = np.arange(flat.size)
    sums = [flat.sum(), flat @ np.cos(0.7 * place), flat @ np.cos(2.3 * place + 1.0)]
    return {"size": _rounded(abs(flat).sum()), "sums": [_rounded(s) for s in sums]}


def _rounded(value: float) -> float:
    """Twelve digits, for the eye; the hash has all of them."""
    return float(f"{value:.12g}")


def measure(name: str) -> dict[str, dict[str, Any]]:
    """The fingerprints of a case by variable and coordinate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hrd.AccuracyWarning)
        result = CASES[name]()
    found = sorted(result.variables.items())
    return {str(n): fingerprint(v.values) for n, v in found if n != "mask"}  # the system's own


def read() -> dict[str, dict[str, Any]]:
    """The entries of the file by case."""
    return tomllib.loads(FILE.read_text()) if FILE.exists() else {}


def differences(name: str, entry: dict[str, Any]) -> list[str]:
    """What a run of a case has otherwise than its entry, a line for each variable."""
    exact = entry["environment"] == environment()
    stored = entry["variables"]
    found = measure(name)
    lines = [f"{v}: only in the entry" for v in stored if v not in found]
    lines += [f"{v}: not in the entry" for v in found if v not in stored]
    for variable in stored.keys() & found.keys():
        text = _difference(stored[variable], found[variable], exact)
        if text:
            lines.append(f"{variable}: {text}")
    return sorted(lines)


def _difference(old: dict[str, Any], new: dict[str, Any], exact: bool) -> str | None:
    for key in ("type", "shape", "nan"):
        if old.get(key) != new.get(key):
            return f"{key} {new.get(key)}, in the entry {old.get(key)}"
    if old["hash"] == new["hash"]:
        return None
    if "sums" not in old:
        return "other texts"
    scale = max(old["size"], new["size"]) or 1.0
    far = max(abs(a - b) for a, b in zip(old["sums"], new["sums"], strict=True)) / scale
    if not exact and old["type"].startswith("<f") and far < TOLERANCE:
        return None
    return f"sums {new['sums']}, in the entry {old['sums']}: {far:.2g} of {scale:.6g} apart"


def write(names: list[str]) -> None:
    """Write the entries of cases anew; those of cases that are gone are dropped."""
    entries = {name: entry for name, entry in read().items() if name in CASES}
    for name in names:
        entries[name] = {"environment": environment(), "variables": measure(name)}
    lines = ["# Written by python -m tests.golden --write; see __init__.py and CHANGES.md."]
    for name in CASES:
        if name in entries:
            lines += ["", f"[{name}]", f"environment = {_toml(entries[name]['environment'])}"]
            lines += [f"[{name}.variables]"]
            lines += [f"{v} = {_toml(f)}" for v, f in sorted(entries[name]["variables"].items())]
    FILE.write_text("\n".join(lines) + "\n")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
