"""Parser of the equation of a reaction, ``"fusion: A +(0.02) B -> C"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hybridrd.errors import ModelError

_TERM = re.compile(r"(?:(\d+)\s*\*?\s*)?([A-Za-z_][A-Za-z0-9_]*)\Z")
_RADIUS = re.compile(r"\+\s*\(\s*([^()]*?)\s*\)")
_EMPTY = ("0", "", "∅")


@dataclass(frozen=True)
class Equation:
    """Parts of an equation.

    Parameters
    ----------
    label
        The name in front of it, or an empty string.
    reactants, products
        Names of species, each as often as it takes part.
    reversible
        Whether the arrow is ``<->``.
    radius
        The Doi radius between the reactants (length), if given.
    """

    label: str
    reactants: tuple[str, ...]
    products: tuple[str, ...]
    reversible: bool
    radius: float | None

    @property
    def normal(self) -> str:
        """The equation in normal form: ``S + I -> 2 I``."""
        arrow = "<->" if self.reversible else "->"
        return f"{_text(self.reactants)} {arrow} {_text(self.products)}"


def read_equation(text: object) -> Equation:
    """Read an equation.

    Raises
    ------
    ModelError
        If it cannot be read; the caller adds the equation to the message.

    Examples
    --------
    >>> read_equation("fusion: A +(0.5) A -> B")
    Equation(label='fusion', reactants=('A', 'A'), products=('B',), reversible=False, radius=0.5)
    """
    if not isinstance(text, str):
        raise ModelError("give a string like 'A + B -> C'")
    label, _, rest = text.rpartition(":")
    reversible = "<->" in rest
    arrow = "<->" if reversible else "->"
    if rest.count("->") != 1 or "=" in rest or rest.count("<") > int(reversible):
        raise ModelError("write one arrow, 'A + B -> C' or 'A + B <-> C'")
    left, right = rest.split(arrow)
    inside = _RADIUS.findall(left)
    radius = None
    if inside:
        if len(inside) > 1:
            raise ModelError("the radius is given twice")
        try:
            radius = float(inside[0])
        except ValueError as error:
            raise ModelError(f"the radius ({inside[0]}) is not a number") from error
        left = _RADIUS.sub("+", left)
    if _RADIUS.search(right):
        raise ModelError(
            "a radius between products has no meaning here: they appear at the reactants; "
            "leave it out, or write the reversible 'A + B <-> C'"
        )
    return Equation(label.strip(), _side(left), _side(right), reversible, radius)


def _side(text: str) -> tuple[str, ...]:
    """The species of one side, each as often as it occurs."""
    if text.strip() in _EMPTY:
        return ()
    names: list[str] = []
    for part in text.split("+"):
        match = _TERM.match(part.strip())
        if not match:
            raise ModelError(
                f"cannot read {part.strip()!r}; "
                f"write for instance 'A + B -> C', '2 A -> 0', '0 -> A'"
            )
        count = 1 if match[1] is None else int(match[1])
        if not 1 <= count <= 100:
            raise ModelError(f"{count} {match[2]} is not a count of 1 to 100")
        names += [match[2]] * count
    return tuple(names)


def _text(names: tuple[str, ...]) -> str:
    counts = [(names.count(n), n) for n in dict.fromkeys(names)]
    return " + ".join(n if c == 1 else f"{c} {n}" for c, n in counts) or "0"
