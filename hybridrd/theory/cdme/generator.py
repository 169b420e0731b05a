"""The generator of the master equation as a sparse matrix."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import CapacityError
from hybridrd.theory.cdme.event import Course, Event
from hybridrd.theory.cdme.states import OVER, States, count_states

Matrix = sparse.csr_array[np.float64, tuple[int, int]]

# Peak bytes per transition (triplet, conversion and matrix) and per state (vectors).
BYTES_PER_TRANSITION = 44
BYTES_PER_TIMED = 150  # additional bytes if its rate depends on time
BYTES_PER_STATE = 200
BYTES_PER_OCCUPATION = 20
LARGEST_INDEX = 2**31 - 2
SECONDS_PER_TRANSITION = 1e-6  # of the assembly
LONG = 10.0  # seconds


@dataclass(frozen=True, eq=False)
class Generator:
    """``dp/dt = matrix @ p`` for the probabilities of all states and, last, the lost probability.

    Attributes
    ----------
    matrix
        ``(states + 1, states + 1)`` (1/time); columns sum to zero. The last row receives what would
        exceed the cut-off; the last column is empty. Without the events of ``timed``.
    fastest
        The largest rate at which a state is left (1/time).
    timed
        The events whose rates depend on time; None if there is none.
    """

    matrix: Matrix
    fastest: float
    timed: TimedEvents | None = None


class TimedEvents:
    """Events whose rates depend on time, in addition to a constant matrix.

    Parameters
    ----------
    events
        The events.
    source, target, ways, number
        Their transitions: the states left and entered, the ways, the event.
    constant
        The matrix of all other events.
    """

    def __init__(
        self,
        events: Sequence[Event],
        source: NDArray[np.int32],
        target: NDArray[np.int32],
        ways: Floats,
        number: NDArray[np.int32],
        constant: Matrix,
    ) -> None:
        self._groups: list[tuple[Course, Integers, Integers]] = []
        for course in dict.fromkeys(e.course for e in events if e.course is not None):
            mine = [n for n, e in enumerate(events) if e.course is course]
            index = np.array([events[n].index for n in mine])
            self._groups.append((course, np.array(mine), index))
        self._factor = np.array([e.rate for e in events])
        self._number, self._ways = number, ways
        fixed = constant.tocoo()
        self._size, self._fixed = constant.shape[0], fixed.data
        rows = np.concatenate([fixed.row, target, source]).astype(np.int64)
        columns = np.concatenate([fixed.col, source, source]).astype(np.int64)
        keys, self._entry = np.unique(rows * self._size + columns, return_inverse=True)
        self._columns = (keys % self._size).astype(np.int32)
        self._starts = np.searchsorted(keys, np.arange(self._size + 1, dtype=np.int64) * self._size)

    def rates(self, t: float) -> Floats:
        """Rates of the events at a time, ``(events,)``."""
        result = self._factor.copy()
        for course, mine, index in self._groups:
            result[mine] *= course.at(t)[index]
        return result

    def generator(self, rates: Floats) -> Generator:
        """The generator of all events, with given rates for these."""
        each = rates[self._number] * self._ways
        weights = np.concatenate([self._fixed, each, -each])
        data = np.bincount(self._entry, weights, len(self._columns)).astype(np.float64)
        shape = (self._size, self._size)
        matrix = sparse.csr_array((data, self._columns, self._starts), shape=shape)
        return Generator(matrix, float(-matrix.diagonal().min()))


def check_size(
    voxels: int,
    most: Sequence[int],
    events: Sequence[Event],
    max_memory: float,
    records: int = 1,
) -> None:
    """Raise CapacityError for a state space that does not fit into memory, before allocating.

    ``records`` of the joint probabilities of several species count, too.

    Raises
    ------
    CapacityError
        With the numbers of states and transitions and the memory.

    Warns
    -----
    UserWarning
        With the same numbers, if the assembly will take long.
    """
    counts = [count_states(voxels, m) for m in most]
    states = math.prod(counts)
    transitions = sum(count_transitions(voxels, most, e) for e in events)
    timed = sum(count_transitions(voxels, most, e) for e in events if e.course is not None)
    needed = (
        BYTES_PER_TRANSITION * transitions
        + BYTES_PER_TIMED * timed
        + BYTES_PER_STATE * states
        + BYTES_PER_OCCUPATION * voxels * sum(counts)
        + 8 * records * math.prod(m + 1 for m in most)
    )
    each = " x ".join(f"{c:,}" for c in counts)
    text = (
        f"voxels = {voxels}, max_copies = {', '.join(map(str, most))}: "
        f"{each if len(counts) == 1 else f'{each} = {states:,}'} states and {transitions:,} "
        f"transitions need about {needed / 1e9:.3g} GB"
    )
    if needed > max_memory or states >= LARGEST_INDEX:
        raise CapacityError(
            f"{text}, more than max_memory = {max_memory / 1e9:.3g} GB or 2^31 states; "
            f"use fewer voxels or copies"
        )
    warn_if_long(f"{text}; the matrix takes", transitions * SECONDS_PER_TRANSITION, 5)


def warn_if_long(text: str, seconds: float, stacklevel: int) -> None:
    """Say how long something will take that takes more than `LONG`, in a UserWarning."""
    if seconds > LONG:
        takes = f"{seconds / 60:.2g} minutes" if seconds > 100 else f"{seconds:.2g} s"
        warnings.warn(f"{text} about {takes}", UserWarning, stacklevel)


def count_transitions(voxels: int, most: Sequence[int], event: Event) -> int:
    """Number of states that an event can leave."""
    taken = [sum(s == t for s, _ in event.takes) for t in range(len(most))]
    counts = (
        count_states(voxels, m - k) if m >= k else 0 for m, k in zip(most, taken, strict=True)
    )
    return math.prod(counts)


def make_generator(states: States, events: Sequence[Event], closed: bool = False) -> Generator:
    """Assemble the generator, whole arrays at a time.

    Parameters
    ----------
    states
        The state space.
    events
        The events.
    closed
        Whether events that would exceed the cut-off are excluded, rather than lose probability.

    Examples
    --------
    One voxel, creation at rate 3, at most one copy; the last state is what was lost.

    >>> from hybridrd.theory.cdme.states import Occupations
    >>> states = States((Occupations(voxels=1, most=1),))
    >>> make_generator(states, [Event(3.0, (), ((0, 0),))]).matrix.toarray()
    array([[-3.,  0.,  0.],
           [ 3., -3.,  0.],
           [ 0.,  3.,  0.]])
    """
    constant = [e for e in events if e.course is None]
    source, target, rate, _ = _triplets(states, constant, closed)
    size = states.count + 1
    leaving = np.bincount(source, weights=rate, minlength=size)
    every = np.arange(size, dtype=np.int32)
    rows, columns = np.concatenate([target, every]), np.concatenate([source, every])
    triplets = sparse.coo_array((np.concatenate([rate, -leaving]), (rows, columns)), (size, size))
    matrix = triplets.tocsr()
    fastest = float(-matrix.diagonal().min())
    timed = [e for e in events if e.course is not None]
    if not timed:
        return Generator(matrix, fastest)
    unit = [replace(e, rate=1.0, course=None) for e in timed]
    return Generator(
        matrix, fastest, TimedEvents(timed, *_triplets(states, unit, closed), constant=matrix)
    )


def _triplets(
    states: States, events: Sequence[Event], closed: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats, NDArray[np.int32]]:
    """All transitions: the states left and entered, the rates, the number of the event."""
    voxels = states.species[0].voxels
    most = [s.most for s in states.species]
    room = sum(count_transitions(voxels, most, e) for e in events)
    source, target = np.empty(room, np.int32), np.empty(room, np.int32)
    rate, number = np.empty(room), np.empty(room, np.int32)
    filled = 0
    for n, event in enumerate(events):
        leaves, enters, rates = _transitions(states, event)
        if closed:
            stays = enters != states.count
            leaves, enters, rates = leaves[stays], enters[stays], rates[stays]
        part = slice(filled, filled + len(rates))
        source[part], target[part], rate[part], number[part] = leaves, enters, rates, n
        filled += len(rates)
    return source[:filled], target[:filled], rate[:filled], number[:filled]


def _transitions(states: States, event: Event) -> tuple[Integers, Integers, Floats]:
    """The states that an event leaves, those it enters (`States.count` where over), the rates."""
    leaves: list[Integers] = []
    enters: list[Integers] = []
    ways: list[Floats] = []
    counts: list[Integers] = []
    over: list[NDArray[np.bool_]] = []
    for s, (occupations, stride) in enumerate(zip(states.species, states.strides, strict=True)):
        taken = [voxel for t, voxel in event.takes if t == s]
        made = [voxel for t, voxel in event.makes if t == s]
        before, count = occupations.choices(taken)
        after = occupations.change(before, taken, made)
        leaves.append(before * stride)
        enters.append(after * stride)
        ways.append(count)
        if event.law is not None:
            counts.append(occupations.table[before, event.law.voxel])
        over.append(after == OVER)
    entered = reduce(np.add.outer, enters).ravel()
    entered[reduce(np.logical_or.outer, over).ravel()] = states.count
    if event.law is not None:
        most = [occupations.most for occupations in states.species]
        at = tuple(np.ix_(*counts)[s] for s in event.law.species)
        values = np.broadcast_to(event.law.table(most)[at], [len(n) for n in counts])
        return reduce(np.add.outer, leaves).ravel(), entered, event.rate * values.ravel()
    number = np.asarray(reduce(np.multiply.outer, ways).ravel(), np.float64)
    rates = event.rate * (np.minimum(number, 1.0) if event.any_one else number)
    return reduce(np.add.outer, leaves).ravel(), entered, rates
