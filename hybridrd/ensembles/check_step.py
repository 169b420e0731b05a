"""Check of a time step: the same ensemble with half the step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hybridrd.arguments import named_arguments, number, shown, whole_number
from hybridrd.ensembles.ensemble import ensemble
from hybridrd.errors import ModelError
from hybridrd.model.quantity import in_time
from hybridrd.model.system import System
from hybridrd.results.compare import compare
from hybridrd.simulation.mean_field import mean_field

if TYPE_CHECKING:
    import pandas as pd


@named_arguments
def check_step(
    system: System,
    dt: float | str,
    until: float | str,
    replicas: int = 32,
    every: float | str | None = None,
    seed: int = 0,
    workers: int | None = None,
    record: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compare an ensemble with dt to an independent one with dt/2.

    A step is good enough for a purpose if the ``difference`` is small enough for it.
    If ``|z|`` stays below 3, the difference is lost in the noise of this many replicas, and
    ``standard_error`` says how small a difference could have been detected. A PDE has no noise.

    Parameters
    ----------
    system
        The system.
    dt
        Time step (time).
    until, every, workers, record
        See `ensemble`.
    replicas
        Number of replicas of each ensemble, at least two.
    seed
        Seed of the first ensemble; the second uses the next number.

    Returns
    -------
    pandas.DataFrame
        See `compare`: ``count_a`` with dt, ``count_b`` with dt/2, ``difference``,
        ``standard_error``, ``z``, ... by (time, species).

    Raises
    ------
    ModelError, StepError, CapacityError
        See `ensemble`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=line, cells=4, initial={A: hrd.Copies(100)},
    ...     reactions=[hrd.Reaction("A -> 0", k=1.0)],
    ... )
    >>> table = hrd.check_step(system, dt=0.1, until=0.2, every=0.2, replicas=8)
    >>> bool(abs(table["z"].iloc[-1]) < 4)
    True
    """
    if not isinstance(system, System):
        raise ModelError(f"system = {shown(system)}: give a System")
    replicas = whole_number(replicas, "replicas", 2)  # a single replica has no standard error
    dt = number(in_time(dt, system.units, "dt"), "dt", strict=True)
    seed = whole_number(seed, "seed", 0)
    if system.particles is None and not system.fluctuations:
        one, other = (mean_field(system, step, until, every, record) for step in (dt, dt / 2))
    else:
        one, other = (
            ensemble(
                system, replicas, step, until, every, seed=seed + i, workers=workers, record=record
            )
            for i, step in enumerate((dt, dt / 2))
        )
    return compare(one, other)
