"""Tables of the pair reactions and dissociations of a region, and of partners beyond it.

One row per reaction; columns are named below, so that the types of the arrays are the same for all
systems.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybridrd.kernels._jit import jit
from hybridrd.kernels.arrays import Cells
from hybridrd.kernels.cell_list import Box
from hybridrd.kernels.partner_places import Domain, Reservoir

# Columns of `Encounters.table`: species of the partners, the second -1 for a dissociation; the
# reaction; whether it can happen; whether each reactant is consumed; whether only the mean number
# matters; for a dissociation the species left at its position, and the one put into the ball about
# it; the row of partners beyond the region for a particle in the first role, -1 for none (the next
# column: in the second role); whether the hazard depends on the distance; the rule for positions of
# new products, by its number in `PLACES`.
A, B, CHANNEL, ACTIVE, GOES, OTHER_GOES, ONCE, LEFT, THROWN, ROW = range(10)
GRADED, RULE = 11, 12
COLUMNS = 13
# Columns of `Encounters.sizes`: the reach of pairs, the volume of that ball, the fraction of
# dissociations accepted across a face, the largest probability in a full step, the number above
# which nothing reacts in half a step, the weight of the first partner in the weighted position.
RADIUS, VOLUME, SHARE, LARGEST, BOUND, WEIGHT = range(6)
WEIGHTED, IN_BALL = 2, 3  # rules; 0 is the position of the reactant, 1 the midpoint


class Encounters(NamedTuple):
    """Reactions of pairs, and dissociations.

    Parameters
    ----------
    table, sizes
        See the columns above.
    hazard, full
        Hazard of a pair or complex in half a step, and probability in a full one; a column each, or
        one per cell, see `hybridrd.reactions.tables.Probability`.
    shells
        Hazard and probability in shells of equal r² up to the reach, relative to the largest,
        ``(reactions, 2, shells)``; 1 if they do not depend on it.
    streams
        Keys of the numbers of single particles, ``(2, reactions, 4)``: half step, use.
    starts, news
        Products ``(species, reactant that they replace)``; those of encounter e from
        ``starts[2 e]`` on, and from ``starts[2 e + 1]`` on if a complex was put at its second
        partner.
    reactive
        Whether a species takes part in any.
    involved
        The species that react in pairs.
    radius
        The largest.
    box, cells, domain, codes
        The region; cells of the domain, twice; and the kind of each, see
        `hybridrd.model.partition`.
    events, credit
        Counts by reaction, and gains of the continuum by species and cell: both added to.
    """

    table: np.ndarray
    sizes: np.ndarray
    hazard: np.ndarray
    full: np.ndarray
    shells: np.ndarray
    streams: np.ndarray
    starts: np.ndarray
    news: np.ndarray
    reactive: np.ndarray
    involved: np.ndarray
    radius: float
    box: Box
    cells: Cells
    domain: Domain
    codes: np.ndarray
    events: np.ndarray
    credit: np.ndarray


class Beyond(NamedTuple):
    """Reservoirs beyond the faces of the region; one row per encounter and role of the particle.

    Parameters
    ----------
    low, high, width, shape, opens, offsets, near
        See `hybridrd.kernels.partner_places.Reservoir`; from ``opens`` on by row.
    reach, reaches
        The cells that are ``near``, those of a row from ``reaches[row]`` on.
    rows
        ``(rows, 2)``: the species of the partner, and its row of ``c``.
    walls
        Concentrations on reservoir walls in both half steps, ``(2, rows, face cells)``.
    strips, starts
        Continuum cells within the radius, those of a row from ``starts[row]`` on.
    c, copies, before
        ``(species needed, cells)``: concentration, discrete copies and their number in earlier
        cells; the latter two have no row without discrete copies.
    slots
        Number of distinct random numbers of discrete copies, in an array of one.
    most, wall_most
        The largest concentration in each strip, and on walls in both half steps.
    holds
        ``[species, axis, side]``: whether a wall is a reservoir; the last row is false.
    """

    low: np.ndarray
    high: np.ndarray
    width: np.ndarray
    shape: np.ndarray
    opens: np.ndarray
    offsets: np.ndarray
    near: np.ndarray
    reach: np.ndarray
    reaches: np.ndarray
    rows: np.ndarray
    walls: np.ndarray
    strips: np.ndarray
    starts: np.ndarray
    c: np.ndarray
    copies: np.ndarray
    before: np.ndarray
    slots: np.ndarray
    most: np.ndarray
    wall_most: np.ndarray
    holds: np.ndarray


@jit
def most(beyond, row, half):
    """The largest concentration of a row."""
    return max(beyond.most[row], beyond.wall_most[half, row])


@jit
def reservoir_of(beyond, row, radius, half):
    """The reservoir of a row, for the kernels of partners' positions."""
    return Reservoir(
        beyond.low, beyond.high, beyond.width, beyond.shape, beyond.opens[row], radius,
        beyond.c[beyond.rows[row, 1]], beyond.walls[half, row], beyond.offsets[row],
        most(beyond, row, half), beyond.near[row],
        beyond.reach[beyond.reaches[row] : beyond.reaches[row + 1]],
    )  # fmt: skip


@jit
def copy_number(beyond, row, cell, word, first, nobody):
    """The number of one of the copies in a cell, ``nobody`` if there is none.

    If there are more copies than numbers, some share one, and one of two simultaneous events may be
    lost.
    """
    asked = beyond.rows[row, 1]
    if cell < 0 or asked >= beyond.copies.shape[0]:
        return nobody
    # The low half of the word: the high one is also the time.
    share = (word >> np.uint64(12)) & np.uint64(0xFFFFFFFF)
    which = (share * np.uint64(beyond.copies[asked, cell])) >> np.uint64(32)
    return first + (beyond.before[asked, cell] + np.int64(which)) % max(beyond.slots[0], 1)
