"""The spatiotemporal master equation: copies that jump between metastable sets, and react in them.

Rooms with doors, or wells of a potential, keep a walker for much longer than it takes to mix in
them. Projected onto the slow modes (Galerkin), the chemical diffusion master equation has only few
states: the other limit named in the conclusion of del Razo 2024 (Winkelmann and Schuette,
J. Chem. Phys. 145, 214107 (2016)).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.optimize import nnls

from hybridrd.arguments import named_arguments, number, whole_number
from hybridrd.arrays import Floats, Integers
from hybridrd.errors import AccuracyWarning, ModelError, StepError
from hybridrd.model.system import System
from hybridrd.theory.cdme.event import Course, Event, Site
from hybridrd.theory.cdme.events import VoxelModel, voxel_model
from hybridrd.theory.cdme.evolve import (
    LOST_LIMIT,
    MAX_MEMORY,
    MaxCopies,
    cut_offs,
    evolution,
    record_times,
)
from hybridrd.theory.cdme.generator import check_size, make_generator
from hybridrd.theory.cdme.initial import placements, poisson_means, probabilities
from hybridrd.theory.cdme.states import Occupations, States
from hybridrd.theory.cdme.voxels import VoxelsLike
from hybridrd.theory.pcca import memberships

if TYPE_CHECKING:
    import xarray as xr

LEAST_GAP = 5.0
"""Least ratio of the first omitted rate to the last one kept, for sets to exist.

