"""Tables of a system's TOML file. Needs pydantic; loaded by `hybridrd.toml.config` on use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from hybridrd.errors import ModelError
from hybridrd.interface import SCHEMES, InterfaceScheme, scheme_from_dict
from hybridrd.model.equation import read_equation
from hybridrd.model.expression import Expression
from hybridrd.model.pair_kernels import Doi, Gaussian, PairKernel, Ring
from hybridrd.model.plane import Plane
from hybridrd.model.reaction import Reaction
from hybridrd.model.species import NAME, Species, check_name, is_formula
from hybridrd.model.table import Table as TableOfTime
from hybridrd.model.walls import (
    Absorbing,
    Bath,
    Influx,
    Leaky,
    PartiallyAbsorbing,
    Periodic,
    Reflecting,
    Reservoir,
    Wall,
)
from hybridrd.toml.schema_initial import (
    AdaptiveTable,
    BallTable,
    BoxTable,
    CellsTable,
    CopiesTable,
    DefaultMeasure,
    DifferenceTable,
    FollowTable,
    ImageTable,
    Initial,
    IntersectionTable,
    Measure,
    NotNegative,
    OutsideTable,
    PatchTable,
    PixelsTable,
    PointsTable,
    Positive,
    PositiveMeasure,
    ShapeTable,
    ShellTable,
    SignedMeasure,
    Table,
    UnionTable,
    WhereTable,
    build_part,
    closest,
    kind_of_region,
)

_NO_SHAPES = ("<word>", "<adaptive>")  # allowed as a particle region
COUPLINGS = ("two-way", "mean-field")
FLUCTUATIONS = ("discrete", "gaussian")
METHODS = ("particles", "hybrid", "pde", "rdme", "spde")
Amounts = Annotated[dict[str, Measure], Field(min_length=1)]


class TimeTable(Table):
    """A function of time given by its values, ``{ t = [0, 1, 3], values = [0, 50, 0] }``."""

    t: Annotated[list[float], Field(min_length=1)]
    values: Annotated[list[float], Field(min_length=1)]
    between: Literal["linear", "steps"] = "linear"

    def build(self) -> TableOfTime:
        """The function that the table describes. Raises ModelError."""
        return TableOfTime(self.t, self.values, self.between)


_BY_KIND = Discriminator(lambda v: "<times>" if isinstance(v, dict) else "<number>")
Rate = Annotated[
    Annotated[Measure, Tag("<number>")] | Annotated[TimeTable, Tag("<times>")], _BY_KIND
]
Signed = Annotated[
    Annotated[SignedMeasure, Tag("<number>")] | Annotated[TimeTable, Tag("<times>")], _BY_KIND
]


def value_of(given: Any) -> Any:
    """A number unchanged, a table as a function."""
    return given.build() if isinstance(given, TimeTable) else given


def _values(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value_of(value) for name, value in given.items()}


WALLS: dict[str, type[Wall]] = {
    "reflecting": Reflecting,
    "absorbing": Absorbing,
    "periodic": Periodic,
}


def _named(name: str) -> str:
    check_name(name)
    return name


def _formula(text: str) -> str:
    Expression(text)
    return text


def _readable(equation: str) -> str:
    read_equation(equation)
    return equation


Formula = Annotated[str, AfterValidator(_formula)]
Coefficient = Annotated[
    Annotated[Measure, Tag("<number>")] | Annotated[Formula, Tag("<formula>")],
    Discriminator(lambda v: "<formula>" if is_formula(v) else "<number>"),
]
SpeciesName = Annotated[
    str, AfterValidator(_named), Field(json_schema_extra={"pattern": NAME.pattern})
]


class SpeciesTable(Table):
    """One ``[[species]]``: name, diffusion coefficient (length²/time), drift, initial state.

    ``D`` is a number, a quantity with units, or a formula of position. The drift is a formula for
    the ``potential`` (kT), and for each axis a number or formula for the ``velocity``
    (length/time). ``friction`` (1/time) makes its particles Langevin particles.
    """

    name: SpeciesName
    D: Coefficient
    potential: float | Formula | None = None
    velocity: list[float | Formula] | None = None
    friction: PositiveMeasure | None = None
    initial: Initial | None = None

    def build(self) -> Species:
        """The species that the table describes. Raises ModelError."""
        names = "potential", "velocity", "friction"
        given: dict[str, Any] = {name: getattr(self, name) for name in names}
        return Species(self.name, self.D, **{n: v for n, v in given.items() if v is not None})

    def content(self) -> Any:
        """The initial state, as `System` takes it."""
        if isinstance(self.initial, list):
            return [build_part(part) for part in self.initial]
        return None if self.initial is None else build_part(self.initial)


class KernelTable(Table):
    """``{ gaussian = 0.1 }``, its width, ``{ ring = [0.1, 0.2] }``, its distances, or ``doi``."""

    doi: Positive | None = None
    gaussian: Positive | None = None
    ring: Annotated[list[NotNegative], Field(min_length=2, max_length=2)] | None = None

    def build(self) -> PairKernel:
        """The kernel that the table describes. Raises ModelError."""
        if sum(given is not None for given in (self.doi, self.gaussian, self.ring)) != 1:
            raise ModelError("kernel: give one of doi, gaussian and ring")
        if self.doi is not None:
            return Doi(self.doi)
        if self.ring is not None:
            return Ring(*self.ring)
        assert self.gaussian is not None
        return Gaussian(self.gaussian)


class ReactionTable(Table):
    """One ``[[reactions]]``: ``reaction = "A + B -> C"`` and its rate, both if reversible.

    ``rate = "2 * R / (0.5 + R)"`` is a formula in concentrations, in place of k.
    """

    reaction: Annotated[str, AfterValidator(_readable)]
    k: Rate | None = None
    lambda0: Measure | None = None
    radius: PositiveMeasure | None = None
    k_back: Rate | None = None
    name: str | None = None
    rate: Formula | None = None
    kernel: KernelTable | None = None
    place: str = "reactant"

    def build(self) -> Reaction:
        """The reaction that the table describes. Raises ModelError."""
        return Reaction(
            self.reaction,
            k=value_of(self.k),
            lambda0=self.lambda0,
            radius=self.radius,
            k_back=value_of(self.k_back),
            name=self.name,
            rate=self.rate,
            kernel=None if self.kernel is None else self.kernel.build(),
            place=self.place,
        )


class BathTable(Table):
    """A stirred bath, ``{ volume = 2.0, initial = 5.0 }``."""

    volume: PositiveMeasure
    initial: DefaultMeasure = 0.0

    def build(self) -> Bath:
        """The bath that the table describes."""
        return Bath(self.volume, self.initial)


def _kind_of_outside(value: Any) -> str:
    if not isinstance(value, dict):
        return "<number>"
    return "<times>" if {"t", "values"} & set(value) else "<bath>"


class LeakTable(Table):
    """A leaky wall for one species, ``{ kappa = 2.0, outside = 50.0, partition = 0.5 }``."""

    kappa: Measure
    outside: (
        Annotated[
            Annotated[Measure, Tag("<number>")]
            | Annotated[TimeTable, Tag("<times>")]
            | Annotated[BathTable, Tag("<bath>")],
            Discriminator(_kind_of_outside),
        ]
        | None
    ) = None
    partition: Positive = 1.0


class WallTable(Table):
    """A wall by species: ``reservoir``, ``influx``, ``leaky``, ``absorbing``, ..."""

    absorbing: Annotated[list[SpeciesName], Field(min_length=1)] | None = None
    reservoir: Annotated[dict[str, Rate], Field(min_length=1)] | None = None
    influx: Annotated[dict[str, Signed], Field(min_length=1)] | None = None
    leaky: Annotated[dict[str, LeakTable], Field(min_length=1)] | None = None
    partially_absorbing: (
        Annotated[
            Annotated[Measure, Tag("<number>")] | Annotated[Amounts, Tag("<species>")],
            Discriminator(lambda v: "<species>" if isinstance(v, dict) else "<number>"),
        ]
        | None
    ) = Field(None, alias="partially-absorbing")

    def build(self) -> Wall:
        """The wall that the table describes. Raises ModelError."""
        walls: list[Wall] = []
        if self.absorbing is not None:
            walls.append(Absorbing(*self.absorbing))
        if self.reservoir is not None:
            walls.append(Reservoir(_values(self.reservoir)))
        if self.influx is not None:
            walls.append(Influx(_values(self.influx)))
        if self.leaky is not None:
            leaks = self.leaky.items()
            outside = {
                name: leak.outside.build()
                if isinstance(leak.outside, BathTable)
                else value_of(leak.outside)
                for name, leak in leaks
                if leak.outside is not None
            }
            partition = {name: leak.partition for name, leak in leaks}
            walls.append(Leaky({n: leak.kappa for n, leak in leaks}, outside, partition))
        if self.partially_absorbing is not None:
            walls.append(PartiallyAbsorbing(self.partially_absorbing))
        if len(walls) != 1:
            raise ModelError(
                "give one of reservoir, influx, leaky, absorbing and partially-absorbing"
            )
        return walls[0]


WallName = Literal["x", "y", "z", "x-", "x+", "y-", "y+", "z-", "z+", "inner", "outer"]
WallEntry = Annotated[
    Annotated[Literal["reflecting", "absorbing", "periodic"], Tag("<word>")]
    | Annotated[WallTable, Tag("<wall>")],
    Discriminator(lambda v: "<wall>" if isinstance(v, dict) else "<word>"),
]


class SchemeTable(Table):
    """An interface scheme, ``{ scheme = "layer", width = 0.05 }``."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]
    scheme: Annotated[str, Field(json_schema_extra={"enum": list(SCHEMES)})]

    def build(self) -> InterfaceScheme:
        """The interface scheme that the table describes. Raises ModelError."""
        if self.scheme not in SCHEMES:
            meant = closest(self.scheme, SCHEMES)
            hint = f"did you mean {meant!r}? " if meant else ""
            raise ModelError(
                f"scheme = {self.scheme!r}: {hint}it is one of {', '.join(SCHEMES)}; register "
                f"your own scheme in hybridrd.interface.SCHEMES"
            )
        return scheme_from_dict({"scheme": self.scheme, **self.__pydantic_extra__})


