"""Names of the parts of a System in messages: as in Python, or by their key in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Places:
    """Names of the parts of a System that was made in Python."""

    def field(self, name: str) -> str:
        """A field of the System itself."""
        return name

    def face(self, axis: str, side: int) -> str:  # noqa: ARG002
        """The lower (0) or upper (1) face of the particle region along an axis."""
        return "particles"

    def species(self, i: int) -> str:  # noqa: ARG002
        """The i-th species."""
        return "species"

    def reaction(self, i: int, label: str, key: str) -> str:  # noqa: ARG002
        """The name of the value under a key of the i-th reaction."""
        return f"reaction {label!r}"

    def repeated(self, i: int) -> str:  # noqa: ARG002
        """The name of the i-th reaction, which repeats the label of another."""
        return "reactions"

    def wall(self, name: str, species: str = "") -> str:  # noqa: ARG002
        """A wall, or its value for a species."""
        return f"walls[{name!r}]"

    def initial(self, k: int, name: str, part: int | None) -> str:  # noqa: ARG002
        """The k-th initial state, that of a species, or one part of a list."""
        return f"initial[{name!r}]" + ("" if part is None else f"[{part}]")


@dataclass(frozen=True)
class FilePlaces(Places):
    """Keys of the parts of a System that was read from tables, ``species[0].initial[1]``.

    Parameters
    ----------
    data
        The tables.
    reactions, contents
        Indices in the file of the reactions that could be read, and of the species that have an
        initial state.
    """

    data: Mapping[str, Any]
    reactions: Sequence[int]
    contents: Sequence[int]

    def field(self, name: str) -> str:
        """A key of the table ``[system]``."""
        return f"system.{name}"

    def face(self, axis: str, side: int) -> str:
        """A face of the particle region."""
        if axis == "r":
            return f"system.particles.{('inner', 'outer')[side]}"
        return f"system.particles.{axis}[{side}]"

    def species(self, i: int) -> str:
        """A table of the list ``species``."""
        return f"species[{i}].name"

    def reaction(self, i: int, label: str, key: str) -> str:  # noqa: ARG002
        """A table of the list ``reactions``."""
        n = self.reactions[i]
        place = f"reactions[{n}].{key}"
        if key != "reaction":
            return place
        return f"{place} = {self.data['reactions'][n]['reaction']!r}"

    def repeated(self, i: int) -> str:
        """A table that repeats the name of an earlier one."""
        return f"reactions[{self.reactions[i]}]"

    def wall(self, name: str, species: str = "") -> str:
        """A key of the table ``system.walls``."""
        walls = self.data["system"]["walls"]
        key = name if name in walls else name[0]  # the name of the axis names both sides
        table = walls.get(key)
        kind = next(iter(table), "") if isinstance(table, dict) else ""
        return f"system.walls.{key}" + (f".{kind}.{species}" if species and kind else "")

    def initial(self, k: int, name: str, part: int | None) -> str:  # noqa: ARG002
        """The initial state of a species."""
        place = f"species[{self.contents[k]}].initial"
        return place if part is None else f"{place}[{part}]"
