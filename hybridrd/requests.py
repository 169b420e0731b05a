"""What is asked of an ensemble beyond means and variances, and whether memory holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybridrd.errors import CapacityError, ModelError
from hybridrd.model.species import number
from hybridrd.results.names import chosen

if TYPE_CHECKING:
    from hybridrd.simulation.plan import Plan

KEPT_BYTES = 500e6  # of replicas in memory


@dataclass(frozen=True)
class Requests:
    """Variables by what is asked of them.

    Attributes
    ----------
    record
        What to record, None for all.
    covariance, keep
        Of which to return covariances and every replica.
    quantiles
        Probabilities.
    sampled
        Of which every replica is needed.
    """

    record: tuple[str, ...] | None
    covariance: tuple[str, ...]
    quantiles: tuple[float, ...]
    keep: tuple[str, ...]
    sampled: tuple[str, ...]

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
    ) -> Requests:
        """The requests of `hybridrd.ensemble`.

        Raises
        ------
        ModelError
            If there is no such variable or quantile.
        CapacityError
            If the replicas to keep take more than half a gigabyte.
        """
        from hybridrd.simulation.run import OFFERED

        offered = tuple(name for name in OFFERED if name != "events" or plan.system.reactions)
        recorded = offered
        if record is not None:
            recorded = chosen(record, "record", "recorded", offered)
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
        _check_size(plan, sampled, replicas, records)
        return cls(None if record is None else recorded, covaried, levels, kept, sampled)

    def described(self) -> dict[str, Any]:
        """What decides about the sums of a block, as JSON says it."""
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


def _check_size(plan: Plan, sampled: Sequence[str], replicas: int, records: int) -> None:
    assert plan.region is not None
    species, faces = len(plan.system.species), len(plan.region.faces)
    numbers = {
        "concentration": species * plan.system.grid.cells,
        "flux": species * faces,
        "crossings": species * faces,
        "events": len(plan.system.channels),
    }
    own = {name: 8 * records * numbers.get(name, species) for name in sampled}
    each = sum(own.values())
    if replicas * each <= KEPT_BYTES:
        return
    largest = max(own, key=lambda name: own[name])
    most = int(np.floor(KEPT_BYTES / each))
    raise CapacityError(
        f"keep, quantiles: {replicas:,} replicas of {', '.join(sampled)} take "
        f"{replicas * each / 1e9:.3g} GB, {each / 1e6:.3g} MB each ({largest} "
        f"{own[largest] / 1e6:.3g} MB in {records} records), but at most {KEPT_BYTES / 1e9:g} GB "
        f"are kept: that is {most:,} replicas; keep fewer variables, or records (every=)"
    )
