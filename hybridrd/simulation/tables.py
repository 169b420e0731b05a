"""Reactions as tables for kernels, and their rates in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybridrd.errors import StepError
from hybridrd.model import doi
from hybridrd.model.functions import evaluate, needs_time
from hybridrd.model.grid import Floats
from hybridrd.model.system import System
from hybridrd.simulation.region import Integers


@dataclass(frozen=True)
class PairReaction:
    """A reaction of order two: its index, reactants, and Doi radius (length)."""

    reaction: int
    first: int
    second: int
    radius: float
    D: float
    consumes: tuple[bool, bool]
    news: tuple[tuple[int, int], ...]  # (species, reactant at whose place it is put)

    @property
    def like(self) -> bool:
        return self.first == self.second


@dataclass(frozen=True)
class ReactionTables:
    """The reactions of a system by order, as `hybridrd.kernels.fates` wants them."""

    system: System
    channels: Integers
    channel: Integers
    products: Integers
    product: Integers
    creations: tuple[int, ...]
    pairs: tuple[PairReaction, ...]
    varies: bool
    in_time: bool

    def macroscopic(self, t: float, cells: Integers | None = None) -> Floats:
        """Macroscopic rates at a time, ``(reactions, 1)``, or one column a cell where they vary."""
        system = self.system
        if not self.varies:
            rates = [r.macroscopic(system.dimension) for r in system.reactions]
            return np.array(rates, dtype=float).reshape(-1, 1)
        coordinates = system.grid.coordinates()
        if cells is not None:
            coordinates = {n: v[cells] for n, v in coordinates.items()}
        return np.array(
            [
                evaluate(r.macroscopic(system.dimension), coordinates, t, f"rate of {r.label!r}")
                for r in system.reactions
            ]
        )


def make_tables(system: System) -> ReactionTables:
    """Compile the reactions of a system."""
    index = {name: i for i, name in enumerate(system.names)}
    reactions = system.reactions
    by_species: list[list[int]] = [[] for _ in system.species]
    pairs = []
    for r, reaction in enumerate(reactions):
        if reaction.order == 1:
            by_species[index[reaction.reactants[0]]].append(r)
        elif reaction.order == 2 and reaction.radius is not None:
            a, b = (index[n] for n in reaction.reactants)
            products = [index[n] for n in reaction.products]
            consumes = [True, True]
            news = []
            for k, s in enumerate(products):
                place = k if k < 2 else 0
                if k < 2 and s == (a, b)[k]:
                    consumes[k] = False
                else:
                    news.append((s, place))
            D = system.species[a].D + system.species[b].D
            pairs.append(
                PairReaction(r, a, b, reaction.radius, D, (consumes[0], consumes[1]), tuple(news))
            )
    products_of = [[index[n] for n in r.products] for r in reactions]
    rates = [r.macroscopic(system.dimension) for r in reactions]
    return ReactionTables(
        system=system,
        channels=_starts(by_species),
        channel=np.array([r for group in by_species for r in group], np.int64),
        products=_starts(products_of),
        product=np.array([s for group in products_of for s in group], np.int64),
        creations=tuple(r for r, reaction in enumerate(reactions) if reaction.order == 0),
        pairs=tuple(pairs),
        varies=any(callable(k) for k in rates),
        in_time=any(needs_time(k) for k in rates if callable(k)),
    )


def _starts(groups: list[list[int]]) -> Integers:
    return np.concatenate([[0], np.cumsum([len(g) for g in groups], dtype=np.int64)]).astype(
        np.int64
    )


def pair_probabilities(
    pair: PairReaction, k: Floats, dt: float, dimension: int, label: str
) -> Floats:
    """Probability that a pair within the radius reacts in one half step, per rate cell.

    Parameters
    ----------
    k
        Macroscopic rates (length^d/time), one or one a cell.

    Raises
    ------
    StepError
        Where the probability of a full step would exceed one.
    """
    lambda0 = k / doi.reactive_volume(pair.radius, dimension)
    # Largest first: if that one can be, all can.
    largest = float(lambda0.max(initial=0.0))
    try:
        doi.pair_probability(largest, dt, pair.D, pair.radius, dimension)
    except StepError as error:
        raise StepError(f"reaction {label!r}: {error}") from None
    tau = dt * doi.trial_time(pair.D * dt / pair.radius**2, dimension)
    p = lambda0 * dt / (1.0 + lambda0 * tau)
    return np.asarray(-np.expm1(0.5 * np.log1p(-p)))
