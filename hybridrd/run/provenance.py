"""Provenance of a result: everything needed to repeat the run."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from hybridrd._version import __version__
from hybridrd.errors import ModelError
from hybridrd.model.system import System

_PACKAGES = ("numpy", "scipy", "numba", "fipy", "xarray")


def describe(system: System) -> Any:
    """The system as a dict, or as text if it contains a Python function."""
    try:
        return system.to_dict()
    except ModelError:
        return repr(system)


def versions() -> dict[str, str]:
    """Versions of hybridrd and of the packages that affect its results."""
    return {"hybridrd": __version__, "python": platform.python_version(), **_packages()}


@functools.lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}  # cached, because it reads files


def attributes(
    system: System,
    dt: float,
    kind: str,
    reason: str,
    origin: Mapping[str, Any],
    timings: Mapping[str, float],
    diagnostics: Mapping[str, Any],
) -> dict[str, Any]:
    """Attributes of the result of a run.

    Parameters
    ----------
    kind, reason
        Kind of the run, and the reason why it ended.
    origin
        Other data needed to repeat it: seed and replica.
    timings
        Seconds by stage.
    """
    lower, upper = system.region_corners
    return {
        "kind": kind,
        "dt": dt,
        "system": describe(system),
        "units": dict(system.units),
        "region_lower": list(lower),
        "region_upper": list(upper),
        "has_particles": int(system.particles is not None),
        "periodic": [a for a in system.domain.axes if system.is_periodic(a)],
        "versions": versions(),
        "stopped": reason,
        **origin,
        "timings": {name: round(t, 6) for name, t in timings.items()},
        "diagnostics": dict(diagnostics),
    }