class UnitsTable(Table):
    """Labels of the units, ``{ length = "um", time = "s" }``."""

    length: str | None = None
    time: str | None = None


class SystemTable(Table):
    """``[system]``: domain, particle region, cells, walls and coupling."""

    domain: Annotated[
        Annotated[BoxTable, Tag("<box>")] | Annotated[ShellTable, Tag("<shell>")],
        Discriminator(lambda v: "<shell>" if kind_of_region(v) == "<shell>" else "<box>"),
    ]
    particles: (
        Annotated[
            Annotated[ShapeTable, Tag("<shape>")]
            | Annotated[AdaptiveTable, Tag("<adaptive>")]
            | Annotated[Literal["domain"], Tag("<word>")],
            Discriminator(
                lambda v: kind if (kind := kind_of_region(v)) in _NO_SHAPES else "<shape>"
            ),
        ]
        | None
    ) = None
    obstacles: ShapeTable | None = None
    cells: (
        Annotated[
            Annotated[int, Field(ge=1), Tag("<number>")]
            | Annotated[
                list[Annotated[int, Field(ge=1)]],
                Field(min_length=1, max_length=3),
                Tag("<list>"),
            ],
            Discriminator(lambda v: "<list>" if isinstance(v, list) else "<number>"),
        ]
        | None
    ) = None
    walls: dict[WallName, WallEntry] = Field(default_factory=dict)
    interface: SchemeTable | None = None
    coupling: Literal["two-way", "mean-field"] = "two-way"
    fluctuations: (
        Annotated[
            Annotated[bool, Tag("<switch>")]
            | Annotated[Literal["discrete", "gaussian"], Tag("<word>")],
            Discriminator(lambda v: "<switch>" if isinstance(v, bool) else "<word>"),
        ]
        | None
    ) = None
    correct_pairs: bool = False
    units: UnitsTable | None = None

    def fields(self) -> dict[str, Any]:
        """The arguments of `System` that the table describes."""
        domain = self.domain.build()
        given = self.particles
        return {
            "domain": domain,
            "particles": domain if given == "domain" else given and given.build(),
            "obstacles": self.obstacles and self.obstacles.build(),
            "cells": tuple(self.cells) if isinstance(self.cells, list) else self.cells,
            "walls": {
                name: WALLS[wall]() if isinstance(wall, str) else wall.build()
                for name, wall in self.walls.items()
            },
            "interface": self.interface and self.interface.build(),
            "coupling": self.coupling,
            "fluctuations": self.fluctuations,
            "correct_pairs": self.correct_pairs,
            "units": self.units.model_dump(exclude_none=True) if self.units else {},
        }


