"""Events of a run as a table, and first passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hybridrd.arguments import named_arguments, shown
from hybridrd.errors import ResultError
from hybridrd.results.names import chosen

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@named_arguments
def events(result: xr.Dataset) -> pd.DataFrame:
    """The events of all particles in a run with ``events="log"``, in order of time.

    Parameters
    ----------
    result
        A result of `Simulation.run`, or loaded.

    Returns
    -------
    pandas.DataFrame
        ``time``; ``what``, the label of a reaction, ``arrival at FACE``, ``exit at FACE``,
        ``insert()`` or ``remove()``; ``species`` of the first particle; ``reactants`` and
        ``products``, tuples of ids; and the position, a column for each axis. A particle that stays
        is in both tuples; -2 stands for a particle without an id, which lived for less than half a
        step, or belongs to the continuum or a reservoir. Reactions have the times at which they
        are drawn within half a step (within a quarter if pairs react, too), arrivals and exits the
        middle of their step.

    Raises
    ------
    ResultError
        If the run has no log.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=line, walls={"x+": hrd.Absorbing()},
    ...     initial={A: hrd.Copies(20)},
    ... )
    >>> result = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.5, every=0.1, events="log")
    >>> log = hrd.events(result)
    >>> set(log["what"]), len(log) == int(result["crossings"].sum())
    ({'exit at x+'}, True)
    """
    import pandas as pd

    labels = _labels(result)
    data = {n: result[f"event_{n}"].values for n in _COLUMNS}
    species = np.array([*map(str, result["species"].values), None], object)
    columns = {
        "time": data["time"],
        "what": np.array(labels, object)[data["what"]],
        "species": species[data["species"]],
        "reactants": _tuples(data["reactants"]),
        "products": _tuples(data["products"]),
    }
    for a, axis in enumerate(map(str, result["axis"].values)):
        columns[axis] = data["place"][:, a]
    return pd.DataFrame(columns)


@named_arguments
def first_passage(result: xr.Dataset, what: str | None = None) -> pd.DataFrame:
    """First passages of particles, from a run with ``events="log"``.

    Parameters
    ----------
    result
        A result of `Simulation.run`, or loaded.
    what
        The passage: ``"exit at FACE"`` or a reaction; by default exits through any face.

    Returns
    -------
    pandas.DataFrame
        A row for each particle that passed, in the order of passages: its ``id``; ``start``, the
        time at which it appeared or the run began; ``time``, from then to the passage; ``what``,
        ``species``, and the position. Particles that have not passed have no row: if there are
        many, the mean of ``time`` is too short.

    Raises
    ------
    ResultError
        If the run has no log.
    ModelError
        If the run has no event of that name.

    Examples
    --------
    >>> import hybridrd as hrd, numpy as np
    >>> A = hrd.Species("A", D=1.0)
    >>> line = hrd.Box(x=(0, 1))
    >>> system = hrd.System(
    ...     species=[A], domain=line, particles=line, walls={"x+": hrd.Absorbing()},
    ...     initial={A: hrd.Points(np.zeros(500))},
    ... )
    >>> result = hrd.Simulation(system, dt=1e-3, seed=1).run(until=5.0, every=1.0, events="log")
    >>> passed = hrd.first_passage(result)["time"]
    >>> bool(abs(passed.mean() - 0.5) < 4 * passed.sem())  # 1/(2 D)
    True
    """
    labels = _labels(result)
    exits = [label for label in labels if label.startswith("exit at ")]
    wanted = exits if what is None else list(chosen([what], "what", "passed", labels))
    table = events(result)
    born: dict[int, float] = {}
    columns = (table[n].tolist() for n in ("time", "what", "reactants", "products"))
    ids, rows, starts = [], [], []
    passed: set[int] = set()
    for row, (time, label, before, after) in enumerate(zip(*columns, strict=True)):
        for i in set(after) - set(before):
            born.setdefault(i, time)
        for i in before if label in wanted else ():
            if i >= 0 and i not in passed:
                passed.add(i)
                ids.append(i)
                rows.append(row)
                starts.append(born.get(i, float(result["time"].values[0])))
    found = table.iloc[rows].drop(columns=["reactants", "products"]).reset_index(drop=True)
    found.insert(0, "id", np.array(ids, np.int64))
    found.insert(1, "start", np.array(starts, float))
    found["time"] = found["time"] - found["start"]
    return found


_COLUMNS = ("time", "what", "species", "reactants", "products", "place")


def _labels(result: xr.Dataset) -> list[str]:
    """Labels of the possible events. Raises ResultError without a log."""
    import xarray as xr

    if not isinstance(result, xr.Dataset):
        raise ResultError(f"result = {shown(result)}: give the result of a run")
    if "event_what" not in result:
        raise ResultError("the result has no log of events; run with events='log'")
    return list(result["event_what"].attrs["labels"])


def _tuples(ids: np.ndarray) -> list[tuple[int, ...]]:
    """Ids by row, without empty places."""
    return [tuple(int(i) for i in row if i != -1) for row in ids]
