"""Chemical species."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from hybridrd.arguments import named_arguments, number, shown
from hybridrd.errors import ModelError
from hybridrd.model.expression import Expression
from hybridrd.model.functions import ARGUMENTS, Value, arguments, needs_time
from hybridrd.model.quantity import measure

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@named_arguments
@dataclass(frozen=True)
class Species:
    """A chemical species that diffuses, and may drift in a potential or with a flow.

    Its concentration follows ``dc/dt = div(D grad c - v c)`` (Fick's law) with ``v = u - D grad
    U``, its particles ``dX = (v + grad D) dt + sqrt(2 D) dW`` (Ito). D, U and u are evaluated on
    the cells of the grid: for particles D and the drift are constant in each cell; the continuum
    and the master equation use harmonic means of D on the faces, and fluxes by exponential fitting
    (D. L. Scharfetter and H. K. Gummel, IEEE Trans. Electron Devices 16 (1969) 64), which preserve
    Boltzmann's exp(-U) exactly.

    Parameters
    ----------
    name
        Letters, digits and underscores, not starting with a digit.
    D
        Diffusion coefficient (length²/time), finite and not negative; or a function of position or
        a formula, positive in all cells.
    potential
        U in units of kT: a function of position, ``lambda x: 2 * x``, or a formula, ``"2 * x"``.
    velocity
        u, the flow that carries the species (length/time): a number, a function of position and
        time or a formula for each axis, or one function that returns all components.
    friction
        Makes the particles Langevin particles: g in ``dx = v dt``, ``dv = -g v dt + g sqrt(2 D)
        dW`` (1/time), above 0. Their velocities have the variance kT/m = D g along each axis; over
        times longer than 1/g they diffuse with D. They have no continuum.

    Raises
    ------
    ModelError
        If the name, the coefficient or the drift is invalid.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.Species("A", D=0.5)
    Species(name='A', D=0.5)
    >>> swimmer = hrd.Species("B", D=1.0, velocity=(0.5, 0.0))
    >>> slow_on_the_right = hrd.Species("C", D="where(x < 0.5, 1, 0.2)")
    """

    name: str
    D: Any
    potential: Value = 0.0
    velocity: Any = ()
    friction: float | None = None

    def __post_init__(self) -> None:
        try:
            check_name(self.name)
        except ModelError as error:
            raise ModelError(f"species name {shown(self.name)}: {error}") from error
        object.__setattr__(self, "D", self._coefficient())
        if isinstance(self.potential, str):
            where = f"potential of {self.name}"
            object.__setattr__(self, "potential", _formula(self.potential, where))
        if not callable(self.potential):
            where = f"potential of {self.name}"
            object.__setattr__(self, "potential", number(self.potential, where, -math.inf))
        if not callable(self.velocity):
            object.__setattr__(self, "velocity", self._components())
        for what, function in self.functions():
            arguments(function, what)
            if needs_time(function) and not what.startswith("velocity"):
                raise ModelError(
                    f"{what}: it is a function of time; give a function of position alone"
                )
        if self.friction is not None:
            where = f"species {self.name}: friction"
            object.__setattr__(self, "friction", measure(self.friction, where, strict=True))
            self._check_inertia()
        if self.drifts and self.D == 0:
            raise ModelError(f"species {self.name}: it drifts, but D = 0; give D > 0")

    def _coefficient(self) -> Value:
        """D as a number or a function."""
        where = f"species {self.name}: D"
        if callable(self.D):
            return cast(Callable[..., Any], self.D)
        return Expression(self.D) if is_formula(self.D) else measure(self.D, where)

    def _components(self) -> tuple[Value, ...]:
        given = self.velocity if isinstance(self.velocity, tuple | list) else (self.velocity,)
        where = f"velocity of {self.name}"
        read = [_formula(v, where) if isinstance(v, str) else v for v in given]
        return tuple(v if callable(v) else number(v, where, -math.inf) for v in read)

    def _check_inertia(self) -> None:
        if self.D == 0:
            raise ModelError(f"species {self.name}: it has friction, but D = 0; give D > 0")
        if self.drifts or self.uneven:
            raise ModelError(
                f"species {self.name}: it has friction, and particles with inertia need a constant "
                f"D and no potential or flow; leave out one or the other"
            )

    @property
    def thermal_speed(self) -> float | None:
        """Standard deviation of a velocity along an axis, sqrt(D friction); None without inertia.

        Examples
        --------
        >>> Species("A", D=1.0, friction=4.0).thermal_speed
        2.0
        """
        return None if self.friction is None else math.sqrt(self.D * self.friction)

    @property
    def uneven(self) -> bool:
        """Whether its diffusion coefficient is a function of position."""
        return callable(self.D)

    @property
    def drifts(self) -> bool:
        """Whether it has a potential or is carried by a flow."""
        return self.potential != 0.0 or (callable(self.velocity) or any(self.velocity))

    @property
    def changes(self) -> bool:
        """Whether the flow that carries it depends on time."""
        return any(needs_time(function) for _, function in self.functions())

    def functions(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Its functions, each with a name for messages."""
        parts = self.velocity if isinstance(self.velocity, tuple) else (self.velocity,)
        drift = (("potential", self.potential), *(("velocity", v) for v in parts))
        for name, value in (("D", self.D), *drift):
            if callable(value):
                yield f"{name} of {self.name}", value

    def __repr__(self) -> str:
        more = f", potential={self.potential!r}" if self.potential != 0.0 else ""
        more += f", velocity={self.velocity!r}" if self.velocity != () else ""
        more += f", friction={self.friction!r}" if self.friction is not None else ""
        return f"Species(name={self.name!r}, D={self.D!r}{more})"

    def __str__(self) -> str:
        return self.name


def is_formula(value: Any) -> bool:
    """Whether a value is text that is a formula of position, rather than a quantity with units.

    Examples
    --------
    >>> is_formula("1 + x"), is_formula("0.5 um**2/s")
    (True, False)
    """
    try:
        return isinstance(value, str) and not set(Expression(value).names).isdisjoint(ARGUMENTS)
    except ModelError:
        return False


def _formula(text: str, where: str) -> Expression:
    try:
        return Expression(text)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def refuse_inertia(species: Iterable[Species], what: str) -> None:
    """Refuse species with friction where nothing has a velocity. Raises ModelError."""
    for s in species:
        if s.friction is not None:
            raise ModelError(
                f"species {s.name}: it has friction, but {what} has no velocities; use Simulation, "
                f"or leave friction out: over times above {1.0 / s.friction:.4g} it diffuses"
            )


def refuse_change(species: Iterable[Species], what: str) -> None:
    """Refuse species carried by a flow that depends on time. Raises ModelError."""
    for s in species:
        if s.changes:
            raise ModelError(
                f"species {s.name}: its velocity depends on time, but the rates of {what} do "
                f"not; use particles and the PDE, or a velocity that depends on position alone"
            )


def check_name(name: object) -> None:
    """Check the name of a species. Raises ModelError."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ModelError("use letters, digits and underscores, not starting with a digit")


SpeciesLike: TypeAlias = Species | str


def species_name(species: SpeciesLike) -> str:
    """The name of a species given as a `Species` or as its name."""
    if isinstance(species, Species):
        return species.name
    if isinstance(species, str):
        return species
    raise ModelError(f"{shown(species)} is not a species: give a Species or its name")
