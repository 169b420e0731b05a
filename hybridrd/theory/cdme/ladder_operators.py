"""Creation and annihilation operators of tiny systems, and the generator as their product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from scipy import sparse

from hybridrd.errors import ModelError
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Event, Site
from hybridrd.theory.cdme.evolve import MaxCopies, make_states, prepare
from hybridrd.theory.cdme.generator import Matrix
from hybridrd.theory.cdme.states import OVER, States
from hybridrd.theory.cdme.voxels import VoxelsLike

MAX_MEMORY = 2e8


@dataclass(frozen=True, eq=False)
class Operators:
    """Creation and annihilation operators on the states of a system.

    On the state with n copies of a species in a voxel ``a |n> = n |n - 1>`` and
    ``a+ |n> = |n + 1>`` (Doi's), so ``a a+ - a+ a = 1`` below the cut-off, above which ``a+``
    gives 0. Operators of other species and voxels commute.

    Attributes
    ----------
    create, annihilate
        The matrices by (name of the species, number of the voxel), ``(states, states)``.
    states
        The occupation numbers of each state, ``(states, species, voxels)``.
    """

    create: Mapping[tuple[str, int], Matrix]
    annihilate: Mapping[tuple[str, int], Matrix]
    states: np.ndarray
    _sites: Mapping[Site, tuple[str, int]] = field(repr=False)
    _events: tuple[Event, ...] = field(repr=False)

    def term(self, event: Event, t: float = 0.0) -> Matrix:
        """Gain minus loss of one event: ``rate (prod a+_made - prod a+_taken) prod a_taken``."""
        identity = sparse.csr_array(sparse.eye_array(len(self.states)))

        def product(operators: Mapping[tuple[str, int], Matrix], sites: tuple[Site, ...]) -> Matrix:
            factors = [operators[self._sites[site]] for site in sites]
            return sparse.csr_array(reduce(lambda a, b: a @ b, factors, identity))

        taken = product(self.annihilate, event.takes)
        change = product(self.create, event.makes) - product(self.create, event.takes)
        return sparse.csr_array(event.rate_at(t) * (change @ taken))

    def generator(self, t: float = 0.0) -> Matrix:
        """The sum of all terms: ``dp/dt = generator @ p`` for the probabilities of the states."""
        zero = sparse.csr_array((len(self.states), len(self.states)))
        return sparse.csr_array(sum((self.term(event, t) for event in self._events), start=zero))


def operators(
    system: System,
    voxels: VoxelsLike,
    max_copies: MaxCopies,
    reservoir: str = "wall",
    max_memory: float = MAX_MEMORY,
) -> Operators:
    """The operators a and a+ of a tiny system, whose products are the master equation.

    Parameters
    ----------
    system, voxels, max_copies, reservoir, max_memory
        See `hybridrd.theory.cdme.solve`.

    Raises
    ------
    ModelError
        If a drain is among the events, because its rate is not a product of operators.
    CapacityError
        If there are too many states.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> death = hrd.Reaction("A -> 0", k=3.0)
    >>> system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), reactions=[death])
    >>> found = operators(system, voxels=1, max_copies=2)
    >>> found.annihilate["A", 0].toarray()
    array([[0., 1., 0.],
           [0., 0., 2.],
           [0., 0., 0.]])
    >>> found.generator().toarray()
    array([[ 0.,  3.,  0.],
           [ 0., -3.,  6.],
           [ 0.,  0., -6.]])
    """
    model, most = prepare(system, voxels, max_copies, reservoir, max_memory)
    if any(event.any_one for event in model.events):
        raise ModelError("a drain (an Influx below 0) has no product of a and a+; leave it out")
    space = make_states(model, most)
    sites = {
        (s, i): (name, i) for s, name in enumerate(system.names) for i in range(model.voxels.count)
    }
    numbers = np.unravel_index(np.arange(space.count), space.shape)
    table = np.stack([o.table[n] for o, n in zip(space.species, numbers, strict=True)], axis=1)
    return Operators(
        {key: _matrix(space, site, creates=True) for site, key in sites.items()},
        {key: _matrix(space, site, creates=False) for site, key in sites.items()},
        table,
        sites,
        model.events,
    )


def _matrix(space: States, site: Site, creates: bool) -> Matrix:
    """One operator: it acts on the states of its species, and as identity on the others."""
    s, voxel = site
    own = space.species[s]
    if creates:
        states, ways = np.arange(own.count), np.ones(own.count)
        targets = own.change(states, (), (voxel,))
    else:
        states, ways = own.choices((voxel,))
        targets = own.change(states, (voxel,), ())
    fits = targets != OVER
    entries = (ways[fits], (targets[fits], states[fits]))
    matrix = sparse.coo_array(entries, shape=(own.count, own.count))
    before, after = (int(np.prod(part)) for part in (space.shape[:s], space.shape[s + 1 :]))
    left = sparse.kron(sparse.eye_array(before), matrix)
    return sparse.csr_array(sparse.kron(left, sparse.eye_array(after)))
