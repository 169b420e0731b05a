"""Log of the events of each particle: reactions, arrivals and exits, one row each."""

from __future__ import annotations

from typing import Any, NamedTuple, Self, final

import numpy as np

from hybridrd.arrays import Floats, Ids, Integers, State, stored
from hybridrd.errors import ResultError
from hybridrd.kernels.first_order import NOBODY
from hybridrd.model.system import System
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region


class EventRows(NamedTuple):
    """Events, one row each.

    Parameters
    ----------
    time, what, species
        Time, number of the label, and species of the first particle of each event; ``(n,)``.
    reactants, products
        Ids of the particles, -1 for none, -2 for one without an id: ``(n, most)``.
    place
        Position, ``(n, d)``.
    """

    time: Floats
    what: Integers
    species: Integers
    reactants: Integers
    products: Integers
    place: Floats


@final
class EventLog:
    """Rows of a run since its last record; a witness of its exchange.

    Reactions have the times at which they are drawn within a half step; arrivals and exits are
    dated to the middle of their step, between its two halves of reactions.

    Parameters
    ----------
    system, region, dt
        The system, its particle region and the time step.

    Attributes
    ----------
    labels
        Labels of the possible events, in the order of their numbers.
    in_turn
        Whether pairs and other reactions alternate in a half step; each then has a quarter of the
        step for its times, so that no particle reacts before it exists.
    """

    def __init__(self, system: System, region: Region, dt: float) -> None:
        faces = [f.name for f in region.faces]
        self.labels = [c.label for c in system.channels]
        self._arrival, self._exit = len(self.labels), len(self.labels) + len(faces)
        self._inserted = self._exit + len(faces)
        self.labels += [f"arrival at {f}" for f in faces] + [f"exit at {f}" for f in faces]
        self.labels += ["insert()", "remove()"]
        self._dt, self._low, self._high = dt, region.low[:, None], region.high[:, None]
        self.reactants = max([1, *(len(c.reactants) for c in system.channels)])
        self.products = max([1, *(len(c.products) for c in system.channels)])
        names = [(*c.reactants, *c.products)[:1] for c in system.channels]
        self._first = np.array([system.index(n[0]) if n else -1 for n in names], np.int64)
        self.in_turn = False
        self._now, self._rows = 0.0, [self._none()]

    def _none(self) -> EventRows:
        none = np.zeros(0, np.int64)
        return EventRows(
            np.zeros(0), none, none, np.zeros((0, self.reactants), np.int64),
            np.zeros((0, self.products), np.int64), np.zeros((0, len(self._low))),
        )  # fmt: skip

    def begin(self, population: Population, step: int) -> None:  # noqa: ARG002
        """Note which step it is."""
        self._now = (step + 0.5) * self._dt

    def end(self, population: Population) -> None:
        """There is nothing to do."""

    def moved(self, species: int, before: Floats, after: Floats) -> None:
        """There is nothing to do."""

    def left(self, species: int, faces: Integers, x: Floats, ids: Ids, beyond: Floats) -> None:  # noqa: ARG002
        """Note particles that leave."""
        self._single(self._now, self._exit + faces, species, ids, x, True)

    def entered(self, species: int, face: int, x: Floats, ids: Ids, beyond: Floats) -> None:  # noqa: ARG002
        """Note particles that entered."""
        faces = np.full(len(ids), face)
        self._single(self._now, self._arrival + faces, species, ids, x, False)

    def by_hand(self, time: float, species: int, ids: Ids, x: Floats, removed: bool) -> None:
        """Note particles that were inserted or removed by the user."""
        what = np.full(len(ids), self._inserted + int(removed))
        self._single(time, what, species, ids, x, removed)

    def _single(
        self, time: float, what: Integers, species: int, ids: Ids, x: Floats, leaves: bool
    ) -> None:  # fmt: skip
        n = len(ids)
        who = ids.astype(np.int64)[:, None]
        place = np.clip(x, self._low, self._high).T.copy()
        self._rows.append(
            EventRows(
                np.full(n, time),
                what.astype(np.int64),
                np.full(n, species),
                _wide(who if leaves else None, n, self.reactants),
                _wide(None if leaves else who, n, self.products),
                place,
            )
        )

    def reactions(
        self, halves: Floats, pairs: bool, what: Integers, reactants: Integers,
        products: Integers, place: Floats,
    ) -> None:  # fmt: skip
        """Note reactions.

        Parameters
        ----------
        halves
            Times, in half steps since the start ``(n,)``.
        pairs
            Whether they are pair reactions.
        what
            Their numbers ``(n,)``.
        reactants, products
            Ids, ``(n, up to the most)``.
        place
            Positions, ``(n, d)``.
        """
        n, number = len(what), np.floor(halves)
        quarters = 2.0 * halves
        if self.in_turn:  # in either half step, pairs are first or last
            half = number % 2
            slot = 3.0 * half if pairs else 1.0 + half
            quarters = 2.0 * (number - half) + slot + (halves - number)
        ids = _wide(reactants, n, self.reactants), _wide(products, n, self.products)
        first = self._first[what]
        rows = EventRows(quarters * (0.25 * self._dt), what.copy(), first, *ids, place.copy())
        self._rows.append(rows)

    def take(self) -> dict[str, np.ndarray]:
        """The rows since the last record in order of time, by variable; they are then dropped."""
        rows = self._gathered()
        self._rows = [self._none()]
        found = {f"event_{name}": value for name, value in rows._asdict().items()}
        return {"event_count": np.array(len(rows.time)), **found}

    def _gathered(self) -> EventRows:
        columns: list[Any] = [np.concatenate(column) for column in zip(*self._rows, strict=True)]
        rows = EventRows(*columns)
        first = np.where(rows.reactants[:, 0] >= 0, rows.reactants[:, 0], rows.products[:, 0])
        order = np.lexsort((first, rows.what, rows.time))
        return EventRows(*(column[order] for column in columns))

    def state(self) -> State:
        """The rows since the last record, as arrays by name."""
        return {f"log/{name}": value for name, value in self._gathered()._asdict().items()}

    def load_state(self, state: State) -> Self:
        """The inverse of `state`. Raises ResultError."""
        none = self._none()
        n = len(stored(state, "log/time"))
        shapes = {name: v.shape[1:] for name, v in none._asdict().items()}
        rows = EventRows(**{f: stored(state, f"log/{f}", (n, *s)) for f, s in shapes.items()})
        if ((rows.what < 0) | (rows.what >= len(self.labels))).any():
            raise ResultError("the state is damaged: it has an event that is not possible")
        self._rows = [none, rows]
        return self


def _wide(ids: Integers | None, n: int, most: int) -> Integers:
    """Ids, padded with -1."""
    wide = np.full((n, most), NOBODY, np.int64)
    if ids is not None:
        wide[:, : ids.shape[1]] = ids
    return wide
