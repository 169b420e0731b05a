"""Addressed random numbers: Philox 4x32-10 as a function of (key, step, purpose, particle).

The key is made of (seed, replica); the counter of a particle's id, the step and a purpose. A number
is looked up rather than consumed, so the number of threads, the storage order and interruptions
change nothing. Every purpose has its name here. Source of the generator: Salmon, Moraes, Dror and
Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).

Layouts of the addresses of other objects (cells, faces, parts of a step) are at the end of this
file. They name their fields from the highest bit down; functions
that are not compiled check that each number fits its field.

Words are 32-bit values held in ``uint64``. Functions called in loops over arrays are inlined and
have no branch, so that the loops vectorise; others are not, because this compiles faster.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from hybridrd.errors import CapacityError
from hybridrd.kernels._jit import inlined, jit

# Purposes, the low byte of the last counter word; the rest of that word counts further draws.
WALK = 1  # Brownian steps
BRIDGE = 2  # touching a wall within a step
REMOVE = 3  # removal in a boundary layer
ARRIVALS = 4  # number of arrivals per face cell
ARRIVE = 5  # age, depth and place of an arrival
FATE = 6  # first-order events
CREATIONS = 7  # number of creations per cell
CREATE = 8  # place and time of a creation
PAIR = 9  # second-order events
INITIAL = 10  # initial numbers
INFLUX = 11  # number of entries through an influx wall
ENTER = 12  # age, depth and place of such an entry
RESERVOIR_PAIR = 13  # partners in the reservoir; dissociation
PLACE = 14  # places of such partners and products
NOISE = 15  # fluctuations of the continuum
SETTLE = 16  # initial places
BATH = 17  # number of entries out of a bath
HOP = 18  # copies that pass a face between two cells
HOP_ON, HOP_BACK = 19, 20  # their numbers in either direction, where `HOP` does not do
CELL_ARRIVALS = 21  # number of copies that enter a cell at a wall
CELL_EVENT = 22  # reactions in a cell, one by one
CELL_FAMILY = 23  # reactions in a cell, by numbers of copies
CELL_INITIAL = 24  # initial copies in cells
DRIFT = 25  # how far a wall pushes back a particle that drifts
ADAPT = 26  # numbers and places of particles where the region has new cells
REACTION_NOISE = 27  # fluctuations of reactions in a cell
CELL_ROUNDING = 28  # contents to whole copies
INJECTION = 29  # number of arrivals per face cell by a published rule
MAXWELL = 30  # velocity of a new particle
FLIGHT = 31  # Langevin motion
HALVE = 32  # where it was in the middle of a flight
HIT = 33  # whether a wall keeps a particle that hits it
KINETIC = 34  # when, where and how fast a particle enters through an open face
CELL_PAIR = 35  # pairs of copies in cells within reach of each other

_MASK = np.uint64(0xFFFFFFFF)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_32 = np.uint64(32)
_MAGIC = np.uint64(0x4330000000000000)  # bits of 2^52: or-ing an integer below 2^52 adds it
_TWO52 = 4503599627370496.0
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd, so that its multiples are all different

_STEP_BITS, _DRAW_BITS = 32, 24
MAX_STEPS = 2**_STEP_BITS - 1
LAST_DRAW = 2**_DRAW_BITS - 1


@intrinsic
def _as_float(typingctx, bits):  # noqa: ARG001
    """The float64 with the given bits."""

    def codegen(context, builder, signature, args):  # noqa: ARG001
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), codegen


@intrinsic
def _as_bits(typingctx, value):  # noqa: ARG001
    """The bits of a float64."""

    def codegen(context, builder, signature, args):  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), codegen


@intrinsic
def _fma(typingctx, a, b, c):  # noqa: ARG001
    """a b + c, rounded once: the same wherever the compiler cuts a loop, and half the work."""

    def codegen(context, builder, signature, args):  # noqa: ARG001
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@inlined
def _round(k0, k1, c0, c1, c2, c3):
    p0 = _M0 * c0
    p1 = _M1 * c2
    return (p1 >> _32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _32) ^ c3 ^ k1, p0 & _MASK


@inlined
def philox(k0, k1, c0, c1, c2, c3):
    """Ten rounds of Philox 4x32: four words from a key of two and a counter of four."""
    # Written out: a loop in here keeps the caller's loop from vectorising.
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(k0, k1, c0, c1, c2, c3)
    return c0, c1, c2, c3


@inlined
def words(key, address, step, purpose, draw):
    """Four words for (key, address, step, purpose, draw)."""
    last = np.uint64(purpose) | (np.uint64(draw) << np.uint64(8))  # a word: 8 + 24 bits
    return philox(
        key & _MASK,
        key >> _32,
        address & _MASK,
        address >> _32,
        np.uint64(step) & _MASK,
        last & _MASK,
    )


@inlined
def _number(word):
    """An integer below 2^52 as float64, in a way that vectorises."""
    return _as_float(word | _MAGIC) - _TWO52


@inlined
def uniform32(word):
    """A uniform number in (0, 1) from one word."""
    return (_number(word) + 0.5) * 2.0**-32


@inlined
def uniform52(high, low):
    """A uniform number in (0, 1) from two words, 52 bits."""
    bits = (high << np.uint64(20)) | (low >> np.uint64(12))
    return (_number(bits) + 0.5) * 2.0**-52


@jit
def uniforms(key, address, step, purpose, draw):
    """Two uniform numbers in (0, 1), 52 bits each."""
    w0, w1, w2, w3 = words(key, address, step, purpose, draw)
    return uniform52(w0, w1), uniform52(w2, w3)


@inlined
def _log(u):
    """Natural logarithm of a normal positive number, to 1e-12: atanh series, no branch."""
    bits = _as_bits(u)
    exponent = _number(bits >> np.uint64(52)) - 1023.0
    m = _as_float((bits & np.uint64(0x000FFFFFFFFFFFFF)) | np.uint64(0x3FF0000000000000))
    large = m > 1.4142135623730951
    m = 0.5 * m if large else m
    exponent = exponent + 1.0 if large else exponent
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = _fma(q, 2.0 / 13.0, 2.0 / 11.0)
    p = _fma(p, q, 2.0 / 9.0)
    p = _fma(p, q, 2.0 / 7.0)
    p = _fma(p, q, 2.0 / 5.0)
    p = _fma(p, q, 2.0 / 3.0)
    p = _fma(p, q, 2.0)
    return _fma(exponent, 0.6931471805599453, s * p)


@inlined
def normals(radius_word, angle_word):
    """Two independent standard normal numbers from two words (Box and Muller)."""
    radius = math.sqrt(-2.0 * _log(uniform32(radius_word)))
    quadrant = (angle_word + np.uint64(1 << 29)) >> np.uint64(30)
    r = _fma(_number(quadrant), -1073741824.0, _number(angle_word))
    a = (r + 0.5) * 1.4629180792671596e-09  # 2 pi / 2^32
    q = a * a
    s = _fma(q, -1.0 / 39916800.0, 1.0 / 362880.0)
    s = _fma(s, q, -1.0 / 5040.0)
    s = _fma(s, q, 1.0 / 120.0)
    s = _fma(s, q, -1.0 / 6.0)
    s = _fma(s * q, a, a)
    c = _fma(q, 1.0 / 479001600.0, -1.0 / 3628800.0)
    c = _fma(c, q, 1.0 / 40320.0)
    c = _fma(c, q, -1.0 / 720.0)
    c = _fma(c, q, 1.0 / 24.0)
    c = _fma(c, q, -0.5)
    c = _fma(c, q, 1.0)
    # Odd quadrants swap sine and cosine; cos changes sign in quadrants 1 and 2, sin in 2 and 3.
    odd = (quadrant & np.uint64(1)) != np.uint64(0)
    first = s if odd else c
    second = c if odd else s
    # The sign is the top bit: bit 1 of quadrant + 1, and of quadrant.
    turn = (quadrant + np.uint64(1)) & np.uint64(2)
    first = _as_float(_as_bits(radius * first) ^ (turn << np.uint64(62)))
    second = _as_float(_as_bits(radius * second) ^ ((quadrant & np.uint64(2)) << np.uint64(62)))
    return first, second


@jit
def normal_pair(key, address, step, purpose, draw):
    """Two standard normal numbers for an address."""
    w0, w1, _, _ = words(key, address, step, purpose, draw)
    return normals(w0, w1)


def make_key(seed: int, replica: int) -> np.uint64:
    """The 64-bit key of a replica: independent streams for different (seed, replica)."""
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(replica,))
    return np.uint64(sequence.generate_state(1, np.uint64)[0])


# Layouts


def _check(what: str, number: int, bits: int) -> int:
    """A number that has a field of so many bits. Raises CapacityError."""
    if number >= 1 << bits:
        raise CapacityError(
            f"{number + 1:,} {what}: random numbers have addresses for {1 << bits:,}; use fewer"
        )
    return number


def initial_address(species: int, part: int, cells: int) -> tuple[np.uint64, int]:
    """Address of the first cell of a part of a species' initial state, and the step.

    Address: species (22 bits), part modulo 1024 (10), cell (32). Step: part // 1024.

    Raises
    ------
    CapacityError
        More species, parts or cells than that.
    """
    step, low = divmod(part, 1024)
    _check("parts of an initial state", part, _STEP_BITS + 10)
    _check("cells", cells - 1, 32)
    return np.uint64(_check("species", species, 22) << 42 | low << 32), step


def arrivals_address(species: int, face: int, cells: int) -> np.uint64:
    """Address of the first cell of a face: species (29 bits), face (3), face cell (32).

    Raises
    ------
    CapacityError
        More species, faces or cells than that.
    """
    _check("cells of a face", cells - 1, 32)
    return np.uint64(_check("species", species, 29) << 35 | _check("faces", face, 3) << 32)


def stream_address(address: np.uint64, stream: int) -> np.uint64:
    """Address of one of up to four streams of arrivals at a sphere, a face of one cell.

    It is in the field of the cell of `arrivals_address`.

    Raises
    ------
    CapacityError
        More streams than that.
    """
    return address + np.uint64(_check("streams", stream, 2))


def creations_address(reaction: int, half: int, cells: int) -> np.uint64:
    """Address of the first cell of a creation: reaction (24 bits), half step (1), cell (39).

    Raises
    ------
    CapacityError
        More reactions or cells than that.
    """
    _check("cells", cells - 1, 39)
    return np.uint64(_check("reactions", reaction, 24) << 40 | half << 39)


def check_reactions(reactions: int, products: int) -> None:
    """Check that reactions, of at most so many products, fit `birth_address` and `pair_words`.

    Raises
    ------
    CapacityError
        More than 32,768 reactions, or 128 products of one.
    """
    _check("reactions", reactions - 1, 15)
    _check("products of a reaction", products - 1, 7)


@inlined
def birth_address(reaction, half, birth):
    """Address of a creation: 1 (1 bit), reaction (15), half step (1), 0 (7), birth (40).

    No particle has it, as ids are below 2^63.
    """
    return (
        (np.uint64(1) << np.uint64(63))
        | (np.uint64(reaction) << np.uint64(48))
        | (np.uint64(half) << np.uint64(47))
        | np.uint64(birth)
    )


@inlined
def family_address(birth, product):
    """Address of the family of a product of a creation: `birth_address` with the product (7)."""
    return birth ^ (np.uint64(product) << np.uint64(40))


@inlined
def fate_draw(half):
    """First draw of first-order events in a half step: half step (1 bit), event (23)."""
    return half << 23


@inlined
def pair_words(key, first, second, step, reaction, half):
    """Four words of a pair of addresses, whose high halves are mixed into the key.

    Draw: reaction (23 bits), half step (1).
    """
    last = (
        np.uint64(PAIR) | (np.uint64(reaction) << np.uint64(9)) | (np.uint64(half) << np.uint64(8))
    )
    return philox(
        (key ^ (first >> _32)) & _MASK,
        ((key >> _32) ^ (second >> _32)) & _MASK,
        first & _MASK,
        second & _MASK,
        np.uint64(step) & _MASK,
        last,
    )


MOST_PRODUCTS = 1 << 7  # of a reaction


@inlined
def newborn_address(word, product):
    """Address of a product of an event, from the event's number: 1 (1 bit), hash (63).

    It has no id before the half step is over.
    """
    return (word + np.uint64(product + 1) * _GOLDEN) | (np.uint64(1) << np.uint64(63))


def stream_key(key: np.uint64, encounter: int, half: int, kind: int) -> np.uint64:
    """A key for each use of the same purpose: encounter (61 bits), half step (1), kind (2)."""
    index = _check("encounters", encounter, 60) << 3 | half << 2 | kind
    return key ^ np.uint64((index + 1) * int(_GOLDEN) & 0xFFFFFFFFFFFFFFFF)


@inlined
def entering_address(face, candidate):
    """Address of a candidate within reach of a face: face + 1 (16 bits), candidate (48).

    The face itself, with the number of its candidates, has the address ``face``.
    """
    return ((np.uint64(face) + np.uint64(1)) << np.uint64(48)) + np.uint64(candidate)


@inlined
def candidate_draw(candidate):
    """First of three draws of a candidate about a particle."""
    return 3 * candidate


MOST_CANDIDATES = 5.5e6  # their mean number about a particle


def check_candidates(mean: float) -> None:
    """Check that a Poisson number of candidates of this mean fits `candidate_draw`.

    Raises
    ------
    CapacityError
        A mean of more than 5.5 million.
    """
    if not mean <= MOST_CANDIDATES:
        raise CapacityError(
            f"{mean:.3g} partners in reach of a particle in a half step: random numbers have "
            f"addresses for 5.5e+06; use a smaller dt or radius"
        )


@inlined
def touch_draw(face):
    """Draw of `BRIDGE`: whether a face was touched (0 to 5)."""
    return face


@inlined
def first_touch_draw(face):
    """First of two draws of `BRIDGE`: when a face was touched (6 to 17); 18 is where."""
    return 6 + 2 * face


# Draw of `REMOVE`: whether and where to a particle leaves a region of any shape; 0 to 5 are faces.
MASK_DRAW = 6

# Draws of `ARRIVE` and `ENTER`: 0 to 4 for age, depth and place; 5 to 10, whether a face was
# touched since; then which depths behind a leaky wall, and whether back through the same wall; then
# (13 to 19) how far the face that it came through, and each of the others, push it back.
PICK_DRAW, RETURN_DRAW, BACK_DRAW = 11, 12, 13


@inlined
def touch_draw_of_arrival(face):
    """Draw of `ARRIVE` or `ENTER`: whether a face was touched since (5 to 10)."""
    return 5 + face


# Draws of `SETTLE` and `ADAPT`: 0 and 1 are the place in a cell.
CELL_DRAW = 2  # the cell of one of several copies
ROUND_DRAW = 3  # of `ADAPT`, at the address of a species: the fraction of a copy


@inlined
def noise_draw(species, wall):
    """Draw of a cell's noise: species // 64 (15 bits), wall (3), species modulo 64 (6).

    Wall 0 stands for the cell itself, 1 to 6 for its faces at walls.
    """
    return (species >> 6) << 9 | wall << 6 | (species & 63)


def check_noise(species: int) -> None:
    """Check that so many species fit `noise_draw`. Raises CapacityError above 2,097,152."""
    _check("species", species - 1, 21)


# Faces of a cell in the address of a hop: its upper one along each axis, then the walls.
CELL_WALLS = 3


def hop_address(species: int, units: int, cells: int) -> np.uint64:
    """Address of the first cell's first face in the first part of a step.

    Species (16 bits), part (12), face (4), cell (32). Faces 0 to 2 are the upper ones along the
    axes, 3 to 8 walls, ``3 + 2 axis + side``.

    Raises
    ------
    CapacityError
        More species, parts or cells than that.
    """
    _check("cells", cells - 1, 32)
    _check("parts of a step", units - 1, 12)
    return np.uint64(_check("species", species, 16) << 48)


def hop_part(address: np.uint64, unit: int) -> np.uint64:
    """The address of `hop_address` in another part of the step."""
    return address + np.uint64(unit << 36)


@inlined
def event_draw(half, event):
    """Draw of an event in a cell: half step (1 bit), event (23)."""
    return (half << 23) | event


@inlined
def family_in_cell(cell, half, count):
    """Address of the count-th number drawn in a cell: count (31), half step (1), cell."""
    return (
        (np.uint64(count) << np.uint64(33)) | (np.uint64(half) << np.uint64(32)) | np.uint64(cell)
    )


# A step of a Langevin particle is halved over and over; the parts are the nodes of a binary tree,
# numbered from 1, the whole step, part p being followed by its halves 2 p and 2 p + 1.
MOST_HALVINGS = 20


@inlined
def part_draw(part, pair):
    """Draw of `FLIGHT` for a part of a step: part (22 bits), pair of axes (1)."""
    return 2 * part + pair


@inlined
def middle_draw(part, axis):
    """Draw of `HALVE` or `HIT` for a part of a step along an axis: 3 part + axis, below 2^23."""
    return 3 * part + axis
