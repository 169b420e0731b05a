"""Turing patterns of three networks with a reaction of order three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hybridrd as hrd

# Positions of the perturbations of the uniform state, in units of the square's edge.
SPOTS = ((0.31, 0.42), (0.73, 0.18), (0.58, 0.66), (0.14, 0.81), (0.87, 0.79))


def brusselator(cells: int = 96, **changes: Any) -> hrd.System:
    """The Brusselator: ``0 -> U, U -> V, 2 U + V -> 3 U, U -> 0``, a pattern of spots.

    A PDE on a square of edge 48. The uniform state U = A, V = B/A (A = 4.5, B = 7; the other rates
    are 1) is stable to oscillations, B < 1 + A², and unstable to waves about 6.9 long.

    I. Prigogine, R. Lefever, J. Chem. Phys. 48, 1695 (1968).

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> hrd.examples.brusselator(cells=32).reactions[2].equation
    '2 U + V -> 3 U'
    """
    A, B = 4.5, 7.0
    reactions = [
        hrd.Reaction("0 -> U", k=A),
        hrd.Reaction("U -> V", k=B),
        hrd.Reaction("2 U + V -> 3 U", k=1.0),
        hrd.Reaction("U -> 0", k=1.0),
    ]
    return _pattern({"U": (2.0, A), "V": (16.0, B / A)}, reactions, 48.0, cells, changes)


def schnakenberg(cells: int = 100, **changes: Any) -> hrd.System:
    """Schnakenberg's network: ``0 <-> U, 0 -> V, 2 U + V -> 3 U``, a pattern of spots.

    A PDE on a square of edge 100. The uniform state U = a + b = 1, V = b/(a + b)² (a = 0.1, b =
    0.9; the other rates are 1) is unstable to waves about 12.9 long.

    J. Schnakenberg, J. Theor. Biol. 81, 389 (1979).

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`.
    """
    a, b = 0.1, 0.9
    reactions = [
        hrd.Reaction("0 <-> U", k=a, k_back=1.0),
        hrd.Reaction("0 -> V", k=b),
        hrd.Reaction("2 U + V -> 3 U", k=1.0),
    ]
    return _pattern({"U": (1.0, 1.0), "V": (20.0, b)}, reactions, 100.0, cells, changes)


def gray_scott(cells: int = 128, **changes: Any) -> hrd.System:
    """Gray and Scott's network: ``0 <-> U, U + 2 V -> 3 V, V -> 0``, a labyrinth.

    A PDE on a square of edge 128, with the feed F = 0.055 and the removal F + 0.062 of V. The
    uniform state with most V is unstable to waves about 12 long.

    P. Gray, S. K. Scott, Chem. Eng. Sci. 39, 1087 (1984); J. E. Pearson, Science 261, 189 (1993).

    Parameters
    ----------
    cells
        Cells along each axis.
    **changes
        Other fields of the `System`.
    """
    F, removal = 0.055, 0.117
    u = (1 - (1 - 4 * removal**2 / F) ** 0.5) / 2
    reactions = [
        hrd.Reaction("0 <-> U", k=F, k_back=F),
        hrd.Reaction("U + 2 V -> 3 V", k=1.0),
        hrd.Reaction("V -> 0", k=removal),
    ]
    species = {"U": (0.16, u), "V": (0.08, F * (1 - u) / removal)}
    return _pattern(species, reactions, 128.0, cells, changes)


def _pattern(
    species: Mapping[str, tuple[float, float]],
    reactions: Sequence[hrd.Reaction],
    edge: float,
    cells: int,
    changes: Mapping[str, Any],
) -> hrd.System:
    """A square in its uniform state, with up to 1 % more of the first species in five spots."""
    first = next(iter(species))
    initial: dict[str, Any] = {name: c for name, (_, c) in species.items()}
    initial[first] = [
        initial[first],
        *(
            hrd.Patch(0.002 * n * initial[first], center=(x * edge, y * edge), radius=edge / 40)
            for n, (x, y) in enumerate(SPOTS, 1)
        ),
    ]
    system = hrd.System(
        species=[hrd.Species(name, D) for name, (D, _) in species.items()],
        reactions=reactions,
        domain=hrd.Box(x=(0, edge), y=(0, edge)),
        initial=initial,
    )
    return system.replace(cells=cells, **changes)
