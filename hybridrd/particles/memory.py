"""Free memory, and memory needed by the parts of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hybridrd.errors import CapacityError

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class FreeMemory:
    """Free memory, with its source.

    Attributes
    ----------
    bytes
        Number of bytes.
    where
        Its source, after "are free": ``"on this machine"``.
    """

    bytes: float
    where: str


@dataclass(frozen=True)
class Part:
    """Memory that one part of a run needs.

    Attributes
    ----------
    what
        Its name, and in brackets the source of the figure.
    bytes
        Number of bytes needed.
    remedy
        Advice to reduce it.
    continuum
        Whether it belongs to the PDE, which replicas may share and which depends on the solver.
    """

    what: str
    bytes: float
    remedy: str
    continuum: bool = False


@dataclass(frozen=True)
class ParticleNumbers:
    """Numbers of particles that a run has to hold, as far as they can be estimated.

    Attributes
    ----------
    numbers
        Largest expected number of each species: at time 0, at the concentration of a reservoir,
        or after one step of creations and influx. Products of reactions are not included.
    cause
        Source of most of them.
    created
        Number of particles created in one step.
    """

    numbers: tuple[float, ...]
    cause: str
    created: float


class Memory(NamedTuple):
    """Estimated memory of a run: expected particles, and the parts."""

    crowd: ParticleNumbers | None = None
    parts: tuple[Part, ...] = ()


def gigabytes(size: float) -> str:
    """A number of bytes for a message."""
    return "under 0.001 GB" if 0 < size < 1e6 else f"{size / 1e9:.3g} GB"


def free_memory() -> FreeMemory:
    """The smallest of the free memory of the machine and the limits of this process."""
    return min(shared_memory(), own_memory(), key=lambda free: free.bytes)


def shared_memory() -> FreeMemory:
    """Free memory for this process and others together: of the machine, or of its cgroup."""
    machine = FreeMemory(_machine(), "on this machine")
    return min(
        machine, FreeMemory(cgroup_room(), "under the limit of the cgroup"), key=lambda f: f.bytes
    )


def own_memory() -> FreeMemory:
    """Memory left by the address limit of this process (``ulimit -v``)."""
    return FreeMemory(_address_room(), "under the limit of the process (ulimit -v)")


def check_fits(
    parts: Sequence[Part], free: FreeMemory | None = None, held: Sequence[Part] = (), who: str = ""
) -> None:
    """Raise CapacityError for parts that together need more than is free.

    Parameters
    ----------
    parts
        Parts to allocate.
    free
        The free memory; by default `free_memory`.
    held
        Parts already allocated, for the message.
    who
        Who needs them, for example "each of 4 workers".

    Raises
    ------
    CapacityError
        With the size of each part, and advice for the largest.
    """
    free = free_memory() if free is None else free
    needed = sum(part.bytes for part in parts)
    if needed <= free.bytes:
        return
    ordered = sorted(parts, key=lambda part: -part.bytes)
    figures = ", ".join(f"{part.what} {gigabytes(part.bytes)}" for part in ordered)
    beside = ", ".join(f"{part.what} {gigabytes(part.bytes)}" for part in held)
    raise CapacityError(
        f"{f'{who}: ' if who else ''}about {gigabytes(needed)} are needed, but "
        f"{gigabytes(max(free.bytes, 0.0))} are free {free.where}: {figures}"
        f"{f'; held already: {beside}' if beside else ''}; {ordered[0].remedy}"
    )


@contextmanager
def naming(what: str, remedy: str) -> Iterator[None]:
    """Name the work in errors of memory. Raises CapacityError instead of MemoryError."""
    try:
        yield
    except CapacityError:
        raise
    except MemoryError as error:
        raise CapacityError(
            f"{what}: no memory left ({str(error) or 'the system gave none'}); {remedy}"
        ) from error


def _machine() -> float:
    meminfo = _PROC / "meminfo"
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")


def cgroup_room(proc: Path = _PROC, root: Path = _CGROUPS) -> float:
    """Bytes that the control groups of this process leave, of version 2 or 1; inf without any.

    The limit of a group holds for all groups below it. Cached files that the kernel would release
    count as used there, but are free.
    """
    membership = proc / "self" / "cgroup"
    if not membership.is_file():
        return float("inf")
    room = float("inf")
    for line in membership.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = Path(path.strip("/"))
        # In a container the path may be that outside of it; then only the top group exists.
        for part in (group, *group.parents):
            room = min(room, _left(top / part, *names))
    return room


def _left(folder: Path, limit: str, usage: str, idle: str) -> float:
    most, used = _number(folder / limit), _number(folder / usage)
    if most is None or used is None:
        return float("inf")
    statistics = folder / "memory.stat"
    lines = statistics.read_text().splitlines() if statistics.is_file() else []
    given_up = sum(float(line.split()[1]) for line in lines if line.split()[:1] == [idle])
    return most - used + given_up


def _number(path: Path) -> float | None:
    """The number in a file; None if there is no such file or it says ``max``."""
    text = path.read_text().strip() if path.is_file() else "max"
    return None if text == "max" else float(text)


def _address_room() -> float:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return float("inf")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    statm = _PROC / "self" / "statm"
    taken = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    return float(limit - taken)