A box without any structure has up to 4, along its longest side.
"""

_EIGENVALUES = 12  # eigenvalues computed to find the number of sets
_FAST = 0.1  # rates within sets, relative to the mixing rate, above which averages are doubtful


@dataclass(frozen=True, eq=False)
class Rooms:
    """Metastable sets of a system, the rates between them, and those of reactions in them.

    Print it for a report.

    Attributes
    ----------
    system
        The system.
    memberships
        chi_k of each set on the cells by PCCA+, ``(set, x, y, z)``; they add up to 1 in every free
        cell, and a cell belongs to the set where chi is largest.
    weights
        Stationary probability of each set, ``(sets,)``.
    eigenvalues
        Lambda_1 = 0, Lambda_2, ... of one walker of unit diffusion coefficient (1/length²).
    rates
        Rate at which a copy in set k jumps to set l, by species, ``(sets, sets)`` (1/time).
    pair_rates
        Rate of one pair in sets k and l, by reaction, ``(sets, sets)`` (1/time).
    events
        All possible events, with sets in place of voxels.
    """

    system: System
    memberships: xr.DataArray
    weights: Floats
    eigenvalues: Floats
    rates: Mapping[str, Floats]
    pair_rates: Mapping[str, Floats]
    events: tuple[Event, ...]
    _model: VoxelModel = field(repr=False)
    _slow: Floats = field(repr=False)

    @property
    def sets(self) -> int:
        """Number of sets."""
        return len(self.weights)

    @property
    def gap(self) -> float:
        """Ratio of the first omitted eigenvalue to the last one kept."""
        return _ratio(self.eigenvalues, self.sets)

    def timescales(self, species: str) -> Floats:
        """``1/|Lambda|`` of a species (time): sets - 1 slow ones, and the first omitted one."""
        D = self.system.species[self.system.index(species)].D
        with np.errstate(divide="ignore"):
            return np.asarray(1 / np.abs(D * self.eigenvalues[1 : self.sets + 1]))

    def __str__(self) -> str:
        names = self.system.names
        axes = [str(a) for a in self.memberships.dims[1:]]
        lines = [f"{self.sets} metastable sets of {self._model.voxels.count} cells"]
        share = self.memberships.fillna(0.0)
        for k, weight in enumerate(self.weights):
            one = share.isel(set=k)
            centre = [float((one * one[a]).sum() / one.sum()) for a in axes]
            place = ", ".join(f"{a} = {x:.3g}" for a, x in zip(axes, centre, strict=True))
            lines.append(f"  set {k}: weight {weight:.4f}, around {place}")
        shown = ", ".join(f"{v:.4g}" for v in self.eigenvalues[: self.sets + 2])
        lines.append(f"eigenvalues at D = 1: {shown}; gap {self.gap:.3g} after {self.sets}")
        for name in names:
            slow = self.timescales(name)
            kept = ", ".join(f"{t:.4g}" for t in slow[: self.sets - 1])
            lines.append(
                f"{name}: time scales {kept}, mixing in {slow[-1]:.4g}; rates between sets"
            )
            lines += _table(self.rates[name])
        for label, rates in self.pair_rates.items():
            lines.append(f"{label}: rate of one pair in two sets")
            lines += _table(rates)
        return "\n".join(lines)

    @named_arguments
    def solve(
        self,
        until: float,
        every: float | None = None,
        max_copies: MaxCopies | None = None,
        tolerance: float = 1e-6,
        max_memory: float = MAX_MEMORY,
    ) -> xr.Dataset:
        """Solve the master equation of the sets.

        Parameters
        ----------
        until, every
            The end, and the time between records; by default a hundredth of the end (time).
        max_copies
            Cut-off of each species, one number for all or one for each. By default that of the
            initial state, if it has exact numbers of copies and nothing adds to them.
        tolerance
            Probability that may be lost at the cut-off without a warning.
        max_memory
            Memory that the matrix may take (bytes).

        Returns
        -------
        xarray.Dataset
            - ``copy_number(time, species)``: mean number in the whole domain.
            - ``set_copy_number(time, species, set)``: in each set.
            - ``probability(time, state)``: of all states, with numbers
              ``copies(state, species, set)``.
            - ``lost(time)``: probability that more than ``max_copies`` would have been needed.

        Raises
        ------
        ModelError
            If ``max_copies`` is needed.
        StepError
            If more than half of the probability is lost.
        CapacityError
            If there are too many states.
        """
        times = record_times(until, every)
        most = self._most() if max_copies is None else cut_offs(self.system, max_copies)
        check_size(self.sets, list(most.values()), self.events,
                   number(max_memory, "max_memory", strict=True), 0)  # fmt: skip
        states = States(tuple(Occupations(self.sets, m) for m in most.values()))
        numbers, voxels = range(len(most)), self._model.voxels
        # Negative probabilities arise from initial states unlike the slow modes of the sets.
        start = probabilities(
            states,
            [np.maximum(poisson_means(self.system, s, voxels) @ self._slow, 0.0) for s in numbers],
            [map(self._chances, placements(self.system, s, voxels)) for s in numbers],
        )
        generator = make_generator(states, self.events)
        found = [p for p, _ in evolution(generator, start, times, number(tolerance, "tolerance"))]
        lost = float(found[-1][-1])
        if lost > LOST_LIMIT:
            raise StepError(f"{lost:.3g} of the probability is beyond max_copies; use more")
        if lost > tolerance:
            warnings.warn(
                f"{lost:.3g} of the probability was lost at the cut-off, max_copies = {most}",
                AccuracyWarning, stacklevel=3,
            )  # fmt: skip
        return self._dataset(states, times, np.array(found))

    def _chances(self, placement: Floats) -> Floats:
        """Probabilities of the sets for a copy with given probabilities of the voxels."""
        chances = np.maximum(placement @ self._slow, 0.0)
        return np.asarray(chances / chances.sum())

    def _most(self) -> dict[str, int]:
        """Cut-offs that are never exceeded: the initial copies, if none are added."""
        names, voxels = self.system.names, self._model.voxels
        exact = [len(list(placements(self.system, s, voxels))) for s in range(len(names))]
        grows = any(len(e.makes) > len(e.takes) for e in self.events)
        if grows or any(poisson_means(self.system, s, voxels).any() for s in range(len(names))):
            raise ModelError(
                "max_copies: the initial state is not an exact number of copies, or something "
                "adds to it; give the largest number of each species"
            )

        def gained(event: Event, s: int) -> int:
            return sum(n == s for n, _ in event.makes) - sum(n == s for n, _ in event.takes)

        made = [any(gained(e, s) > 0 for e in self.events) for s in range(len(names))]
        return {n: sum(exact) if m else k for n, m, k in zip(names, made, exact, strict=True)}

    def _dataset(self, states: States, times: list[float], found: Floats) -> xr.Dataset:
        import xarray as xr

        numbers = np.unravel_index(np.arange(states.count), states.shape)
        copies = np.stack(
            [o.table[n] for o, n in zip(states.species, numbers, strict=True)], axis=1
        )
        p = found[:, :-1]
        each = np.tensordot(p, copies.astype(np.float64), axes=1)
        labels = np.array(self.system.names, dtype=object)
        time = self.system.units.get("time", "time")
        return xr.Dataset(
            {
                "copy_number": (("time", "species"), each.sum(axis=2)),
                "set_copy_number": (("time", "species", "set"), each),
                "probability": (("time", "state"), p),
                "lost": (("time",), found[:, -1]),
            },
            coords={
                "time": ("time", [round(t, 12) for t in times], {"units": time}),
                "species": ("species", labels),
                "set": ("set", np.arange(self.sets)),
                "copies": (("state", "species", "set"), copies),
            },
            attrs={"kind": "metastable", "units": dict(self.system.units), "sets": self.sets},
        )


@named_arguments
def reduce(system: System, sets: int | None = None, voxels: VoxelsLike = None) -> Rooms:
    """Project a system onto its metastable sets.

    The generator L of one walker on the free cells, the PDE's matrix, has slow eigenvalues Lambda
    if there are sets that it rarely leaves. PCCA+ finds them from the eigenvectors psi. With ``B_km
    = <1_k, psi_m>`` under the stationary distribution pi the slow part of a set's indicator is
    ``phi = psi B^T``. The expectations of phi obey ``dp/dt = p Q``, ``Q = B^-T Lambda B^T``, and
    after the time ``1/|Lambda|`` of the first omitted mode they are the probabilities of the sets;
    the rates are the closest to Q that obey detailed balance and are not negative. Reactions of one
    are averaged over pi in a set, and a pair in sets k, l reacts at ``sum lambda(x, y) pi(x)
    pi(y)`` over both, divided by their weights.

    Parameters
    ----------
    system
        The system; every species moves.
    sets
        Number of sets; by default the one with the largest gap.
    voxels
        Cells of the walker, see `hybridrd.theory.cdme.solve`; by default those of the system.

    Raises
    ------
    ModelError
        If there is no gap in the eigenvalues, with their values, or a species does not move.

    Warns
    -----
    AccuracyWarning
        If pairs in a set react as fast as copies mix in it, so that averages are doubtful.

    Examples
    --------
    Two rooms and a door; the walls between are obstacles.

    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=1.0)
    >>> wall = hrd.Box(x=(0.9, 1.1), y=(0, 1)) - hrd.Box(x=(0.9, 1.1), y=(0.4, 0.6))
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 2), y=(0, 1)), obstacles=wall, cells=(20, 10),
    ...     initial={A: hrd.Copies(1, x=(0, 0.8))},
    ... )
    >>> rooms = hrd.theory.metastable.reduce(system)
    >>> rooms.sets, rooms.rates["A"].round(2)
    (2, array([[-0.42,  0.42],
           [ 0.42, -0.42]]))
    """
    uneven = [s.name for s in system.species if s.uneven]
    if uneven:
        raise ModelError(
            f"species {', '.join(uneven)} with a D that depends on position: rates between "
            f"sets are reported in units of one D; give a number"
        )
    still = [s.name for s in system.species if s.D == 0]
    if still:
        raise ModelError(f"species {', '.join(still)} with D = 0: immobile copies do not mix")
    model = voxel_model(system, voxels)
    if any(event.any_one or event.law is not None for event in model.events):
        raise ModelError(
            "a drain (an Influx below 0) or a rate of concentrations is not averaged over sets; "
            "leave it out"
        )
    walk = _walk(model, 0)
    for s, species in enumerate(system.species):
        if abs(_walk(model, s) - walk).max() > 1e-9 * abs(walk).max():
            raise ModelError(
                f"species {species.name} moves by other rates than {system.names[0]}, so they may "
                f"have different sets; reduce them in separate systems"
            )
    values, vectors, pi = _slowest(walk, _EIGENVALUES)
    k = _number_of_sets(values, sets)
    chi = memberships(vectors[:, :k], pi)
    label = chi.argmax(axis=1)
    within = label[:, None] == np.arange(k)
    weights = pi @ within
    B = within.T @ (pi[:, None] * vectors[:, :k])
    unit = _rates(B, weights, values[:k])
    rates = {s.name: s.D * unit for s in system.species}
    events = (*_jumps(system, unit), *_averaged(model, label, pi / weights[label]))
    _check_speed(system, events, values, k)
    return Rooms(
        system, _on_cells(model, chi), weights, values, rates, _pair_rates(model, events, k),
        events, model, vectors[:, :k] @ B.T,
    )  # fmt: skip


def _ratio(values: Floats, sets: int) -> float:
    """Ratio of the rate of the first omitted mode to that of the last one kept."""
    if sets >= len(values):
        return np.inf
    kept = abs(values[sets - 1])
    return float(abs(values[sets]) / kept) if kept > 0 else np.inf


def _number_of_sets(values: Floats, sets: int | None) -> int:
    """The given number, or that with the largest gap. Raises ModelError without a gap."""
    gaps = [_ratio(values, k) for k in range(2, len(values))]
    shown = ", ".join(f"{v:.4g}" for v in values[: min(len(values), 8)])
    if sets is None:
        best = int(np.argmax(gaps)) + 2 if gaps else 0
        if not gaps or max(gaps) < LEAST_GAP:
            raise ModelError(
                f"no metastable sets: the eigenvalues {shown} (at D = 1) have no gap of "
                f"{LEAST_GAP:g} or more; obstacles or a potential make sets"
            )
        return best
    k = whole_number(sets, "sets", least=2, most=len(values) - 1)
    if gaps[k - 2] < LEAST_GAP:
        best = int(np.argmax(gaps)) + 2
        raise ModelError(
            f"sets = {k}: no gap after eigenvalue {k} of {shown} (at D = 1): the ratio is "
            f"{gaps[k - 2]:.3g}, at least {LEAST_GAP:g} is needed; the largest, "
            f"{max(gaps):.3g}, is after {best}"
        )
    return k


def _is_jump(event: Event) -> bool:
    return (
        len(event.takes) == len(event.makes) == 1
        and event.takes[0][0] == event.makes[0][0]
        and event.takes != event.makes
    )


def _walk(model: VoxelModel, species: int) -> sparse.csr_array[np.float64, tuple[int, int]]:
    """The generator of one walker over its D, ``dp/dt = D W p``: the jumps of a species."""
    n, D = model.voxels.count, model.system.species[species].D
    jumps = [e for e in model.events if _is_jump(e) and e.takes[0][0] == species]
    rate = np.array([e.rate / D for e in jumps])
    source = np.array([e.takes[0][1] for e in jumps], np.int64)
    target = np.array([e.makes[0][1] for e in jumps], np.int64)
    leaving = np.bincount(source, rate, n)
    every = np.arange(n)
    entries = np.concatenate([rate, -leaving])
    places = np.concatenate([target, every]), np.concatenate([source, every])
    return sparse.csr_array(sparse.coo_array((entries, places), shape=(n, n)))


def _slowest(
    walk: sparse.csr_array[np.float64, tuple[int, int]], count: int
) -> tuple[Floats, Floats, Floats]:
    """Slowest eigenvalues, right eigenvectors (orthonormal under pi), stationary distribution."""
    n = walk.shape[0]
    pi = _stationary(walk)
    root = np.sqrt(pi)
    scaled = sparse.diags_array(1 / root) @ walk @ sparse.diags_array(root)
    if abs(scaled - scaled.T).max() > 1e-6 * abs(scaled).max():
        raise ModelError("the walk is not in detailed balance: sets of a flow are not defined")
    symmetric = sparse.csc_array(0.5 * (scaled + scaled.T))
    if n <= 600:
        values, vectors = np.linalg.eigh(symmetric.toarray())
    else:
        from scipy.sparse.linalg import eigsh

        shift = 1e-3 * float(abs(symmetric.diagonal()).min()) + 1e-300
        values, vectors = eigsh(symmetric, k=count, sigma=shift, which="LM", v0=root)
    order = np.argsort(-values)[:count]
    values, vectors = np.minimum(values[order], 0.0), vectors[:, order] / root[:, None]
    values[abs(values) < 1e-10 * abs(walk.diagonal()).max()] = 0.0
    # The constant vector comes first, also among other vectors of eigenvalue 0.
    zero = int((values == 0).sum())
    basis = np.column_stack([np.ones(n), vectors[:, :zero]]) * root[:, None]
    q, _ = np.linalg.qr(basis)
    vectors[:, :zero] = q[:, :zero] / root[:, None]
    vectors[:, 0] = 1.0
    return values, vectors, pi


def _stationary(walk: sparse.csr_array[np.float64, tuple[int, int]]) -> Floats:
    """The distribution in detailed balance, from ratios of rates along a spanning tree."""
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    parts, label = connected_components(walk, directed=False)
    log = np.zeros(walk.shape[0])
    rates = walk.tolil()
    for part in range(parts):
        start = int(np.argmax(label == part))
        order, before = breadth_first_order(walk, start, directed=False)
        for i in order[1:].tolist():
            j = int(before[i])
            log[i] = log[j] + np.log(rates[i, j] / rates[j, i])
    weights = np.exp(log - log.max())
    return np.asarray(weights / weights.sum())


def _rates(B: Floats, weights: Floats, values: Floats) -> Floats:
    """Rates between sets, in detailed balance, with the slow modes of the walker.

    With the means ``psi_k`` of a mode over the sets and flows ``F_kl = F_lk >= 0`` between them,
    ``sum_l F_kl (psi_l - psi_k) = Lambda w_k psi_k``, by non-negative least squares over all modes,
    each weighted by the square of its time scale.
    """
    sets = len(weights)
    pairs = [(k, l) for k in range(sets) for l in range(k + 1, sets)]
    least = 1e-6 * abs(values[-1]) or 1.0
    rows, right = [], []
    for m in range(1, sets):
        psi, scale = B[:, m] / weights, 1 / max(abs(values[m]), least) ** 2
        for k in range(sets):
            rows.append(
                [scale * (psi[b if k == a else a] - psi[k]) * (k in (a, b)) for a, b in pairs]
            )
            right.append(scale * values[m] * weights[k] * psi[k])
    flows, _ = nnls(np.array(rows), np.array(right))
    rates = np.zeros((sets, sets))
    for (k, l), flow in zip(pairs, flows, strict=True):
        rates[k, l], rates[l, k] = flow / weights[k], flow / weights[l]
    return np.asarray(rates - np.diag(rates.sum(axis=1)))


def _jumps(system: System, unit: Floats) -> list[Event]:
    return [
        Event(float(species.D * unit[k, l]), ((s, k),), ((s, l),))
        for s, species in enumerate(system.species)
        for k, l in np.argwhere(unit > 0).tolist()
    ]


def _averaged(model: VoxelModel, label: Integers, share: Floats) -> list[Event]:
    """All events except jumps, averaged over sets; ``share`` weighs the cells of a set."""
    constant: Counter[tuple[tuple[Site, ...], tuple[Site, ...]]] = Counter()
    timed: dict[tuple[tuple[Site, ...], tuple[Site, ...], Course], Floats] = {}
    for event in model.events:
        if _is_jump(event):
            continue
        size = event.rate * np.prod([share[i] for _, i in event.takes])
        takes = tuple((s, int(label[i])) for s, i in event.takes)
        makes = tuple((s, int(label[i])) for s, i in event.makes)
        if event.course is None:
            constant[takes, makes] += size
        else:
            key = takes, makes, event.course
            weights = timed.setdefault(key, np.zeros(len(event.course.at(0.0))))
            weights[event.index] += size
    events = [Event(float(rate), *change) for change, rate in constant.items()]
    for (takes, makes, course), weights in timed.items():
        whole = Course(partial(_weighted, course, weights))
        events.append(Event(1.0, takes, makes, course=whole))
    return events


def _weighted(course: Course, weights: Floats, t: float) -> Floats:
    return np.array([weights @ course.at(t)])


def _pair_rates(model: VoxelModel, events: tuple[Event, ...], sets: int) -> dict[str, Floats]:
    """Rate of one pair in two sets, by reaction."""
    found: dict[str, Floats] = {}
    for channel in model.system.channels:
        if channel.order != 2:
            continue
        reactants = tuple(model.system.index(name) for name in channel.reactants)
        products = sorted(model.system.index(name) for name in channel.products)
        rates = np.zeros((sets, sets))
        for e in events:
            same = tuple(s for s, _ in e.takes) == reactants
            if same and sorted(s for s, _ in e.makes) == products:
                rates[e.takes[0][1], e.takes[1][1]] += e.rate_at(0.0)
        like = reactants[0] == reactants[1]
        found[channel.label] = rates + rates.T if like else rates
    return found


def _check_speed(system: System, events: tuple[Event, ...], values: Floats, sets: int) -> None:
    """Warn of reactions in a set that are as fast as mixing."""
    for event in events:
        if not event.takes or _is_jump(event):
            continue
        D = sum(system.species[s].D for s, _ in event.takes)
        mixing = abs(D * values[sets]) if sets < len(values) else np.inf
        rate = event.rate_at(0.0) * (2 if len(set(event.takes)) < len(event.takes) else 1)
        inside = {k for _, k in event.takes}
        if len(inside) == 1 and len(event.takes) == 2 and rate > _FAST * mixing:
            warnings.warn(
                f"a pair in set {inside.pop()} reacts at {rate:.3g} and mixes at {mixing:.3g}: an "
                f"average over the set is doubtful",
                AccuracyWarning, stacklevel=4,
            )  # fmt: skip


def _on_cells(model: VoxelModel, chi: Floats) -> xr.DataArray:
    import xarray as xr

    grid = model.grid
    coordinates = {axis: grid.centers(a) for a, axis in enumerate(grid.axes)}
    return xr.DataArray(
        model.voxels.on_grid(chi.T, np.nan), dims=("set", *grid.axes),
        coords={"set": np.arange(chi.shape[1]), **coordinates}, name="membership",
    )  # fmt: skip


def _table(rates: Floats) -> list[str]:
    return ["    " + "  ".join(f"{v:10.4g}" for v in row) for row in rates]
