"""The generator of the master equation as a sparse matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import CapacityError
from hybridrd.theory.cdme.event import Event
from hybridrd.theory.cdme.states import OVER, States, count_states

Matrix = sparse.csr_array[np.float64, tuple[int, int]]

# Bytes at the peak: a transition as triplet, in the conversion and as matrix; a state's vectors.
BYTES_PER_TRANSITION = 44
BYTES_PER_STATE = 200
BYTES_PER_OCCUPATION = 20
LARGEST_INDEX = 2**31 - 2


@dataclass(frozen=True)
class Generator:
    """``dp/dt = matrix @ p`` for the probabilities of all states and, last, the lost probability.

    Attributes
    ----------
    matrix
        ``(states + 1, states + 1)`` (1/time); columns sum to zero. The last row takes what would
        exceed the cut-off; the last column is empty.
    fastest
        The largest rate at which a state is left (1/time).
    """

    matrix: Matrix
    fastest: float


def check_size(
    voxels: int, most: Sequence[int], events: Sequence[Event], max_memory: float
) -> None:
    """Raise CapacityError for a state space that does not fit into memory, before allocating.

    Raises
    ------
    CapacityError
        With the numbers of states and transitions and the memory.
    """
    counts = [count_states(voxels, m) for m in most]
    states = math.prod(counts)
    transitions = sum(count_transitions(voxels, most, e) for e in events)
    needed = (
        BYTES_PER_TRANSITION * transitions
        + BYTES_PER_STATE * states
        + BYTES_PER_OCCUPATION * voxels * sum(counts)
    )
    if needed <= max_memory and states < LARGEST_INDEX:
        return
    each = " x ".join(f"{c:,}" for c in counts)
    raise CapacityError(
        f"voxels = {voxels}, max_copies = {', '.join(map(str, most))}: "
        f"{each if len(counts) == 1 else f'{each} = {states:,}'} states and {transitions:,} "
        f"transitions need about {needed / 1e9:.3g} GB, more than max_memory = "
        f"{max_memory / 1e9:.3g} GB or 2^31 states; take fewer voxels or copies"
    )


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
        What happens.
    closed
        Whether events that would exceed the cut-off do not happen, rather than lose probability.

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
    voxels = states.species[0].voxels
    most = [s.most for s in states.species]
    room = sum(count_transitions(voxels, most, e) for e in events)
    size = states.count + 1
    source = np.empty(room + size, np.int32)
    target = np.empty(room + size, np.int32)
    rate = np.empty(room + size)
    filled = 0
    for event in events:
        leaves, enters, rates = _transitions(states, event)
        if closed:
            stays = enters != states.count
            leaves, enters, rates = leaves[stays], enters[stays], rates[stays]
        part = slice(filled, filled + len(rates))
        source[part], target[part], rate[part] = leaves, enters, rates
        filled += len(rates)
    leaving = np.bincount(source[:filled], weights=rate[:filled], minlength=size)
    part = slice(filled, filled + size)
    source[part] = target[part] = np.arange(size, dtype=np.int32)
    rate[part] = -leaving
    whole = slice(0, filled + size)
    triplets = sparse.coo_array((rate[whole], (target[whole], source[whole])), shape=(size, size))
    matrix = triplets.tocsr()
    return Generator(matrix, float(-matrix.diagonal().min()))


def _transitions(states: States, event: Event) -> tuple[Integers, Integers, Floats]:
    """The states that an event leaves, those it enters (`States.count` where over), the rates."""
    leaves: list[Integers] = []
    enters: list[Integers] = []
    ways: list[Floats] = []
    over: list[NDArray[np.bool_]] = []
    for s, (occupations, stride) in enumerate(zip(states.species, states.strides, strict=True)):
        taken = [voxel for t, voxel in event.takes if t == s]
        made = [voxel for t, voxel in event.makes if t == s]
        before, count = occupations.choices(taken)
        after = occupations.change(before, taken, made)
        leaves.append(before * stride)
        enters.append(after * stride)
        ways.append(count)
        over.append(after == OVER)
    entered = reduce(np.add.outer, enters).ravel()
    entered[reduce(np.logical_or.outer, over).ravel()] = states.count
    number = np.asarray(reduce(np.multiply.outer, ways).ravel(), np.float64)
    rates = event.rate * (np.minimum(number, 1.0) if event.any_one else number)
    return reduce(np.add.outer, leaves).ravel(), entered, rates
