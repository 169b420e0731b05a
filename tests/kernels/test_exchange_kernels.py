"""Layers and planes: who is removed, and where arrivals are after one step."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import erf
from twins import naive

from hybridrd.kernels import exchange
from hybridrd.kernels.arrays import runs
from hybridrd.kernels.rng import REMOVE, make_key
from hybridrd.kernels.walk import OPEN, PARTIAL, REFLECT, WRAP, Walls
from hybridrd.theory.diffusion import half_line_absorbing

KEY = make_key(21, 0)
N = 200_000
D, DT = 2.0, 0.005
SPREAD = math.sqrt(4 * D * DT)  # 0.2: the unit box is 7 sqrt(2 D dt) wide
FACES = [(d, axis, side) for d in (1, 2, 3) for axis in range(d) for side in (0, 1)]


def agree(counts, expected, constraints=0):
    """Chi-square of Poisson counts, classes of less than 20 taken together; above p = 1e-5?"""
    counts, expected = np.ravel(counts), np.ravel(expected)
    rare = expected < 20
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    if expected[-1] < 20:
        counts, expected = counts[:-1], expected[:-1]
    statistic = ((counts - expected) ** 2 / expected).sum()
    return stats.chi2.sf(statistic, len(counts) - constraints) > 1e-5


def place(d, axis, side, cells, keep=(1.0, 1.0), kinds=REFLECT, gamma=0.0, influx=False, step=0):
    """Arrivals through one face of the unit box: (positions (d, n), kept, ids)."""
    n, shape = len(cells), np.array([10, 6, 4][:d])
    x, ids = np.zeros((d, n + 5)), np.arange(1000, 1005 + n, dtype=np.uint64)
    kinds = np.array(np.broadcast_to(kinds, (d, 2)), np.int64)
    kept = np.full(n, 7, np.uint8)
    size = int(np.prod(np.delete(shape, axis)))
    keep_start, keep_end = (np.broadcast_to(k, size).astype(float) for k in keep)
    low, high = np.zeros(d), np.ones(d)
    face = exchange.Face(axis, side, float(side), low, 1.0 / shape, shape)
    walls = Walls(low, high, kinds, np.full((d, 2), gamma))
    way = exchange.FED if influx else exchange.PLANE
    entry = exchange.Entry(way, D, DT, keep_start, keep_end)
    k = exchange.plane_place(x, ids, 5, cells, face, walls, entry, KEY, step, kept)
    assert kept.sum() == k
    assert not x[:, :5].any()  # what was there stays
    # Kept arrivals are packed, each with the id it had.
    np.testing.assert_array_equal(ids[5 : 5 + k], np.flatnonzero(kept) + 1005)
    tally = np.zeros(size, np.int64)
    exchange.tally(cells, kept, tally)
    np.testing.assert_array_equal(tally, np.bincount(cells[kept == 1], minlength=size))
    return x[:, 5 : 5 + k], kept


# --- boundary layers -----------------------------------------------------------------------------


@pytest.mark.parametrize("side", [0, 1])
def test_a_layer_removes_its_share(side):
    # 4.5 standard errors: survival 0.6 off by 0.006.
    row = np.linspace(0, 1, N + 1)
    ids, gone = np.arange(N + 1, dtype=np.uint64), np.zeros(N + 1, np.uint8)
    gone[::10] = 9
    one = np.ones(1)
    face = exchange.Face(0, side, float(side), 0 * one, one, np.ones(1, np.int64))
    number = exchange.layer_remove(row, ids, 0, N + 1, face, 0.4, 0.6, KEY, 3, gone)
    inside = row < 0.4 if side == 0 else row > 0.6
    assert set(np.unique(gone[~inside])) == {0, 9}
    assert (gone[::10] == 9).all()
    exposed = np.delete(gone[inside], np.flatnonzero(gone[inside] == 9))
    removed = (exposed == side + 1).sum()
    assert number == removed
    assert removed + (exposed == 0).sum() == len(exposed)
    assert abs(removed - 0.4 * len(exposed)) < 4.5 * math.sqrt(0.24 * len(exposed))
    for i in np.flatnonzero(inside & (gone != 9))[:50]:
        u, _ = naive.uniforms(KEY, i, 3, REMOVE, side)
        assert gone[i] == (side + 1 if u >= 0.6 else 0)


@pytest.mark.parametrize(("d", "axis", "side"), FACES)
def test_a_layer_is_filled_uniformly(d, axis, side):
    # Kolmogorov and Smirnov at p = 1e-5 in every coordinate of the layer and of the face cell:
    # 2 % of the width fails.
    n = 40_000
    low, shape = np.array([1.0, 2.0, 3.0][:d]), np.array([5, 4, 3][:d])
    steps = np.array([0.1, 0.2, 0.3][:d])
    plane = low[axis] + side * steps[axis] * shape[axis]
    rest = np.delete(np.arange(d), axis)
    cells = np.arange(n) % int(np.prod(shape[rest]))
    x, ids = np.full((d, n + 2), -7.0), np.arange(n + 2, dtype=np.uint64)
    face = exchange.Face(axis, side, plane, low, steps, shape)
    exchange.layer_place(x, ids, 2, cells, face, 0.25, KEY, 4)
    assert (x[:, :2] == -7.0).all()
    depth = (plane - x[axis, 2:]) if side else (x[axis, 2:] - plane)
    fractions = [depth / 0.25]
    index = cells
    for a in rest:  # first tangential axis fastest
        place_in_cell = (x[a, 2:] - low[a]) / steps[a] - index % shape[a]
        fractions.append(place_in_cell)
        index = index // shape[a]
    for row in fractions:
        assert stats.kstest(row, "uniform").pvalue > 1e-5
    assert np.abs(np.corrcoef(fractions) - np.eye(d)).max() < 4.5 / math.sqrt(n)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_cells_are_filled_uniformly(d):
    # Kolmogorov and Smirnov at p = 1e-5.
    shape, low, steps = np.array([3, 4, 2][:d]), np.array([1.0, 2.0, 3.0][:d]), np.full(d, 0.5)
    cells = np.arange(30_000) % int(np.prod(shape))
    x, ids = np.zeros((d, 30_000)), np.arange(30_000, dtype=np.uint64)
    exchange.place_in_cells(x, ids, 0, cells, low, steps, shape, KEY, 10, 0)
    index = np.unravel_index(cells, shape, order="F")
    fractions = (x - low[:, None]) / steps[:, None] - np.array(index)
    for row in fractions:
        assert stats.kstest(row, "uniform").pvalue > 1e-5
    if d > 1:
        assert np.abs(np.corrcoef(fractions) - np.eye(d)).max() < 4.5 / math.sqrt(30_000)


# --- open planes and influx walls ----------------------------------------------------------------

EDGES = np.linspace(0, 0.6, 13)


def entered(x, y, history, rest):
    """Density at depth x and place y, from c_R = history(time) at the plane and an empty start.

    A path that ends here at dt came from the plane a time s ago with the density of the first
    passage; z = x/sqrt(4 D s) makes it 2/sqrt(pi) exp(-z²). ``rest(y, s)`` is the chance of the
    motion along the plane.
    """
    nodes, weights = np.polynomial.legendre.leggauss(80)
    z = x[..., None] / SPREAD + 3 * (nodes + 1)
    s = x[..., None] ** 2 / (4 * D * z**2)
    density = 2 / math.sqrt(math.pi) * np.exp(-(z**2)) * history(DT - s) * rest(y[..., None], s)
    return 3 * (density * weights).sum(axis=-1)


def influx(x, y, history, rest):
    """The same for a flux J = history(time) through a reflecting wall."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    v = 0.5 * (nodes + 1)  # s = dt v²
    s = DT * v**2
    green = 2 * np.exp(-(x[..., None] ** 2) / (4 * D * s)) / math.sqrt(4 * math.pi * D * DT)
    return (green * history(DT - s) * rest(y[..., None], s) * 2 * DT * weights * 0.5).sum(axis=-1)


