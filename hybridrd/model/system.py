"""The description of an open reaction-diffusion system."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybridrd.arguments import named_arguments
from hybridrd.errors import ModelError
from hybridrd.interface import InterfaceScheme
from hybridrd.model.draft import Coupling, Fluctuations
from hybridrd.model.grid import Grid
from hybridrd.model.initial import as_sequence
from hybridrd.model.partition import Partition
from hybridrd.model.reaction import Channel, Reaction
from hybridrd.model.shape import Mask, Shape
from hybridrd.model.shell import Domain
from hybridrd.model.species import Species, SpeciesLike
from hybridrd.model.walls import Wall


@named_arguments
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class System:
    """An open reaction-diffusion system, described once and run in many ways.

    Parameters
    ----------
    species
        The `Species`, each name once.
    domain
        The whole domain, a `Box` in one, two or three dimensions or a `Shell` (length).
    particles
        The particle region: a `Box` (or `Shell`) on cell faces of the domain, or any shape (the
        cells whose centre lies in it); the domain itself for a pure particle
        system; `Adaptive` for a region that follows the copies; None (the default) for a pure PDE.
    obstacles
        A shape without particles and continuum; its surface reflects. A cell is
        an obstacle if its centre belongs to the shape; obstacles are excluded from the particle
        region.
    reactions
        The `Reaction` list.
    cells
        Cells over the whole domain: one number for all axes, or one for each; by default 100,
        (100, 100) or (22, 22, 22); 100 along r.
    walls
        `Wall` by name, ``"x-"``, ``"x+"``, ...; ``"x"`` means both; ``"inner"``, ``"outer"`` of
        a shell. A wall that is not named reflects.
    interface
        The scheme by which particles are exchanged with reservoirs, walls and continuum: `Layer`,
        `CalibratedLayer` or `ExactPlane`. By default the paper's boundary layer, without
        first-order bias: `Layer` at
        its offset for mean-field reservoirs, `CalibratedLayer` at walls and in two-way coupling.
    coupling
        ``"two-way"``: the continuum is solved outside the particle region only, and every exchange
        changes both sides; ``"mean-field"``: the PDE is solved on the whole domain, and the
        particle region is a window into it.
    fluctuations
        Fluctuations of the continuum, beside particles in two-way coupling or alone. None: the
        PDE, without noise. ``"discrete"`` (or True): the reaction-diffusion master equation; cells
        hold integer copy numbers and every event is sampled, right at any number of copies.
        ``"gaussian"``: the stochastic PDE, with Gaussian noise of diffusion and reactions; a step
        that begins with fewer than 50 copies of a species in some cell is taken in integer copy
        numbers. Both start from Poisson numbers, and need the default interface. `mean_field`
        always solves the PDE.
    correct_pairs
        Whether copies in discrete cells react with all partners within the Doi radius, including
        those in other cells, at the rate averaged over both cells: Doi's rate on cells of any
        width. By default they react only within a cell, as if well mixed; in three dimensions
        pairs are then too slow in narrow cells, and refused in cells below ``k/(4 pi D)``.
    initial
        Per species: a concentration (number, function, or array on the cells), a `Patch`,
        `Copies`, `Points`, or a list of these, which are added. A species not named starts empty.
    units
        ``{"length": "um", "time": "s"}``: labels in results, and the units to which quantities
        with units are converted.

    Raises
    ------
    ModelError
        With all mistakes, one line each.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> A = hrd.Species("A", D=0.5)
    >>> system = hrd.System(
    ...     species=[A], domain=hrd.Box(x=(0, 10)), particles=hrd.Box(x=(0, 5)), cells=200,
    ...     initial={A: hrd.Patch(2000.0, x=(7, 10))},
    ... )
    >>> system.replace(cells=400).grid.spacing
    (0.025,)
    """

    species: Sequence[Species]
    domain: Domain
    particles: Shape | None = None
    obstacles: Shape | None = None
    reactions: Sequence[Reaction] = ()
    cells: Sequence[int] | int | None = None
    walls: Mapping[str, Wall] = field(default_factory=dict)
    interface: InterfaceScheme | None = None
    coupling: Coupling = "two-way"
    fluctuations: Fluctuations | bool | None = None
    correct_pairs: bool = False
    initial: Mapping[Any, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from hybridrd.model import checks, forms
        from hybridrd.model.places import Places

        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        draft, problems = forms.normalise(given, Places())
        problems += checks.problems(draft, Places())
        if problems:
            raise ModelError("\n".join(dict.fromkeys(problems)))
        for name, value in draft.normal().items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the species, in order."""
        return tuple(s.name for s in self.species)

    @property
    def dimension(self) -> int:
        """Dimension of space: concentrations are per length^dimension."""
        return self.domain.dimension

    @property
    def grid(self) -> Grid:
        """The cells over the domain."""
        assert isinstance(self.cells, tuple)
        return self.domain.grid(self.cells)

    def is_periodic(self, axis: str) -> bool:
        """Whether each axis is periodic."""
        wall = self.walls.get(axis + "-")
        return wall is not None and wall.joined

    @property
    def is_hybrid(self) -> bool:
        """Whether there is both a particle region and a continuum."""
        if self.particles is None or self.particles == self.domain:
            return False
        return self.is_plain or bool(self.partition.outside.any())

    @property
    def is_plain(self) -> bool:
        """Whether there are no obstacles, and region and domain are both boxes or both shells."""
        return self.obstacles is None and isinstance(self.particles, type(self.domain) | None)

    @cached_property
    def partition(self) -> Partition:
        """Partition of the cells into obstacles, continuum and particle region."""
        from hybridrd.model.checks import make_partition

        periodic = tuple(map(self.is_periodic, self.domain.axes))
        return make_partition(self.grid, self.obstacles, self.particles, periodic)

    @property
    def region_corners(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Corners of the smallest box around the particle region, or of the domain (length)."""
        if self.particles is None:
            return self.domain.lower, self.domain.upper
        if isinstance(self.particles, Domain) and self.is_plain:
            return self.particles.lower, self.particles.upper
        if self.particles.follows:
            return self.domain.lower, self.domain.upper
        (first, count), grid = self.partition.bounds, self.grid
        edges = [grid.edges(a) for a in range(len(first))]
        lower = tuple(float(e[f]) for e, f in zip(edges, first, strict=True))
        ends = zip(edges, first, count, strict=True)
        return lower, tuple(float(e[f + n]) for e, f, n in ends)

    @property
    def free(self) -> Mask:
        """Which cells are not obstacles, flat ``(cells,)``."""
        return self.partition.free

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The one-way reactions, in order; a reversible reaction is two."""
        return tuple(c for r in self.reactions for c in r.channels())

    def index(self, species: SpeciesLike) -> int:
        """The position of a species in `species`."""
        from hybridrd.model.species import species_name

        name = species_name(species)
        if name not in self.names:
            raise ModelError(f"unknown species {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def replace(self, **changes: Any) -> System:
        """A new System with some fields changed, checked again as a whole."""
        known = {f.name for f in dataclasses.fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ModelError(f"System has no field {', '.join(unknown)}; it has {sorted(known)}")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The system as plain numbers, strings, lists and dicts, the layout of the TOML file.

        Raises
        ------
        ModelError
            If it contains a Python function.
        """
        from hybridrd.toml.writer import system_to_dict

        return system_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> System:
        """The inverse of `to_dict`. Raises ModelError with every mistake and its key."""
        from hybridrd.toml.config import system_from_dict

        return system_from_dict(data, cls)

    @classmethod
    def from_toml(cls, path: str | Path) -> System:
        """The system in a TOML file; its ``[run]`` table is for the command line only."""
        from hybridrd.toml.config import read_toml

        return read_toml(path, cls).system

    def __eq__(self, other: object) -> bool:
        return _same_system(self, other) if isinstance(other, System) else NotImplemented

    def __deepcopy__(self, _: Any) -> System:
        return self  # it is immutable

    def __reduce__(self) -> tuple[Any, ...]:  # rebuilt, because unpickled arrays are writable
        return _made, ({f.name: getattr(self, f.name) for f in dataclasses.fields(self)},)

    def __hash__(self) -> int:
        parts = self.species, self.reactions, self.domain, self.cells
        return hash(
            (
                *parts,
                self.particles,
                self.obstacles,
                frozenset(self.walls),
                frozenset(self.initial),
                self.coupling,
            )
        )

    def __repr__(self) -> str:
        from hybridrd.model.describe import text

        return text(self)

    def _repr_html_(self) -> str:
        from hybridrd.model.describe import html

        return html(self)


def _same_system(one: System, other: System) -> bool:
    """Whether two systems have the same fields.

    Arrays are compared by value, functions by identity; a list of one part equals that part.
    """
    return one is other or (
        all(
            _same(getattr(one, f.name), getattr(other, f.name))
            for f in dataclasses.fields(one)
            if f.name != "initial"
        )
        and _same(
            {name: as_sequence(v) for name, v in one.initial.items()},
            {name: as_sequence(v) for name, v in other.initial.items()},
        )
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _made(fields: dict[str, Any]) -> System:
    return System(**fields)
