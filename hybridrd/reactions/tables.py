"""Tables of the reactions for kernels, with rates and pair probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from hybridrd.arrays import Floats, Integers
from hybridrd.errors import AccuracyWarning, StepError
from hybridrd.model import doi
from hybridrd.model.drift import mean_D
from hybridrd.model.functions import evaluate, needs_time
from hybridrd.model.pair_kernels import PairKernel
from hybridrd.model.reaction import Channel
from hybridrd.model.system import System

# Below this lambda0 dt the effective rate is Doi's within 0.4 % (`theory.doi.effective_rate`).
_TRUSTED = 0.38
_CERTAIN = 1.0 - 1e-16  # largest probability with a finite hazard
_MOST = 4.0  # largest number of dissociations in half a step; beyond, diffusion would intervene


@dataclass(frozen=True)
class Encounter:
    """A reaction of order two, or the dissociation that is its reverse.

    Parameters
    ----------
    channel, label
        Index among the system's channels, and its label.
    partners
        Species of the reactants, by index; the second is None for a dissociation.
    kernel
        Rate of a pair as a function of its distance; Doi's step in a dissociation.
    radius, volume
        The Doi radius, or the reach of the kernel (length), and its integral (length^d).
    place
        Position of new products, see `hybridrd.Reaction`.
    share
        Weight of the first partner in the position weighted by diffusion coefficients.
    D
        Sum of the partners' diffusion coefficients (length²/time).
    consumes
        Whether each reactant disappears; one that is a product again stays.
    news
        New particles: (species, reactant that it replaces); see `Reaction.places`.
    apart
        For a dissociation the species left at the position of the complex and the one put into
        the ball about it; None for pairs. Its hazard is the forward one times k_back/lambda0.
    """

    channel: int
    label: str
    partners: tuple[int, int | None]
    kernel: PairKernel
    radius: float
    volume: float
    D: float
    consumes: tuple[bool, bool]
    news: tuple[tuple[int, int], ...]
    place: str
    share: float
    apart: tuple[int, int] | None = None

    @property
    def back(self) -> bool:
        """Whether it is a dissociation."""
        return self.apart is not None

    @property
    def everyone(self) -> frozenset[int]:
        """All species that take part, before or after."""
        return frozenset(s for s in (*self.partners, *(s for s, _ in self.news)) if s is not None)

    @property
    def first(self) -> int:
        """Index of the first partner."""
        return self.partners[0]

    @property
    def second(self) -> int:
        """Index of the second partner."""
        assert self.partners[1] is not None
        return self.partners[1]


@dataclass(frozen=True)
class Probability:
    """Probability that one pair (or one complex) reacts; one value, or one for each cell.

    Parameters
    ----------
    full
        Probability in a full step of two half steps at the same positions.
    hazard
        Mean number of events of an exponential waiting time in half a step; the probability
        itself if only their mean number matters (``once``), because neither partner is consumed.
    beyond
        Fraction of dissociations across a face of the region that are accepted. Partners in the
        reservoir are new in every half step: they react with half of ``full`` in each, less than
        those in the region, so their complexes must dissociate across the face less often.
    shells
        For a kernel, the hazard and the full probability in shells of distance, relative to
        ``hazard`` and ``full``, which are the largest, ``(2, shells)``; see `PairKernel.profile`.
    """

    full: Floats
    hazard: Floats
    once: bool = False
    beyond: float = 1.0
    shells: Floats = field(default_factory=lambda: np.ones((2, 1)))


@dataclass(frozen=True)
class ReactionTables:
    """Reactions of a system by order, in the form needed by `hybridrd.kernels.first_order`."""

    system: System
    channels: Integers
    channel: Integers
    products: Integers
    product: Integers
    creations: tuple[int, ...]
    encounters: tuple[Encounter, ...]
    varies: bool
    in_time: bool

    def without_particles(self) -> ReactionTables:
        """The same without reactions of particles."""
        none = np.zeros(0, np.int64)
        return replace(
            self, channels=np.zeros_like(self.channels), channel=none, creations=(), encounters=()
        )

    def macroscopic(self, t: float) -> Floats:
        """Macroscopic rates at a time, ``(channels, 1)``, or one column per cell if they vary."""
        system = self.system
        if not self.varies:
            rates = [r.macroscopic(system.dimension) for r in system.channels]
            return np.array(rates, dtype=float).reshape(-1, 1)
        coordinates = system.grid.coordinates()
        return np.array(
            [
                evaluate(r.macroscopic(system.dimension), coordinates, t, f"rate of {r.label!r}")
                for r in system.channels
            ]
        )


def make_tables(system: System) -> ReactionTables:
    """Compile the reactions of a system."""
    index = {name: i for i, name in enumerate(system.names)}
    channels = system.channels
    by_species: list[list[int]] = [[] for _ in system.species]
    encounters = []
    for r, channel in enumerate(channels):
        if channel.back or (channel.order == 2 and channel.reach is not None):
            encounters.append(_encounter(system, r, index))
        elif channel.order == 1:
            by_species[index[channel.reactants[0]]].append(r)
    products_of = [[index[n] for n in _own_first(c)] for c in channels]
    rates = [r.macroscopic(system.dimension) for r in channels]
    return ReactionTables(
        system=system,
        channels=_starts(by_species),
        channel=np.array([r for group in by_species for r in group], np.int64),
        products=_starts(products_of),
        product=np.array([s for group in products_of for s in group], np.int64),
        creations=tuple(r for r, c in enumerate(channels) if c.order == 0),
        encounters=tuple(encounters),
        varies=any(callable(k) for k in rates),
        in_time=any(needs_time(k) for k in rates if callable(k)),
    )


def _own_first(channel: Channel) -> list[str]:
    """Products, first the species of the reactants: the first of a family stays."""
    return sorted(channel.products, key=lambda name: name not in channel.reactants)


def _encounter(system: System, r: int, index: dict[str, int]) -> Encounter:
    channel = system.channels[r]
    kernel = channel.reaction.pair_kernel
    assert kernel is not None
    reactants = [index[n] for n in channel.reactants]
    products = [index[n] for n in channel.products]
    pair = products if channel.back else reactants
    # Partners are ordered by species, however the reaction is written.
    order = sorted(range(len(reactants)), key=lambda j: reactants[j])
    partners = [reactants[j] for j in order]
    consumes, news = [True, not channel.back], []
    for s, at in zip(products, channel.places, strict=True):
        place = at if channel.back else order.index(at)
        if place < len(partners) and s == partners[place] and consumes[place]:
            consumes[place] = False
        else:
            news.append((s, place))
    D = [mean_D(system, system.species[s]) for s in sorted(pair)]
    apart = None
    if channel.back:
        left, thrown = (channel.places.index(place) for place in (0, 1))
        apart = products[left], products[thrown]
    return Encounter(
        channel=r,
        label=channel.label,
        partners=(partners[0], None if channel.back else partners[1]),
        kernel=kernel,
        radius=kernel.reach,
        volume=kernel.volume(system.dimension),
        D=sum(D),
        consumes=(consumes[0], consumes[1]),
        news=tuple(news),
        place="reactant" if channel.back else channel.reaction.place,
        share=D[1] / sum(D) if sum(D) > 0 else 0.5,
        apart=apart,
    )


def pair_probability(e: Encounter, k: Floats, dt: float, dimension: int, label: str) -> Probability:
    """Reaction probability of a pair within the radius, or the largest one of a kernel.

    ``p = lambda0 dt/(1 + lambda0 tau*)`` in the full step, the hazard ``-log(1 - p)/2`` in each
    half, see `hybridrd.theory.doi`; where neither partner is used up, the probability ``lambda0
    dt/2`` in each half.

    Parameters
    ----------
    k
        Macroscopic rates (length^d/time), one or one per cell.

    Raises
    ------
    StepError
        If the probability of a full step would exceed one.
    """
    w = e.kernel.profile(dimension)
    lambda0 = k / e.volume * w.max()
    largest = float(lambda0.max(initial=0.0))
    w = w / w.max()
    if not any(e.consumes):
        # The pair remains for the next trial: lambda0 dt events per step, whatever happened before.
        if 0.5 * largest * dt > 1.0:
            raise StepError(
                f"reaction {label!r}: lambda0 = {largest:g} with dt = {dt:g} needs a probability "
                f"of {0.5 * largest * dt:.3g} in half a step; take dt <= {2.0 / largest:.4g}"
            )
        return Probability(lambda0 * dt, 0.5 * lambda0 * dt, once=True, shells=np.array([w, w]))
    tau = e.kernel.trial_time(e.D * dt, dimension)
    if e.D > 0 and largest * dt * (1.0 - tau) > 1.0:  # if the largest is possible, all are
        most = doi.largest_step(largest, lambda dt: e.kernel.trial_time(e.D * dt, dimension))
        raise StepError(
            f"reaction {label!r}: lambda0 = {largest:g} with dt = {dt:g}, D = {e.D:g} and a reach "
            f"of {e.radius:g} needs a pair probability p = "
            f"{largest * dt / (1.0 + largest * dt * tau):.4g} > 1; take dt <= {most:.4g}"
        )
    if e.D == 0:
        shells = np.array([largest * w * dt, -np.expm1(-largest * w * dt)])
        return Probability(-np.expm1(-lambda0 * dt), 0.5 * lambda0 * dt, shells=_shares(shells))
    p = lambda0 * dt / (1.0 + lambda0 * dt * tau)
    hazard = -0.5 * np.log1p(-np.minimum(p, _CERTAIN))
    # At a distance, relative to the largest.
    near = largest * w * dt / (1.0 + largest * w * dt * tau)
    shells = np.array([-np.log1p(-np.minimum(near, _CERTAIN)), near])
    return Probability(p, hazard, shells=_shares(shells))


def _warn_of_low_rate(e: Encounter, k: float, dt: float, dimension: int) -> None:
    lambda0 = k / e.volume * float(e.kernel.profile(dimension).max())
    if any(e.consumes) and lambda0 * dt > _TRUSTED and 0 < e.D * dt / e.radius**2 < 1:
        warnings.warn(
            f"reaction {e.label!r}: lambda0 dt = {lambda0 * dt:.3g}; the effective pair rate is up "
            f"to 1.8 % low above {_TRUSTED:g}; use dt <= {_TRUSTED / lambda0:.3g} for 0.4 %",
            AccuracyWarning,
            stacklevel=2,
        )


def _shares(values: Floats) -> Floats:
    """Values in each row, relative to its largest."""
    most = values.max(axis=1, keepdims=True)
    return np.asarray(np.divide(values, most, out=np.ones_like(values), where=most > 0))


def encounter_probabilities(tables: ReactionTables, rates: Floats, dt: float) -> list[Probability]:
    """Probabilities of all encounters for rates ``(channels, 1 or cells)``. Raises StepError."""
    system = tables.system
    result: list[Probability] = []
    for e in tables.encounters:
        label = system.channels[e.channel].label
        if not e.back:
            result.append(pair_probability(e, rates[e.channel], dt, system.dimension, label))
            _warn_of_low_rate(e, float(rates[e.channel].max(initial=0.0)), dt, system.dimension)
            continue
        # The forward direction comes just before; a constant ratio of the hazards is exact detailed
        # balance of the jumps between diffusions.
        forward = result[-1]
        lambda0 = float(rates[e.channel - 1].max()) / e.volume
        k_back = float(rates[e.channel].max())
        ratio = k_back / lambda0 if lambda0 > 0 else 0.0
        hazard = forward.hazard[:1] * ratio if lambda0 > 0 else np.array([0.5 * k_back * dt])
        if hazard[0] > _MOST:
            raise StepError(
                f"reaction {label!r}: k_back = {k_back:g} with dt = {dt:g} makes {hazard[0]:.3g} "
                f"dissociations in half a step, more than {_MOST:g}; take dt <= "
                f"{_MOST * dt / hazard[0]:.3g}"
            )
        met = float(forward.hazard[0])
        beyond = 0.5 * float(forward.full[0]) / met if met > 0 else 1.0
        result.append(Probability(-np.expm1(-2.0 * hazard), hazard, beyond=beyond))
    return result


def _starts(groups: list[list[int]]) -> Integers:
    return np.concatenate([[0], np.cumsum([len(g) for g in groups], dtype=np.int64)]).astype(
        np.int64
    )