def in_bins(density, fine=16):
    """Integral of a density over the bins of depth and place."""
    points = np.linspace(0, EDGES[-1], (len(EDGES) - 1) * fine + 1)
    middle = 0.5 * (points[1:] + points[:-1])
    x, y = np.meshgrid(middle, middle, indexing="ij")
    blocks = density(x, y).reshape(len(EDGES) - 1, fine, len(EDGES) - 1, fine)
    return blocks.sum(axis=(1, 3)) * (points[1] - points[0]) ** 2


def between(a, b):
    """Chance to have entered between a and b along the plane."""
    return lambda y, s: (
        0.5 * (erf((b - y) / np.sqrt(4 * D * s)) - erf((a - y) / np.sqrt(4 * D * s)))
    )


def anywhere(y, s):
    return np.ones_like(y * s)


KAPPA = 12.0
ALONG = {  # kinds of the sides of the other axis, and the chance of a path along the plane
    "closed": (REFLECT, anywhere),
    "periodic": (WRAP, anywhere),
    "open": ((OPEN, REFLECT), lambda y, s: erf(y / np.sqrt(4 * D * s))),
    "partial": ((PARTIAL, REFLECT), lambda y, s: half_line_absorbing(y, s, D=D, kappa=KAPPA)),
}
IMAGES = {  # the same where only one face cell lets in: the cell from a to b and its image
    "one cell": (REFLECT, 0.1, lambda a, b: [(a, b), (-b, -a)]),
    "one cell, periodic": (WRAP, 0.9, lambda a, b: [(a, b), (a - 1, b - 1)]),
}
CASES = [(name, axis, side) for name in (*ALONG, *IMAGES) for axis, side in ((0, 0), (1, 1))]
CASES += [("open", 0, 1), ("open", 1, 0)]


