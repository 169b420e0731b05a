"""Base class of interface schemes, and the numbers of a scheme for one face."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Self, get_args

from hybridrd.arguments import number
from hybridrd.errors import ModelError

Context = Literal["mean-field", "two-way", "cells", "wall"]
Kind = Literal["layer", "exact", "injection", "kinetic"]
Stencil = Literal["cell", "linear"]


@dataclass(frozen=True)
class FaceNumbers:
    """Numbers of a scheme for one species and face, as kernels and the continuum use them.

    Attributes
    ----------
    kind
        ``"layer"``: reflecting plane, one exchange per step in the layer before diffusion.
        ``"exact"``: open plane, exchange within the diffusion step.
        ``"injection"``: arrivals in the layer before and after diffusion, removal of particles
        that end beyond the plane.
        ``"kinetic"``: open plane for particles with inertia, exchange within their flights.
    width
        Layer width dx (length); 0 for the exact plane; for the kinetic plane the depth of the slab
        beyond it that holds as many particles as enter in a step.
    survival
        q, probability that a particle in the layer is not removed in the step; 1 for the exact
        plane, which removes particles that touch it.
    offset
        Distance outside the plane at which c_R is reached (length).
    alpha
        D dt/dx**2; 0 for the exact plane.
    beta
        Factor on the layer's rates.
    spread
        sqrt(2 D dt) (length).
    reactivity
        Openness of an exact plane: ``D reactivity (c - c_R)`` passes per area and time
        (1/length); inf, fully open, if c_R is reached at the plane.
    stencil
        Rule by which c_R is read from the continuum: ``"cell"``, the value of the first cell;
        ``"linear"``, inter- or extrapolated to `offset`.
    leaps
        Number of leaps in which an injection empties the mirror layer in half a step; 0 for one
        trial per copy.

    Examples
    --------
    >>> from hybridrd.interface import Layer
    >>> Layer(width=0.5).numbers(
    ...     D=1.0, dt=0.0625, context="mean-field", spacing=0.1, depth=5.0, where="A at x+"
    ... ).alpha
    0.25
    """

    kind: Kind
    width: float
    survival: float
    offset: float
    alpha: float
    beta: float
    spread: float
    reactivity: float = math.inf
    stencil: Stencil = "linear"
    leaps: int = 0

    @property
    def arrivals_per_area(self) -> float:
        """Mean arrivals per area and step at unit c_R (length).

        For a plane of finite `reactivity` it counts all that enter, including those that leave
        again.
        """
        if self.kind == "kinetic":
            return self.width
        if self.kind == "layer":
            return self.width * (1.0 - self.survival)
        if self.reactivity < math.inf:
            return 0.5 * self.reactivity * self.spread**2
        return self.spread * math.sqrt(2.0 / math.pi)  # 2 sqrt(D dt/pi)


@dataclass(frozen=True)
class InterfaceScheme(ABC):
    """Exchange of particles with a reservoir across a plane: a wall, or the continuum region.

    A new scheme is one file:

    1. Write a frozen dataclass that derives from this class; its fields are the user's options,
       with defaults. Check them in ``__post_init__`` (`check_length` helps).
    2. Give it a ``name``, as in TOML files.
    3. Implement `numbers`: call `check_face` first, then return `FaceNumbers` or raise
       ``StepError`` with values that would work. The kernels have the kinds ``"layer"``,
       ``"exact"`` and ``"injection"``; most schemes are a layer with other numbers.
    4. Compute its offset with `hybridrd.interface.operator.steady_profile`.
    5. Add it to ``SCHEMES`` in ``hybridrd/interface/__init__.py``.
    6. Test that a uniform state is stationary under its numbers, and that its offset is the one
       an independent solver finds (``tests/interface/test_schemes.py`` does both for every scheme).
    """

    name: ClassVar[str]

    @abstractmethod
    def numbers(
        self, D: float, dt: float, context: Context, spacing: float, depth: float, where: str
    ) -> FaceNumbers:
        """The scheme's numbers for one species at one face.

        Parameters
        ----------
        D
            Diffusion coefficient (length**2/time), 0 or more.
        dt
            Time step (time).
        context
            ``"mean-field"``: c_R from a PDE on the whole domain; ``"two-way"``: c_R from the
            continuum region, which pays; ``"cells"``: c_R from discrete copies in the cells of
            the continuum region, read before they hop; ``"wall"``: c_R given at a wall of the
            domain.
        spacing
            Width of the continuum's cells normal to the face (length).
        depth
            Extent of the particle region normal to the face (length).
        where
            Species and face, for messages: ``"A at interface:x+"``.

        Raises
        ------
        StepError
            The step, width, cells and region can't give an accurate run; the message has values
            that can.
        """

    def to_dict(self) -> dict[str, Any]:
        """The scheme as in a TOML file: ``{"scheme": name, ...}`` with the fields that were given.

        Examples
        --------
        >>> from hybridrd.interface import Layer
        >>> Layer(width=0.05).to_dict()
        {'scheme': 'layer', 'width': 0.05}
        """
        chosen = {key: value for key, value in asdict(self).items() if value is not None}
        return {"scheme": self.name, **chosen}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, for this scheme.

        Raises
        ------
        ModelError
            Another scheme's name, or a key or value that the scheme doesn't have.
        """
        options = dict(given)
        scheme = options.pop("scheme", cls.name)
        if scheme != cls.name:
            raise ModelError(f"scheme {scheme!r} given to {cls.__name__}: it is {cls.name!r}")
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise ModelError(f"interface {cls.name!r} has no option {', '.join(unknown)}: {has}")
        return cls(**options)


def check_length(scheme: str, name: str, value: Any, zero: bool = False) -> float | None:
    """A scheme's optional length as a float: None, or finite and above 0 (or 0, with ``zero``).

    Raises
    ------
    ModelError
        Anything else; the message names the value.
    """
    return None if value is None else number(value, f"{scheme}: {name}", strict=not zero)


def check_face(
    D: float, dt: float, context: Context, spacing: float, depth: float, where: str
) -> None:
    """Raise ModelError for invalid arguments of `InterfaceScheme.numbers`, for any scheme.

    Raises
    ------
    ModelError
        Naming the argument and its value.
    """
    if context not in get_args(Context):
        raise ModelError(f"{where}: context {context!r}: use one of {', '.join(get_args(Context))}")
    if not (math.isfinite(D) and D >= 0.0):
        raise ModelError(f"{where}: D = {D:g} must be finite and 0 or more")
    for name, value in (("dt", dt), ("cell width", spacing), ("region depth", depth)):
        if not (math.isfinite(value) and value > 0.0):
            raise ModelError(f"{where}: {name} = {value:g} must be finite and above 0")


def at_least(bound: float) -> str:
    """``bound`` to four digits, rounded up, so that the printed value satisfies the bound.

    Examples
    --------
    >>> at_least(0.0316227766), at_most(0.0316227766)
    ('0.03163', '0.03162')
    """
    return f"{_rounded(bound, math.ceil):.4g}"


def at_most(bound: float) -> str:
    """``bound`` to four digits, rounded down."""
    return f"{_rounded(bound, math.floor):.4g}"


def _rounded(value: float, direction: Any) -> float:
    unit = 10.0 ** (math.floor(math.log10(value)) - 3)
    # a bound with four digits, up to round-off, is not changed
    return float(direction(round(value / unit, 6)) * unit)
