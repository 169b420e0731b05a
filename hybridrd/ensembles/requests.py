"""Optional statistics of an ensemble (covariances, quantiles, kept samples), and their memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.arguments import number
from hybridrd.errors import CapacityError, ModelError
from hybridrd.results.names import chosen

if TYPE_CHECKING:
    from hybridrd.simulation.plan import Plan

KEPT_BYTES = 500e6  # bytes of replicas kept in memory
PROGRAM_BYTES = 250e6  # bytes of a worker process after a step: Python, numba, FiPy
# Arrays of the size of a variable: for the sums of a block and its samples; for the sums over all
# and the result; for the sums of a covariance and its samples.
_BLOCK_SUMS, _ALL_SUMS, _PRODUCTS = 5.0, 7.0, 3.0


@dataclass(frozen=True)
class Requests:
    """Variables by the statistics requested for them.

    Attributes
    ----------
    record
        Variables to record, None for all.
    covariance, keep
        Variables whose covariances, and whose every replica, are returned.
    quantiles
        Probabilities.
    sampled
        Variables for which every replica is needed.
    planes
        Number of planes, whose flux is always recorded.
    """

    record: tuple[str, ...] | None
    covariance: tuple[str, ...]
    quantiles: tuple[float, ...]
    keep: tuple[str, ...]
    sampled: tuple[str, ...]
    planes: int = 0

    @classmethod
    def checked(
        cls,
        plan: Plan,
        replicas: int,
        steps: int,
        stride: int,
        record: Sequence[str] | None,
        covariance: Sequence[str],
        quantiles: Sequence[float],
        keep: Sequence[str],
        planes: int = 0,
    ) -> Requests:
        """The requests of `hybridrd.ensemble`.

        Raises
        ------
        ModelError
            If there is no such variable or quantile.
        CapacityError
            If the replicas to keep take more than half a gigabyte.
        """
        from hybridrd.simulation.simulation import offered_by

        offered = offered_by(plan.system)
        recorded = offered
        if record is not None:
            recorded = chosen(record, "record", "recorded", offered)
        asked = None if record is None else recorded
        recorded += ("plane_flux",) if planes else ()
        covaried = chosen(covariance, "covariance", "covaried", recorded)
        kept = chosen(keep, "keep", "kept", recorded)
        levels = _levels(quantiles)
        sampled = kept
        if levels and not kept:
            sampled = tuple(name for name in recorded if name != "concentration")
            if not sampled:
                raise ModelError(
                    "quantiles of concentration need all replicas: give keep=['concentration'], "
                    "or record other variables"
                )
        records = 1 + steps // stride + int(steps % stride > 0)
        _check_size(plan, sampled, replicas, records, planes)
        return cls(asked, covaried, levels, kept, sampled, planes)

    def described(self) -> dict[str, Any]:
        """The requests that determine the sums of a block, as JSON."""
        return {
            "record": None if self.record is None else list(self.record),
            "covariance": list(self.covariance),
            "kept": list(self.sampled),
        }


def _levels(quantiles: Sequence[float]) -> tuple[float, ...]:
    if isinstance(quantiles, str) or not isinstance(quantiles, Iterable):
        raise ModelError(f"quantiles = {quantiles!r}: give a list of probabilities, [0.1, 0.9]")
    levels = tuple(number(q, "quantiles", minimum=0.0) for q in quantiles)
    if any(q > 1.0 for q in levels):
        raise ModelError(f"quantiles = {max(levels):g}: a probability is at most 1")
    return levels


def check_memory(
    plan: Plan,
    wanted: Requests,
    replicas: int,
    records: int,
    processes: int,
    window: float | None,
    elsewhere: bool = False,
) -> None:
    """Raise CapacityError for an ensemble that does not fit into memory.

    Parameters
    ----------
    processes
        Number of worker processes; up to 1 the replicas are run in this one.
    window
        Bytes of the shared mean field; None if each has its own continuum, or none.
    elsewhere
        Whether the replicas are run on other machines.

    Raises
    ------
    CapacityError
        With the size of each part.
    """
    from hybridrd.particles import memory
    from hybridrd.simulation.sizes import record_numbers, record_part

    assert plan.region is not None
    system = plan.system
    numbers = record_numbers(system, len(plan.region.faces), wanted.planes)
    recorded = wanted.record or tuple(n for n in numbers if n != "events" or system.reactions)
    recorded = tuple(dict.fromkeys((*recorded, "plane_flux")))
    a_replica = 8.0 * records * sum(numbers[name] for name in recorded)
    products = 8.0 * records * sum(
        numbers[name] * (len(system.channels) if name == "events" else len(system.species))
        for name in wanted.covariance
    )  # fmt: skip
    kept = 8.0 * replicas * records * sum(numbers[name] for name in wanted.sampled)
    fewer = "record less often (every=) or fewer variables (record=)"
    state = [p for p in plan.memory.parts if window is None or not p.continuum]
    if window is not None:
        state.append(memory.Part("the shared mean field", window, "use fewer cells or steps"))
    worker = [
        *state,
        record_part(numbers, recorded, records, disk=False),
        memory.Part("sums of a block", _BLOCK_SUMS * a_replica + _PRODUCTS * products, fewer),
    ]
    waiting = processes + 1 if processes > 1 else 0  # sums of blocks, besides the total
    here = [
        memory.Part(
            "statistics of all replicas",
            (_ALL_SUMS + 3.0 * waiting) * a_replica + (_PRODUCTS + waiting) * products, fewer,
        )
    ]  # fmt: skip
    if kept:
        here.append(memory.Part("replicas to keep", 2.0 * kept, "keep fewer replicas"))
    if elsewhere:
        memory.check_fits(here)
        return
    if processes <= 1:
        memory.check_fits([*worker, *here])
        return
    memory.check_fits(worker, memory.own_memory(), who=f"each of {processes} workers")
    many = f"{processes} workers with "
    all_workers = [
        memory.Part(
            many + part.what, processes * part.bytes, f"use fewer workers, or {part.remedy}"
        )
        for part in worker
    ]
    program = processes * PROGRAM_BYTES
    all_workers.append(memory.Part(f"{processes} programs", program, "use fewer workers"))
    memory.check_fits([*all_workers, *here], memory.shared_memory())


def _check_size(
    plan: Plan, sampled: Sequence[str], replicas: int, records: int, planes: int
) -> None:
    from hybridrd.simulation.sizes import record_numbers

    assert plan.region is not None
    numbers = record_numbers(plan.system, len(plan.region.faces), planes)
    sizes = {name: 8 * records * numbers[name] for name in sampled}
    each = sum(sizes.values())
    if replicas * each <= KEPT_BYTES:
        return
    largest = max(sizes, key=lambda name: sizes[name])
    most = int(np.floor(KEPT_BYTES / each))
    raise CapacityError(
        f"keep, quantiles: {replicas:,} replicas of {', '.join(sampled)} take "
        f"{replicas * each / 1e9:.3g} GB, {each / 1e6:.3g} MB each ({largest} "
        f"{sizes[largest] / 1e6:.3g} MB in {records} records), but at most {KEPT_BYTES / 1e9:g} GB "
        f"are kept: that is {most:,} replicas; keep fewer variables, or records (every=)"
    )