@pytest.mark.parametrize("source", [entered, influx])
@pytest.mark.parametrize(("along", "axis", "side"), CASES)
def test_arrivals_are_where_the_closed_form_has_them(along, axis, side, source):
    # 400000 trials over 144 bins, chi-square at p = 1e-5: 5 % of the variance along the plane, 3 %
    # of c_R (or J) fail. It falls from 1 to 0.2 within the step.
    count, number, open_part = (10, 6)[1 - axis], 400_000, 1.0
    if along in ALONG:
        kind, rest = ALONG[along]
        cells = np.arange(number) % count
    else:
        kind, place_of_cell, images = IMAGES[along]
        cell, open_part = int(place_of_cell * count), 1.0 / count
        cells = np.full(number, cell)
        parts = [between(*ends) for ends in images(cell / count, (cell + 1) / count)]

        def rest(y, s):
            return sum(part(y, s) for part in parts)

    kinds = np.full((2, 2), REFLECT)
    kinds[1 - axis] = kind
    is_influx = source is influx
    x, kept = place(
        2, axis, side, cells, keep=(1.0, 0.2), kinds=kinds, gamma=KAPPA / D, influx=is_influx
    )
    depth = x[axis] if side == 0 else 1 - x[axis]
    counts, _, _ = np.histogram2d(depth, x[1 - axis], (EDGES, EDGES))
    per_area = DT if is_influx else 2 * math.sqrt(D * DT / math.pi)
    density = in_bins(lambda x, y: source(x, y, lambda t: 1.0 - 0.8 * t / DT, rest))
    assert agree(counts, density * number / (per_area * open_part))
    assert counts.sum() > 0.05 * number
    assert kept.max() == 1


@pytest.mark.parametrize(("d", "axis", "side"), FACES)
def test_depths_of_arrivals_on_every_face(d, axis, side):
    # erfc(d/sqrt(4 D dt)): p = 1e-5 of Kolmogorov and Smirnov; the mean square within 4.5 standard
    # errors, which is 0.8 % of the depth.
    shape = [10, 6, 4][:d]
    size = int(np.prod(np.delete(shape, axis)))
    x, _ = place(d, axis, side, np.arange(N) % size)
    z = (x[axis] if side == 0 else 1 - x[axis]) / SPREAD

    def below(z):  # integral of sqrt(pi) erfc
        return 1 - np.exp(-(z**2)) + math.sqrt(math.pi) * z * (1 - erf(z))

    assert len(z) == N
    assert stats.kstest(z, below).pvalue > 1e-5
    assert abs(np.mean(z**2) - 1 / 3) < 4.5 * math.sqrt((2 / 5 - 1 / 9) / N)
    for a in np.delete(np.arange(d), axis):
        assert stats.kstest(x[a], "uniform").pvalue > 1e-5


@pytest.mark.parametrize("d", [1, 2, 3])
def test_open_planes_all_around_fill_edges_and_corners(d):
    # One step from an empty box: c_R (1 - product of survivals along the axes); without the
    # discard a corner bin has 1.4 to 2.2 of it. Chi-square at p = 1e-5, total to 0.7 %.
    shape, source = np.array([10, 6, 4][:d]), np.random.default_rng(5)
    edges = np.linspace(0, 1, {1: 41, 2: 21, 3: 9}[d])
    c = 400_000 / (2 * d * 2 * math.sqrt(D * DT / math.pi))
    counts = np.zeros((len(edges) - 1,) * d)
    for face in range(2 * d):
        axis, side = divmod(face, 2)
        size = int(np.prod(np.delete(shape, axis)))
        arrivals = source.poisson(c * 2 * math.sqrt(D * DT / math.pi) / size, size)
        cells = runs(arrivals, arrivals.sum())
        x, _ = place(d, axis, side, cells, kinds=OPEN, step=face)
        counts += np.histogramdd(x.T, [edges] * d)[0]

    def integral(x):  # of erf(x/a)
        return x * erf(x / SPREAD) + SPREAD / math.sqrt(math.pi) * np.exp(-((x / SPREAD) ** 2))

    width = np.diff(edges)
    survival = np.diff(integral(edges)) - np.diff(integral(1 - edges)) - width
    both, volume = np.array(1.0), np.array(1.0)
    for _ in range(d):
        both, volume = np.multiply.outer(both, survival), np.multiply.outer(volume, width)
    assert agree(counts, c * (volume - both))