def _one_place(table: PlaneTable) -> PlaneTable:
    table.build()
    return table


class PlaneTable(Table):
    """A plane to count particles at, ``{ x = 0.5 }`` (length); in a shell ``{ r = 2.0 }``."""

    x: SignedMeasure | None = None
    y: SignedMeasure | None = None
    z: SignedMeasure | None = None
    r: SignedMeasure | None = None

    def build(self) -> Plane:
        """The plane. Raises ModelError unless it has exactly one position."""
        return Plane(**self.model_dump(exclude_none=True))


class RunTable(Table):
    """``[run]``: defaults of the command line for the system."""

    dt: PositiveMeasure | None = None
    until: Measure | None = None
    every: PositiveMeasure | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    replicas: Annotated[int, Field(ge=1)] | None = None
    workers: Annotated[int, Field(ge=1)] | None = None
    positions: bool | None = None
    events: Literal["log"] | None = None
    planes: dict[str, Annotated[PlaneTable, AfterValidator(_one_place)]] | None = None
    method: Literal["particles", "hybrid", "pde", "rdme", "spde"] | None = None


class File(Table):
    """A whole file."""

    system: SystemTable
    species: Annotated[list[SpeciesTable], Field(min_length=1)]
    reactions: list[ReactionTable] = Field(default_factory=list)
    run: RunTable = Field(default_factory=RunTable)


#: Tables by the last word of their key, to look up their valid keys.
TABLES: dict[str, type[Table]] = {
    "": File,
    "system": SystemTable,
    "species": SpeciesTable,
    "reactions": ReactionTable,
    "run": RunTable,
    "units": UnitsTable,
    "domain": BoxTable,
    "<box>": BoxTable,
    "<shell>": ShellTable,
    "<ball>": BallTable,
    "<adaptive>": AdaptiveTable,
    "adaptive": FollowTable,
    "<cell array>": CellsTable,
    "<pixels>": PixelsTable,
    "<image>": ImageTable,
    "<where>": WhereTable,
    "<outside>": OutsideTable,
    "<union>": UnionTable,
    "<intersection>": IntersectionTable,
    "<difference>": DifferenceTable,
    "<wall>": WallTable,
    "leaky": LeakTable,
    "<bath>": BathTable,
    "<times>": TimeTable,
    "planes": PlaneTable,
    "<concentration>": PatchTable,
    "<copies>": CopiesTable,
    "<positions>": PointsTable,
}
