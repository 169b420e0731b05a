"""Slow, obvious twins of the kernels, in plain Python, from the definitions.

Addressed numbers are looked up under the same addresses as in the kernels, so that a twin has to
find the same outcome, not the same distribution.
"""

import heapq
import itertools
import math
from fractions import Fraction

from scipy.integrate import quad

WALK, BRIDGE, FATE, PAIR = 1, 2, 6, 9  # purposes of `hybridrd.kernels.rng`
REFLECT, WRAP, OPEN, PARTIAL = range(4)  # kinds of sides of `hybridrd.kernels.walk`
SECOND_HALF = 1 << 23  # draws of the second half step start here


# --- random numbers ------------------------------------------------------------------------------


def philox(key, counter):
    """Philox 4x32-10 (Salmon et al. 2011): four words from two and four."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 1 << 32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % (1 << 32), (k1 + 0xBB67AE85) % (1 << 32)
    return c0, c1, c2, c3


def words(key, address, step, purpose, draw):
    """Four words for (key, address, step, purpose, draw)."""
    address, key = int(address), int(key)
    halves = (key % (1 << 32), key >> 32)
    return philox(halves, (address % (1 << 32), address >> 32, step, purpose + 256 * draw))


def uniform(high, low):
    """A uniform number in (0, 1): the middle of one of 2^52 equal parts."""
    return ((high << 20) + (low >> 12) + 0.5) / 2**52


def uniforms(key, address, step, purpose, draw):
    w = words(key, address, step, purpose, draw)
    return uniform(w[0], w[1]), uniform(w[2], w[3])


def normals(radius_word, angle_word):
    """Box and Muller."""
    radius = math.sqrt(-2 * math.log((radius_word + 0.5) / 2**32))
    angle = 2 * math.pi * (angle_word + 0.5) / 2**32
    return radius * math.cos(angle), radius * math.sin(angle)


GOLDEN = 0x9E3779B97F4A7C15


def pair_numbers(key, first, second, step, reaction, half):
    """(uniform number, priority, coin) of a pair of ids."""
    first, second, key = int(first), int(second), int(key)
    k0 = (key % (1 << 32)) ^ (first >> 32)
    k1 = (key >> 32) ^ (second >> 32)
    last = PAIR + 256 * half + 512 * reaction
    w = philox((k0, k1), (first % (1 << 32), second % (1 << 32), step, last))
    return uniform(w[0], w[1]), (w[2] << 32) + w[3], w[1] % 2 == 1


# --- walls ---------------------------------------------------------------------------------------


def wrap(x, low, high):
    """Moved by whole periods until it is inside; exact up to the last rounding."""
    x, period = Fraction(x), Fraction(high) - Fraction(low)
    while not low <= x < high:
        x += period if x < low else -period
    return float(x)


def spread(x, Ddt):
    """Free propagator: density of a displacement x in a time dt."""
    return math.exp(-(x**2) / (4 * Ddt)) / math.sqrt(4 * math.pi * Ddt)


def survival_open(d0, d1, Ddt):
    """Chance that a free move from depth d0 to d1 has not touched depth 0: ratio of propagators."""
    if d1 <= 0:
        return 0.0
    return 1 - spread(d0 + d1, Ddt) / spread(d0 - d1, Ddt)


def survival_partial(d0, d1, gamma, Ddt):
    """Chance that a reflected move was not absorbed: ratio of propagators.

    The images of ``dc/dn = -gamma c`` are a source at -d0 and sinks of density
    2 gamma exp(-gamma s) at -d0 - s.
    """
    reflecting = spread(d0 - d1, Ddt) + spread(d0 + d1, Ddt)
    reach = 12 * math.sqrt(Ddt)  # beyond it the sinks do not reach d1

    def sink(s):
        return 2 * gamma * math.exp(-gamma * s) * spread(d0 + d1 + s, Ddt)

    near = min(reach, 1 / gamma)
    ends = sorted({0.0, near, min(reach, 40 / gamma)})
    sinks = sum(quad(sink, a, b, epsabs=0)[0] for a, b in itertools.pairwise(ends))
    return 1 - sinks / reflecting


def reflect(x, low, high):
    """Reflected at one end, then at the other, until it is inside; an end may be at infinity."""
    x = Fraction(x)
    while not low <= x <= high:
        x = 2 * Fraction(low if x < low else high) - x
    return float(x)


def first_touch(d0, d1, Ddt, key, address, step, draw):
    """When a bridge from depth d0 to d1 first touches 0: t/(1 - t) is inverse Gaussian."""
    w = words(key, address, step, BRIDGE, draw)
    u = uniforms(key, address, step, BRIDGE, draw + 1)[0]
    mean, shape, y = d0 / abs(d1), d0**2 / (2 * Ddt), normals(w[0], w[1])[0] ** 2
    root = math.sqrt(4 * mean * shape * y + (mean * y) ** 2)
    r = mean + mean**2 * y / (2 * shape) - mean / (2 * shape) * root
    chance = mean / (mean + r)
    r = r if u <= chance else mean**2 / r
    return r / (1 + r), abs(u - chance)


def move(x, address, key, step, D, dt, low, high, kinds, gammas):
    """One step of a particle at x (a list, one number an axis).

    Returns (the new position, 0 or 2 axis + side + 1 of the face where it left, how close the
    nearest decision was). Where it left, the position along the other axes is that at which it
    touched the face.
    """
    w = words(key, address, step, WALK, 0)
    noise = (*normals(w[0], w[1]), normals(w[2], w[3])[0])
    end, touched, margin = [], [], 1.0

    def inside(axis, y):
        a, b = low[axis], high[axis]
        if kinds[axis][0] == WRAP:
            return wrap(y, a, b)
        mirrors = [
            bound if kind != OPEN else far
            for bound, kind, far in zip((a, b), kinds[axis], (-math.inf, math.inf), strict=True)
        ]
        return reflect(y, *mirrors)

    for axis, x0 in enumerate(x):
        a, b = low[axis], high[axis]
        x1 = inside(axis, x0 + math.sqrt(2 * D * dt) * noise[axis])
        end.append(x1)
        if kinds[axis][0] == WRAP:
            continue
        for side, kind in enumerate(kinds[axis]):
            d0, d1 = (x0 - a, x1 - a) if side == 0 else (b - x0, b - x1)
            if kind == REFLECT:
                continue
            face = 2 * axis + side
            u = uniforms(key, address, step, BRIDGE, face)[0]
            if kind == OPEN:
                ends_here = 1 - survival_open(d0, d1, D * dt)
                margin = min(margin, abs(u - ends_here), abs(d1))
                gone = u < ends_here
            else:
                survives = survival_partial(d0, d1, gammas[axis][side], D * dt)
                margin = min(margin, abs(u - survives), d1)
                gone = u >= survives
            if not gone:
                continue
            t = 0.0
            if d0 > 1e-4:
                t, close = first_touch(d0, d1, D * dt, key, address, step, 6 + 2 * face)
                margin = min(margin, close)
            elif d0 > 1e-12:
                margin = 0.0  # the formula would be all round-off
            touched.append((t, face))
    if not touched:
        return end, 0, margin
    t, face = min(touched)
    margin = min([margin] + [abs(t - other) for other, f in touched if f != face])
    w = words(key, address, step, BRIDGE, 18)
    spreads = iter(normals(w[0], w[1]))
    for axis, x0 in enumerate(x):
        if axis != face // 2:
            y = x0 + t * math.sqrt(2 * D * dt) * noise[axis]
            y = inside(axis, y + math.sqrt(2 * D * dt * t * (1 - t)) * next(spreads))
            end[axis] = min(max(y, low[axis]), high[axis])
    return end, face + 1, margin


# --- cells and pairs -----------------------------------------------------------------------------


def cell(position, low, high, shape):
    """Index of the cell of a point along each axis, the last one for the upper end."""
    return tuple(
        min(max(int((x - a) // ((b - a) / n)), 0), n - 1)
        for x, a, b, n in zip(position, low, high, shape, strict=True)
    )


def count_cells(positions, low, high, shape):
    """Number of points in each cell, by cell index."""
    counts = {}
    for position in positions:
        index = cell(position, low, high, shape)
        counts[index] = counts.get(index, 0) + 1
    return counts


def distance(a, b, periods):
    """Distance of two points, over the nearest images along axes with a period (0: none)."""
    squares = 0.0
    for x, y, period in zip(a, b, periods, strict=True):
        squares += min((y - x + shift * period) ** 2 for shift in (-1, 0, 1))
    return math.sqrt(squares)


def waiting_time(u, hazard):
    """Exponential waiting time, in half steps, of an event that is to happen ``hazard`` times."""
    return -math.log(1 - u) / hazard


def firing_pairs(a, b, like, radius, hazard, periods, key, step, reaction, half):
    """All pairs that fire, ``{(id, id): (time, priority, first reactant)}``.

    a and b are {id: position}; of like pairs the lower id comes first in the key.
    """
    found = {}
    for first, second in itertools.product(a, b):
        if like and first >= second:
            continue  # each unordered pair once
        if distance(a[first], b[second], periods) > radius:
            continue
        u, priority, heads = pair_numbers(key, first, second, step, reaction, half)
        time = waiting_time(u, hazard(a[first], b[second]) if callable(hazard) else hazard)
        if time < 1:
            found[first, second] = time, priority, second if like and heads else first
    return found


def places(reactants, products):
    """For each product which reactant it becomes, and whether it is that reactant itself."""
    free = list(range(len(reactants)))
    found = [None] * len(products)
    for wanted in ("own", "any"):
        for k, product in enumerate(products):
            for r in free:
                if found[k] is None and (wanted == "any" or reactants[r] == product):
                    found[k] = r, wanted == "own"
                    free.remove(r)
                    break
    return [(0, False) if f is None else f for f in found]


class HalfStep:
    """Half a step of pair reactions, one event after another.

    ``species`` is a list of {id: position}, changed in place; ``reactions`` a list of ((species,
    species), products, radius, hazard). Afterwards there are ``next_id`` and ``counts``.
    """

    def __init__(self, species, reactions, periods, key, step, half, next_id):
        self._reactions, self._periods = reactions, periods
        self._address = key, step, half
        self._alive = {i: (s, x) for s, group in enumerate(species) for i, x in group.items()}
        self._queue = []
        self.counts = [0] * len(reactions)
        for i, j in itertools.combinations(list(self._alive), 2):
            self._meet(i, j, 0.0)
        born = self._run()
        for s, group in enumerate(species):
            group.clear()
            group.update({i: x for i, (t, x) in self._alive.items() if t == s and i < 1 << 63})
        for word in born:
            if word in self._alive:
                s, x = self._alive[word]
                species[s][next_id] = x
                next_id += 1
        self.next_id = next_id

    def _meet(self, i, j, now):
        """Put the reactions of two into the queue."""
        key, step, half = self._address
        for r, ((s, t), products, radius, hazard) in enumerate(self._reactions):
            # Where both stay, only the mean number of events is to be right.
            both_stay = {(0, True), (1, True)} <= set(places((s, t), products))
            for one, other in ((i, j), (j, i)):
                if (self._alive[one][0], self._alive[other][0]) != (s, t):
                    continue
                if s == t and one > other:
                    continue
                x, y = self._alive[one][1], self._alive[other][1]
                if distance(x, y, self._periods) <= radius:
                    # By the order of the species, however the reaction is written.
                    address = (one, other) if s <= t else (other, one)
                    u, priority, heads = pair_numbers(key, *address, step, r, half)
                    waiting = u / hazard if both_stay else waiting_time(u, hazard)
                    time = now + waiting
                    if time < 1:
                        pair = (other, one) if s == t and heads else (one, other)
                        heapq.heappush(self._queue, (time, priority, r, *pair))

    def _run(self):
        born = []
        while self._queue:
            time, priority, r, i, j = heapq.heappop(self._queue)
            if i not in self._alive or j not in self._alive:
                continue
            self.counts[r] += 1
            reactants, products, _, _ = self._reactions[r]
            before = [self._alive[i][1], self._alive[j][1]]
            fate = places(reactants, products)
            for k, actor in enumerate((i, j)):
                if (k, True) not in fate:
                    del self._alive[actor]
            number = 0
            for product, (reactant, stays) in zip(products, fate, strict=True):
                place = before[reactant]
                if not stays:
                    number += 1
                    word = (priority + number * GOLDEN) % (1 << 64) | (1 << 63)
                    self._alive[word] = product, place
                    born.append(word)
                    for other in list(self._alive):
                        if other != word:
                            self._meet(word, other, time)
        return born


# --- families of first-order reactions -----------------------------------------------------------


class Family:
    """Descendants of one particle within half a step, by recursion.

    ``reactions`` is a list of (reactant, products, rate), species and products as numbers.
    """

    def __init__(self, species, tau, key, address, step, half, reactions, own=True):
        self._key, self._address, self._step = key, address, step
        self._draw = half * SECOND_HALF
        self._reactions = reactions
        self._species = species
        self.new = []  # species of new particles that are there at the end
        self.events = [0] * len(reactions)
        self.survives = False
        self._live(species, tau, own)

    def _live(self, species, left, first):
        channels = [r for r, (s, _, rate) in enumerate(self._reactions) if s == species and rate]
        total = sum(self._reactions[r][2] for r in channels)
        if total > 0:
            u, v = uniforms(self._key, self._address, self._step, FATE, self._draw)
            self._draw += 1
            waiting = -math.log(1 - u) / total
            if waiting < left:
                chances = itertools.accumulate(self._reactions[r][2] / total for r in channels)
                r = next(r for r, chance in zip(channels, chances, strict=True) if v < chance)
                self.events[r] += 1
                for k, product in enumerate(self._reactions[r][1]):
                    itself = first and k == 0 and product == self._species
                    self._live(product, left - waiting, itself)
                return
        if first:
            self.survives = True
        else:
            self.new.append(species)
