"""Tables as functions of time: measured or prescribed rates, concentrations and fluxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.arguments import (
    LARGEST,
    check_file,
    choice,
    named_arguments,
    path_of,
    real_array,
    shown,
)
from hybridrd.errors import ModelError
from hybridrd.model.frozen import frozen

BETWEEN = ("linear", "steps")
_SLACK = 1e-12  # relative, of a time: round-off of a number of steps
_MOST_BYTES = 64_000_000  # of a file


@named_arguments
class Table:
    """A function of time given by its values at some times.

    It can replace any function of ``t``: in rates, `Reservoir`, `Influx`, the outside of a
    `Leaky` wall. It can be written to TOML and sent to worker processes. Functions are evaluated
    once per step.

    Parameters
    ----------
    t
        Increasing times, shape ``(n,)`` (time).
    values
        Values of the function at these times, shape ``(n,)``.
    between
        ``"linear"``: straight lines between the times; ``"steps"``: each value holds from its time
        to the next. Before the first time it is the first value, after the last time the last.

    Raises
    ------
    ModelError
        If there are no times, they are not increasing, or numbers are not finite.

    Examples
    --------
    >>> pulse = Table([0.0, 1.0, 3.0], [0.0, 50.0, 0.0], between="steps")
    >>> [float(pulse(t)) for t in (0.5, 1.0, 2.9, 3.0)]
    [0.0, 50.0, 50.0, 0.0]
    >>> float(Table([0, 2], [0, 10])(0.5))
    2.5
    """

    def __init__(self, t: Any, values: Any, between: str = "linear") -> None:
        times, numbers = real_array(t, "Table: t"), real_array(values, "Table: values")
        if times.ndim != 1 or not times.size or times.shape != numbers.shape:
            raise ModelError(
                f"Table: t has shape {times.shape} and values {numbers.shape}; give as many values "
                f"as times, at least one"
            )
        for name, array in (("t", times), ("values", numbers)):
            wrong = np.flatnonzero(~(np.abs(array) <= LARGEST))
            if wrong.size:
                raise ModelError(f"Table: {name}[{wrong[0]}] = {array[wrong[0]]:g}: not finite")
        falls = np.flatnonzero(np.diff(times) <= 0)
        if falls.size:
            i = int(falls[0])
            raise ModelError(
                f"Table: t[{i}] = {times[i]:g} and t[{i + 1}] = {times[i + 1]:g}: times must "
                f"increase; for a jump use between='steps'"
            )
        self.t, self.values = frozen(times), frozen(numbers)
        self.between = choice(between, "Table: between", BETWEEN)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        time: str | int = 0,
        value: str | int = 1,
        between: str = "linear",
        separator: str = ",",
    ) -> Table:
        """A table from two columns of a file, by their names or numbers.

        Parameters
        ----------
        path
            A text file with a line for each time; a first line without numbers names the
            columns.
        time, value
            The columns, by default the first two.
        between
            See `Table`.
        separator
            What separates the columns.

        Raises
        ------
        ModelError
            If it cannot be read, a column is missing, or an entry is not a number.
        """
        import pandas as pd

        path = path_of(path, "path")
        check_file(path, _MOST_BYTES)
        try:
            rows = pd.read_csv(path, sep=separator, header=None, dtype=str, comment="#")
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read as a table: {error}") from error
        first = [str(v).strip() for v in rows.iloc[0]]
        named = any(pd.isna(pd.to_numeric(pd.Series(first), errors="coerce")))
        rows = rows.iloc[1:] if named else rows
        columns = []
        for column in (time, value):
            known = ", ".join(first) if named else f"0 to {len(first) - 1}"
            if isinstance(column, str) and named and column in first:
                column = first.index(column)
            if not isinstance(column, int) or not 0 <= column < len(first):
                raise ModelError(f"{path}: there is no column {column!r}; there are {known}")
            numbers = pd.to_numeric(rows.iloc[:, column], errors="coerce")
            wrong = np.flatnonzero(numbers.isna())
            if wrong.size:
                line = int(rows.index[wrong[0]]) + 1
                given = shown(rows.iloc[wrong[0], column])
                raise ModelError(f"{path}: line {line}: {given} is not a number")
            columns.append(numbers.to_numpy())
        return cls(columns[0], columns[1], between)

    def __call__(self, t: float) -> Any:
        """The value at a time, or at an array of times."""
        if self.between == "linear":
            return np.interp(t, self.t, self.values)
        late = np.asarray(t) + _SLACK * np.abs(t)  # so that 3 * 0.1 is not before 0.3
        return self.values[np.maximum(np.searchsorted(self.t, late, side="right") - 1, 0)]

    def to_dict(self) -> dict[str, Any]:
        """The table as lists, the layout of the TOML file."""
        steps = {"between": self.between} if self.between != BETWEEN[0] else {}
        return {"t": self.t.tolist(), "values": self.values.tolist(), **steps}

    def _parts(self) -> tuple[Any, ...]:
        return self.t.tobytes(), self.values.tobytes(), self.between

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Table) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __reduce__(self) -> tuple[Any, ...]:  # built again: unpickled arrays could be changed
        return type(self), (self.t, self.values, self.between)

    def __repr__(self) -> str:
        ends = f"t = {self.t[0]:g} to {self.t[-1]:g}, {self.values.min():g} to "
        return f"Table({len(self.t)} times, {ends}{self.values.max():g}, {self.between})"


def check_least(value: Any, where: str, least: float) -> None:
    """Refuse a table with values below a bound; other functions are checked in use."""
    if isinstance(value, Table) and value.values.min() < least:
        i = int(np.argmin(value.values))
        raise ModelError(
            f"{where}: the table has {value.values[i]:g} at t = {value.t[i]:g}; it must be at "
            f"least {least:g}"
        )
