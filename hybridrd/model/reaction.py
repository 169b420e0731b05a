"""Reactions with mass-action kinetics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hybridrd.arguments import named_arguments, shown
from hybridrd.errors import ModelError
from hybridrd.model.equation import read_equation
from hybridrd.model.expression import Expression
from hybridrd.model.functions import Value
from hybridrd.model.pair_kernels import Distance, Doi, PairKernel
from hybridrd.model.quantity import measure
from hybridrd.model.rate_law import RateLaw
from hybridrd.model.table import check_least

# Positions of the new products of a pair.
PLACES = ("reactant", "midpoint", "weighted", "ball")


@named_arguments
@dataclass(frozen=True)
class Reaction:
    """A reaction with mass-action kinetics.

    Parameters
    ----------
    equation
        ``"A -> 0"``, ``"0 -> A"``, ``"A -> 2 A"``, ``"A + B -> C"``, ``"2 A -> 0"``, or the
        reversible ``"A + B <-> C"``, ``"2 A <-> C"``, ``"A <-> B"``, ``"A + B <-> C + D"``; of any
        order in a continuum, ``"2 U + V -> 3 U"``, of order two at most between particles. The
        equation may contain a pair's Doi radius, ``"A +(0.02) B -> C"``, and start with a name,
        ``"fusion: A + B -> C"``.
    k
        Macroscopic rate: per volume and time for order 0, 1/time for order 1, length^d/time for
        order 2, length^(d (m - 1))/time for order m; a number or a function of position and time.
    lambda0
        Doi's microscopic rate (1/time) of order 2: each pair closer than ``radius`` reacts at this
        rate. Give one of ``k`` and ``lambda0``: ``k = V_radius lambda0`` (del Razo 2024, eq. (22)).
    radius
        Doi radius (length) of a pair; needed where particles react.
    k_back
        Rate of the reverse reaction: for a binding the dissociation rate (1/time), a number; for
        other reactions a number or a function, in the units of its order.
    name
        A name; by default the equation in normal form.
    rate
        Replaces k where there are no particles: events per volume and time as a function of
        concentrations, with species as its arguments, ``lambda R: v * K**n / (K**n + R**n)``,
        or its formula as text, ``"2 * R / (0.5 + R)"``. It must be 0 where a reactant is absent.
    kernel
        Replaces Doi's step: the rate of a pair as a function of its distance, a kernel of
        `hybridrd.pair_kernels` or a function of r with ``radius`` as its cut-off. Particles, the
        master equation and ``mean_field(nonlocal_pairs=True)`` use it. Between particles k must
        then be a number, and a reversible binding needs Doi's step.
    place
        Position of the new products of a pair of particles: at the ``"reactant"`` that they
        replace (see Notes), at the ``"midpoint"`` of the pair, at the mean ``"weighted"`` with the
        diffusion coefficient of the other partner, or each uniformly in the ``"ball"`` about its
        reactant within which the pair reacts. If that position is outside the domain or in an
        obstacle, or a partner is beyond a wall, they are put at the reactant. A continuum only
        has cells.

    Notes
    -----
    Identical reactants: every unordered pair reacts at ``lambda0``, so ``2 A -> 0`` has
    ``dc/dt = -k c²`` (eq. (23)): k c²/2 events per volume and time, each of which removes two
    copies. From order three on, k is not derived from the rate of a pair; it multiplies the product
    of the concentrations, whether or not reactants are identical: ``2 U + V -> 3 U`` has ``k u² v``
    events per volume and time and ``3 A -> 0`` has ``k c³``, or, with n discrete copies in a volume
    V, ``k n (n - 1) (n - 2)/V²`` events per time. Particles react at most in pairs; a System is
    refused if a reaction of order three or more could happen in its particle region.

    A product that is also a reactant is that particle, unmoved, whatever the order in which the
    reaction is written: ``A + B -> B`` and ``B + A -> B`` both remove A. The other products take
    the positions of the other reactants in order, any further ones that of the first reactant; a
    fair coin decides which of two identical reactants is the first. If a partner is beyond a
    `Reservoir` wall, a product at its position is lost there if the wall is a reservoir of the
    product's species; otherwise it is put at the particle.

    A reversible binding, ``A + B <-> C``, keeps detailed balance: C appears at the position of A;
    when it dissociates, A stays and B appears uniformly within the radius (an event that would
    put it outside the domain is rejected), and in every half step the hazards of both directions
    have the ratio k_back/lambda0. Hence ``c_A c_B/c_C = k_back/k`` holds for any step
    (``c_A²/(2 c_C)`` for identical reactants), however many partners are in reach, and also across
    an interface or a reservoir wall: complexes dissociate across it from either side as often as
    partners meet there. Any other reversible reaction is short for two, one in each direction
    (`one_way`); the System holds both.

    Raises
    ------
    ModelError
        If the equation cannot be read or the rates do not fit its order.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> spreading = hrd.Reaction("S + I -> 2 I", k=0.015, radius=0.01)
    >>> round(spreading.rates(dimension=2)["lambda0"], 6)
    47.746483
    """

    equation: str
    k: Value | None = None
    lambda0: float | None = None
    radius: float | None = None
    k_back: Value | None = None
    name: str | None = None
    rate: Callable[..., Any] | str | None = None
    kernel: PairKernel | Callable[..., Any] | None = None
    place: str = "reactant"
    reactants: tuple[str, ...] = field(init=False, repr=False, default=())
    products: tuple[str, ...] = field(init=False, repr=False, default=())
    reversible: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        self._read()
        where = f"reaction {self.equation!r}"
        if self.rate is not None:
            self._check_law(where)
            return
        if self.kernel is not None:
            self._check_kernel(where)
        self._check_place(where)
        if self.lambda0 is not None:
            if len(self.reactants) != 2:
                raise ModelError(f"{where}: lambda0 is the rate of a pair; give k for this order")
            if self.k is not None:
                raise ModelError(f"{where}: give one of k and lambda0, not both")
            object.__setattr__(self, "lambda0", measure(self.lambda0, f"{where}: lambda0"))
        elif self.k is None:
            raise ModelError(
                f"{where}: give the rate k" + (" or lambda0" if self.order == 2 else "")
            )
        elif not callable(self.k):
            object.__setattr__(self, "k", measure(self.k, f"{where}: k"))
        check_least(self.k, f"{where}: k", 0.0)
        if self.radius is not None:
            if 2 not in (self.order, self.reversible and len(self.products)):
                raise ModelError(f"{where}: a radius goes with two reactants only")
            radius = measure(self.radius, f"{where}: radius", strict=True)
            object.__setattr__(self, "radius", radius)
        elif self.lambda0 is not None and self.kernel is None:
            raise ModelError(f"{where}: lambda0 needs the Doi radius, radius=")
        self._check_reverse(where)

    def _check_kernel(self, where: str) -> None:
        if len(self.reactants) != 2:
            raise ModelError(f"{where}: a kernel goes with two reactants only")
        if isinstance(self.kernel, PairKernel):
            if self.radius is not None:
                raise ModelError(f"{where}: give a kernel or a radius, not both")
            if isinstance(self.kernel, Doi):
                object.__setattr__(self, "radius", self.kernel.radius)
                object.__setattr__(self, "kernel", None)
        elif callable(self.kernel) and self.radius is not None:
            object.__setattr__(self, "kernel", Distance(self.kernel, self.radius))
            object.__setattr__(self, "radius", None)
        else:
            raise ModelError(
                f"{where}: kernel = {shown(self.kernel)}: give one of hybridrd.pair_kernels, or a "
                f"function of the distance r with its cut-off as radius="
            )

    def _check_place(self, where: str) -> None:
        if self.place not in PLACES:
            raise ModelError(
                f"{where}: place = {shown(self.place)}: give one of {', '.join(map(repr, PLACES))}"
            )
        if self.place == "reactant":
            return
        if len(self.reactants) != 2 or self.law is not None:
            raise ModelError(f"{where}: place = {self.place!r} goes with two reactants only")
        if self.binds:
            raise ModelError(
                f"{where}: place = {self.place!r}: detailed balance needs the complex at a "
                f"reactant; write two reactions, one each way, to put it elsewhere"
            )

    def _check_law(self, where: str) -> None:
        beside = [
            n
            for n in ("k", "lambda0", "radius", "k_back", "kernel")
            if getattr(self, n) is not None
        ]
        if beside:
            raise ModelError(f"{where}: give rate or {beside[0]}, not both")
        if self.reversible:
            raise ModelError(f"{where}: rate is that of one direction; write one reaction for each")
        if isinstance(self.rate, str):
            try:
                object.__setattr__(self, "rate", Expression(self.rate))
            except ModelError as error:
                raise ModelError(f"{where}: rate = {error}") from error
        if not callable(self.rate):
            raise ModelError(
                f"{where}: rate = {shown(self.rate)}: give a function of concentrations, or its "
                f"formula as text; for a number use k"
            )
        assert self.law is not None
        _ = self.law.names

    @property
    def law(self) -> RateLaw | None:
        """The rate as a function of concentrations, if it is one."""
        return RateLaw(self.rate, f"rate of {self.label!r}") if callable(self.rate) else None

    def _check_reverse(self, where: str) -> None:
        if not self.reversible:
            if self.k_back is not None:
                raise ModelError(f"{where}: k_back goes with a reversible reaction, 'A + B <-> C'")
            return
        forward, back = self._equations
        if self.k_back is None:
            raise ModelError(f"{where}: give the rate of the reverse reaction, k_back=")
        if self.order == 1 and len(self.products) == 2:
            raise ModelError(
                f"{where}: write the pair first, {back.replace('->', '<->')!r}, with k of the "
                f"binding and k_back of the dissociation"
            )
        if not callable(self.k_back):
            object.__setattr__(self, "k_back", measure(self.k_back, f"{where}: k_back"))
        check_least(self.k_back, f"{where}: k_back", 0.0)
        if self.binds and (callable(self.k) or callable(self.k_back)):
            raise ModelError(
                f"{where}: detailed balance needs a constant k and k_back; with a rate that varies "
                f"write two reactions, {forward!r} with its k and {back!r} with its own (both "
                f"products of a complex then appear at its position)"
            )
        self.one_way()

    @property
    def binds(self) -> bool:
        """Whether it is a reversible binding, which keeps detailed balance."""
        return self.reversible and self.order == 2 and len(self.products) == 1

    @property
    def _equations(self) -> tuple[str, str]:
        left, right = self.equation.split(" <-> ")
        return f"{left} -> {right}", f"{right} -> {left}"

    def one_way(self) -> tuple[Reaction, ...]:
        """The reactions that a System holds: two for a reversible reaction other than a binding.

        Examples
        --------
        >>> import hybridrd as hrd
        >>> [r.label for r in hrd.Reaction("A <-> B", k=1.0, k_back=2.0).one_way()]
        ['A -> B', 'B -> A']
        """
        if not self.reversible or self.binds:
            return (self,)
        forward, back = self._equations
        named = self.name != self.equation
        names = (f"{self.name} (forward)", f"{self.name} (back)") if named else (None, None)
        radii = (self.radius if len(s) == 2 else None for s in (self.reactants, self.products))
        there, here = radii
        return (
            Reaction(
                forward,
                k=self.k,
                lambda0=self.lambda0,
                radius=there,
                name=names[0],
                kernel=self.kernel,
                place=self.place,
            ),
            Reaction(back, k=self.k_back, radius=here, name=names[1]),
        )

    def _read(self) -> None:
        try:
            read = read_equation(self.equation)
            if read.radius is not None and self.radius is not None:
                raise ModelError("the radius is given twice")
        except ModelError as error:
            raise ModelError(f"reaction {shown(self.equation)}: {error}") from error
        if read.radius is not None:
            object.__setattr__(self, "radius", read.radius)
        object.__setattr__(self, "reactants", read.reactants)
        object.__setattr__(self, "products", read.products)
        object.__setattr__(self, "reversible", read.reversible)
        object.__setattr__(self, "equation", read.normal)
        if self.name is not None and not (isinstance(self.name, str) and self.name):
            raise ModelError(f"reaction {self.equation!r}: name = {shown(self.name)}: give text")
        if self.name is None:
            object.__setattr__(self, "name", read.label or read.normal)

    @property
    def order(self) -> int:
        """Number of reactants."""
        return len(self.reactants)

    @property
    def label(self) -> str:
        """The name, or the equation where none was given."""
        return self.name or self.equation

    @property
    def like(self) -> bool:
        """Whether both reactants are of the same species."""
        return self.order == 2 and self.reactants[0] == self.reactants[1]

    def macroscopic(self, dimension: int) -> Value:
        """The macroscopic rate k, a number or a function; 1 beside a `law`."""
        if self.law is not None:
            return 1.0
        if self.lambda0 is not None:
            return self.lambda0 * self.reactive_volume(dimension)
        assert self.k is not None
        return self.k

    def microscopic(self, dimension: int) -> float | None:
        """Doi's lambda0 (1/time); None for well-mixed pairs, or where k is a function."""
        if self.lambda0 is not None:
            return self.lambda0
        if self.reach is None or self.k is None or callable(self.k):
            return None
        return self.k / self.reactive_volume(dimension)

    @property
    def pair_kernel(self) -> PairKernel | None:
        """The kernel, Doi's step of the radius if none was given; None for well-mixed pairs."""
        if isinstance(self.kernel, PairKernel):
            return self.kernel
        return None if self.radius is None else Doi(self.radius)

    @property
    def reach(self) -> float | None:
        """The largest distance of a reacting pair (length); None if pairs are well mixed."""
        return None if self.pair_kernel is None else self.pair_kernel.reach

    def reactive_volume(self, dimension: int) -> float:
        """``k/lambda0``: the volume of the Doi ball, or the integral of the kernel (length^d)."""
        assert self.pair_kernel is not None
        return self.pair_kernel.volume(dimension)

    @property
    def places(self) -> tuple[int, ...]:
        """For each product the index of the reactant that it replaces.

        Products that are also reactants come first, then the others in order; any beyond the
        number of reactants are at the position of the first.

        Examples
        --------
        >>> Reaction("A + B -> B + 2 C", k=1.0).places
        (1, 0, 0)
        """
        free = list(range(len(self.reactants)))
        taken: dict[int, int] = {}
        for j, name in enumerate(self.products):
            own = [i for i in free if self.reactants[i] == name]
            if own:
                taken[j] = own[0]
                free.remove(own[0])
        for j in range(len(self.products)):
            if j not in taken:
                taken[j] = free.pop(0) if free else 0
        return tuple(taken[j] for j in range(len(self.products)))

    def channels(self) -> tuple[Channel, ...]:
        """The one-way channels of this reaction: two if it is reversible."""
        if not self.binds:
            return tuple(
                Channel(r, r.label, r.reactants, r.products, r.places, False)
                for r in self.one_way()
            )
        forward, back = f"{self.label} (forward)", f"{self.label} (back)"
        # The reactant that the complex replaced stays there; the other gets a new position.
        home = self.places[0]
        apart = tuple(int(j != home) for j in range(2))
        return (
            Channel(self, forward, self.reactants, self.products, self.places, False),
            Channel(self, back, self.products, self.reactants, apart, True),
        )

    def rates(self, dimension: int) -> dict[str, object]:
        """``k``, ``lambda0`` and ``radius``; k or lambda0 is derived from the other if possible."""
        return {
            "k": self.macroscopic(dimension),
            "lambda0": self.microscopic(dimension),
            "radius": self.radius,
        }


@dataclass(frozen=True)
class Channel:
    """One direction of a reaction.

    Parameters
    ----------
    reaction
        The reaction it belongs to.
    label
        Its name in results.
    reactants, products
        Names of species, each as often as it takes part.
    places
        For each product the index of the reactant that it replaces; in a dissociation 1 stands for
        a random position in the ball about the complex.
    back
        Whether it is the dissociation of a reversible reaction.
    """

    reaction: Reaction
    label: str
    reactants: tuple[str, ...]
    products: tuple[str, ...]
    places: tuple[int, ...]
    back: bool

    @property
    def order(self) -> int:
        """Number of reactants."""
        return len(self.reactants)

    @property
    def reach(self) -> float | None:
        """The largest distance of a reacting pair (length); None for well-mixed pairs."""
        return self.reaction.reach

    @property
    def law(self) -> RateLaw | None:
        """The rate as a function of concentrations, if it is one."""
        return self.reaction.law

    def macroscopic(self, dimension: int) -> Value:
        """The macroscopic rate k, a number or a function; 1 beside a `law`."""
        if self.back:
            assert self.reaction.k_back is not None
            return self.reaction.k_back
        return self.reaction.macroscopic(dimension)
