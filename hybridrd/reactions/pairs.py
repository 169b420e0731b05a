"""Pair reactions in a region and across its faces, and dissociation, for compiled steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybridrd.arrays import Floats, Integers
from hybridrd.coupling.event_log import EventLog
from hybridrd.errors import StepError
from hybridrd.kernels import close_pairs, encounters
from hybridrd.kernels.cascade import MOST_GENERATIONS, Meetings
from hybridrd.kernels.cell_list import Box
from hybridrd.kernels.close_pairs import make_search
from hybridrd.kernels.encounters import Encounters
from hybridrd.kernels.events import ACCEPTED, CELL, ENCOUNTER, make_bench
from hybridrd.kernels.partner_places import Domain
from hybridrd.kernels.rng import stream_key
from hybridrd.model import doi
from hybridrd.model.reaction import PLACES
from hybridrd.particles.population import Population
from hybridrd.particles.region import Region
from hybridrd.reactions.reservoir_partners import Partners
from hybridrd.reactions.tables import Encounter, Probability

_ROOM = 64  # initial capacity for events and pairs


class Pairs:
    """Doi pairs and dissociations of one region, see `hybridrd.kernels.cascade`.

    Parameters
    ----------
    partners
        Partners beyond the region.
    key, species
        Key of the realisation, and the number of species.
    events, credit
        Counts by reaction, and gains of the continuum, ``(species, cells)``, None for a continuum
        that ignores them; both are added to.
    """

    def __init__(
        self,
        found: tuple[Encounter, ...],
        region: Region,
        partners: Partners,
        key: np.uint64,
        species: int,
        events: NDArray[np.int64],
        credit: NDArray[np.int64] | None,
    ) -> None:
        self._found, self._region, self.partners = found, region, partners
        self._events, self._species = events, species
        self._credit = np.zeros((0, 0), np.int64) if credit is None else credit
        self._most = 2 + max(len(e.news) for e in found)
        self._bench = make_bench(_ROOM, species, region.grid.dimension, self._most)
        self._encounters = self._tabulate(key)
        involved, box = self._encounters.involved, self._encounters.box
        radius = self._encounters.radius
        self._search = make_search(_ROOM, len(found), species, involved, radius, box)
        self._search = self._search._replace(
            keys=self._encounters.streams[:, :, 3].copy(), always=bool(partners.rows)
        )
        self._known: Meetings | None = None

    def restart(self, key: np.uint64) -> None:
        """Go back to the start, with other random numbers; no pair is known."""
        self._encounters.streams[...] = self._streams(key)
        self._search.keys[...] = self._encounters.streams[:, :, 3]
        self._search.stamps[:], self._search.fineness[:] = -1, 1.0

    def _streams(self, key: np.uint64) -> NDArray[np.uint64]:
        """Keys of the random numbers, ``(2, reactions, 4)``."""
        return np.array(
            [
                [[stream_key(key, i, half, kind) for kind in range(4)]
                 for i in range(len(self._found))]
                for half in (0, 1)
            ],
            np.uint64,
        )  # fmt: skip

    def _tabulate(self, key: np.uint64) -> Encounters:
        """Everything except the probabilities."""
        found, region, grid = self._found, self._region, self._region.cells
        reactive = sorted({s for e in found for s in e.partners if s is not None})
        meeting = [e for e in found if not e.back]
        none = np.zeros((0, 0))
        return Encounters(
            table=np.zeros((0, 0), np.int64), sizes=none, hazard=none, full=none,
            shells=np.zeros((0, 2, 0)),
            streams=self._streams(key),
            **_news(found),
            reactive=np.isin(np.arange(self._species), reactive),
            involved=np.array(
                sorted({s for e in meeting for s in (e.first, e.second)}), np.int64
            ),
            radius=max((e.radius for e in meeting), default=0.0),
            box=Box(region.low, region.high - region.low, region.periods, region.volume),
            cells=grid,
            domain=Domain(grid.low, grid.inverse, grid.shape, np.array(region.periodic)),
            codes=region.parts.codes, events=self._events, credit=self._credit,
        )  # fmt: skip

    def set_probabilities(self, probabilities: list[Probability]) -> None:
        """Take the probabilities of all reactions."""
        each = list(zip(self._found, probabilities, strict=True))
        table = np.array([self._row(i, p) for i, p in enumerate(probabilities)], np.int64)
        d, shells = self._region.grid.dimension, max(p.shells.shape[1] for p in probabilities)
        sizes = np.array([_sizes(e, p, d) for e, p in each], np.float64)
        self._search = self._search._replace(table=table, sizes=sizes)
        self._encounters = self._encounters._replace(
            table=table,
            sizes=sizes,
            hazard=_columns([p.hazard for p in probabilities]),
            full=_columns([p.full for p in probabilities]),
            shells=np.array([np.broadcast_to(p.shells, (2, shells)) for p in probabilities]),
        )

    def _row(self, i: int, p: Probability) -> list[int]:
        e = self._found[i]
        row = [0] * encounters.COLUMNS
        row[encounters.A], row[encounters.B] = e.first, -1 if e.back else e.second
        row[encounters.CHANNEL], row[encounters.ONCE] = e.channel, p.once
        row[encounters.GRADED] = p.shells.shape[1] > 1
        row[encounters.RULE] = PLACES.index(e.place)
        row[encounters.ACTIVE] = p.full.max(initial=0.0) > 0.0
        row[encounters.GOES], row[encounters.OTHER_GOES] = e.consumes
        row[encounters.LEFT], row[encounters.THROWN] = e.apart or (-1, -1)
        for role in (0, 1):
            row[encounters.ROW + role] = self.partners.rows.get((i, role), -1)
        return row

    @property
    def meetings(self) -> Meetings:
        """All arrays for compiled steps."""
        parts = self._search, self._encounters, self.partners.beyond, self._bench
        if self._known is None or any(a is not b for a, b in zip(parts, self._known, strict=True)):
            self._known = Meetings(*parts)
        return self._known

    def make_room(self, what: int, number: int, population: Population) -> None:
        """Enlarge arrays that were too small, see `hybridrd.kernels.close_pairs`."""
        room = number + number // 8
        if what == close_pairs.SPARES:
            for s in self._encounters.involved:
                population[int(s)].hold_spare()
        elif what == close_pairs.PAIRS:
            i, j, may, other = (np.empty(room, np.int64) for _ in range(4))
            known = len(self._search.i)
            i[:known], j[:known] = self._search.i, self._search.j
            self._search = self._search._replace(i=i, j=j, may=may, other=other)
        else:
            self._bench = make_bench(room, self._species, len(self._bench.x), self._most)

    def note(self, log: EventLog, halves: float) -> None:
        """Log the events of a half step, by the number of earlier half steps."""
        bench = self._bench
        n = int(bench.counts[ACCEPTED])
        if n == 0:
            return
        which = bench.accepted[:n]
        rows, places = bench.events[which], bench.places[which]
        where = np.where(rows[:, [CELL]] < 0, places[:, 0], places[:, 1])
        what = self._encounters.table[rows[:, ENCOUNTER], encounters.CHANNEL]
        times, after = halves + bench.time[which], bench.after[:n, : log.products]
        log.reactions(times, True, what, bench.before[:n], after, where)
        bench.counts[ACCEPTED] = 0

    def refuse(self, born: int) -> None:
        """Refuse reactions that follow each other without end. Raises StepError."""
        active = self._encounters.table[:, encounters.ACTIVE]
        names = ", ".join(
            repr(e.label) for e, acts in zip(self._found, active, strict=True) if acts
        )
        raise StepError(
            f"reactions {names} follow each other more than {MOST_GENERATIONS:,} times, or "
            f"{born:,} particles were born within half a step; use a smaller dt"
        )


def _sizes(e: Encounter, p: Probability, dimension: int) -> tuple[float, ...]:
    ball = doi.reactive_volume(e.radius, dimension)
    most = float(p.hazard.max(initial=0.0)) if p.full.max(initial=0.0) > 0.0 else 0.0
    bound = most if p.once else -np.expm1(-most)
    full = float(p.full.max(initial=0.0))
    return e.radius, ball, p.beyond, full, bound * (1.0 + 1e-9), e.share


def _columns(values: list[Floats]) -> NDArray[np.float64]:
    """Values of all reactions as rows, one number or one per cell."""
    most = max(len(v) for v in values)
    return np.array([np.broadcast_to(v, most) for v in values], np.float64)


def _news(found: tuple[Encounter, ...]) -> dict[str, Integers]:
    """Products of all reactions, and of complexes at the position of their second partner."""
    lists: list[tuple[tuple[int, int], ...]] = []
    for e in found:
        turned = ((e.apart[0], 1), (e.apart[1], 0)) if e.apart is not None else ()
        lists += [e.news, turned]
    starts = np.cumsum([0, *map(len, lists)])
    news = np.array([n for each in lists for n in each], np.int64).reshape(-1, 2)
    return {"starts": starts.astype(np.int64), "news": news}
