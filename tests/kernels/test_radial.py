"""Moves, arrivals and layers in r: distributions against their densities, by fixed seeds."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfc
from scipy.stats import kstest
from twins.naive_radial import maxwell

from hybridrd.kernels import radial
from hybridrd.kernels.exchange import FED, PLANE, Entry
from hybridrd.kernels.rng import make_key
from hybridrd.kernels.sphere import absorption, distribution
from hybridrd.kernels.walk import OPEN, PARTIAL, REFLECT, Walls

N = 40_000
LOW, HIGH, D, DT = 1.0, 3.0, 2.0, 0.005
T, SD, A = D * DT, math.sqrt(2 * D * DT), math.sqrt(4 * D * DT)
KEY = make_key(7, 0)
LIMIT = 2.3  # of sqrt(n) times the largest distance of distributions: passed by 5e-5


def spheres(kinds, reactivities=(0.0, 0.0)):
    return Walls(np.array([LOW]), np.array([HIGH]), np.array([kinds]), np.array([reactivities]))


def moved(r0, kinds=(REFLECT, REFLECT), reactivities=(0.0, 0.0), parts=(0, N)):
    """Radii after a step from r0, the exits, and the expected absorptions."""
    row = np.full(N, float(r0))
    exits, expected = np.zeros(N, np.uint8), np.empty((2, N))
    ids = np.arange(N, dtype=np.uint64)
    ended = 0
    for a, b in itertools.pairwise(parts):
        ended += radial.move_radial(
            row, ids, a, b, KEY, 3, D * DT, spheres(kinds, reactivities), exits, expected
        )
    assert ended == np.count_nonzero(exits)
    return row, exits, expected


def gauss(x):
    return np.exp(-(x**2) / (4 * T)) / math.sqrt(4 * math.pi * T)


def distance_of(sample, density, low, high):
    """sqrt(n) times the largest distance from the distribution of an unnormalised density."""
    edges = np.linspace(low, high, 2001)
    half = 0.5 * (edges[1] - edges[0])
    nodes = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * np.array([-1, 1]) / math.sqrt(3)
    F = np.concatenate([[0.0], np.cumsum(half * density(nodes).sum(axis=1))])
    return kstest(sample, lambda x: np.interp(x, edges, F / F[-1])).statistic * len(sample) ** 0.5


def share(found, expected, n=N):
    """Deviation of a share from its expectation, in standard errors."""
    return (found / n - expected) / math.sqrt(expected * (1 - expected) / n)


def test_a_step_far_from_both_spheres_is_free():
    row, exits, expected = moved(2.0, kinds=(REFLECT, OPEN))
    assert not exits.any()
    assert not expected.any()
    assert distance_of(row, lambda r: r * (gauss(r - 2.0) - gauss(r + 2.0)), 1.1, 2.9) < LIMIT


def test_squares_of_steps_grow_as_they_should():
    """``<r²> = r0² + 6 D dt``, between the spheres where nothing is felt."""
    row, _, _ = moved(2.0)
    square = row**2
    assert abs(square.mean() - 4 - 6 * T) < 4.5 * square.std() / math.sqrt(N)


@pytest.mark.parametrize(
    ("side", "reactivity"), [(0, 0.0), (0, 2.0), (0, np.inf), (1, 0.0), (1, 3)]
)
@pytest.mark.parametrize("distance", [0.3, 2.0])
def test_steps_beside_a_closed_sphere(side, reactivity, distance):
    x0 = distance * SD
    s = -HIGH if side else LOW
    rates = [0.0, 0.0]
    rates[side] = reactivity
    row, exits, expected = moved(abs(s + x0), (PARTIAL, PARTIAL), rates)
    lost = absorption(x0, s, reactivity, T)
    np.testing.assert_allclose(expected[side], lost, atol=1e-14)  # x0 is one of r0 - low
    assert not expected[1 - side].any()
    assert set(np.unique(exits)) <= {0, side + 1}
    if lost > 0:
        assert abs(share(np.count_nonzero(exits), lost)) < 4.5
    x = np.abs(row[exits == 0] - abs(s))
    F = np.array([distribution(v, x0, s, reactivity, T)[0] for v in np.sort(x)]) / (1 - lost)
    steps = np.arange(1, len(x) + 1) / len(x)
    assert np.abs(F - steps).max() * math.sqrt(len(x)) < LIMIT


def test_an_open_outer_sphere_lets_out_what_touches_it():
    r0 = HIGH - 0.8 * SD
    row, exits, _ = moved(r0, kinds=(REFLECT, OPEN))

    def inside(r):
        return r / r0 * (gauss(r - r0) - gauss(2 * HIGH - r - r0))

    stays = quad(inside, HIGH - 10 * SD, HIGH, epsabs=1e-12)[0]
    assert set(np.unique(exits)) == {0, 2}
    assert abs(share(np.count_nonzero(exits == 0), stays)) < 4.5
    assert distance_of(row[exits == 0], inside, HIGH - 10 * SD, HIGH) < LIMIT


def test_an_open_inner_sphere_lets_out_what_touches_it():
    """Survival outside an absorbing sphere: ``1 - (a/r0) erfc(x0/sqrt(4 D t))``."""
    r0 = LOW + 0.8 * SD
    row, exits, _ = moved(r0, kinds=(OPEN, OPEN))
    stays = 1 - LOW / r0 * erfc(0.8 * SD / A)
    assert set(np.unique(exits)) == {0, 1}
    assert abs(share(np.count_nonzero(exits == 0), stays)) < 4.5

    def inside(r):
        return r * (gauss(r - r0) - gauss(r + r0 - 2 * LOW))

    assert distance_of(row[exits == 0], inside, LOW, LOW + 10 * SD) < LIMIT


def test_the_parts_of_a_step_change_nothing():
    whole = moved(1.2, (PARTIAL, OPEN), (2.0, 0.0))
    parts = moved(1.2, (PARTIAL, OPEN), (2.0, 0.0), parts=(0, 1, 1023, 1025, 30_001, N))
    for one, other in zip(whole, parts, strict=True):
        assert (one == other).all()


def entered(side, curved=False, kinds=(OPEN, OPEN), keep=(1.0, 1.0), influx=False):
    row, ids = np.zeros(N), np.arange(N, dtype=np.uint64)
    place = radial.enter_influx if influx else radial.enter_open
    how = () if influx else (curved,)
    entry = Entry(FED if influx else PLANE, D, DT, *(np.array([k]) for k in keep))
    n = place(row, ids, 0, N, side, *how, entry, spheres(kinds), KEY, 2)
    assert (np.diff(ids[:n].astype(np.int64)) > 0).all()  # kept ones keep their ids
    return row[:n]


def test_arrivals_through_the_outer_sphere():
    """A ball that starts empty fills as ``c = (R/r) erfc((R - r)/sqrt(4 D t))``."""
    r = entered(1)
    mean_depth = math.sqrt(math.pi * T) / 2
    assert abs(share(len(r), 1 - mean_depth / HIGH)) < 4.5
    assert distance_of(r, lambda r: r * erfc((HIGH - r) / A), HIGH - 5 * A, HIGH) < LIMIT


def test_arrivals_through_the_inner_sphere():
    """Outside a sphere ``c = (a/r) erfc((r - a)/sqrt(4 D t))``: a + x in place of a."""
    plane, excess = entered(0), entered(0, curved=True)
    assert len(plane) == len(excess) == N
    assert distance_of(plane, lambda r: erfc((r - LOW) / A), LOW, LOW + 5 * A) < LIMIT
    assert distance_of(excess, lambda r: (r - LOW) * erfc((r - LOW) / A), LOW, LOW + 5 * A) < LIMIT


def test_entries_through_an_influx_sphere_have_reflected_since():
    """Mean squared distance from the centre: ``a² + 6 D s +`` the push of the sphere.

    ``d<r²>/ds = 6 D + 2 D a p(a)`` with p the density of r at the sphere, integrated over ages.
    """
    for side, s, sign in ((0, LOW, 1), (1, -HIGH, -1)):
        r = entered(side, kinds=(REFLECT, REFLECT), influx=True)
        assert len(r) == N

        def square(age, s=s, sign=sign):
            push = quad(
                lambda u: 2 * D * abs(s) * distribution(0.0, 0.0, s, 0.0, D * u * u)[1] * 2 * u,
                0.0,
                math.sqrt(age),
            )[0]
            return s * s + 6 * D * age + sign * push

        expected = quad(square, 1e-12, DT)[0] / DT
        values = r**2
        assert abs(values.mean() - expected) < 4.5 * values.std() / math.sqrt(N)


def test_a_reservoir_that_grows_lets_in_more_young_ones():
    """Kept with the concentration at entrance: ages s = dt U² and c(t) = t/dt, 1 - U² are kept."""
    r = entered(0, keep=(0.0, 1.0))
    assert abs(share(len(r), 2 / 3)) < 4.5
    r = entered(0, curved=True, keep=(0.0, 1.0))  # ages are even
    assert abs(share(len(r), 1 / 2)) < 4.5
    # Depths of age s are Maxwell's; the mean over ages kept with 1 - s/dt.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    ages, weights = DT * (nodes + 1) / 2, weights / 2
    edges = np.linspace(0, 6 * SD, 400)
    kept = weights * (1 - ages / DT)
    F = sum(w * maxwell(edges, math.sqrt(2 * D * s)) for w, s in zip(kept, ages, strict=True))
    found = kstest(r - LOW, lambda x: np.interp(x, edges, F / kept.sum())).statistic
    assert found * math.sqrt(len(r)) < LIMIT


def test_layers_are_filled_evenly_by_volume():
    row = np.zeros(N)
    radial.layer_spread(row, np.arange(N, dtype=np.uint64), 0, N, 1.0, 1.5, KEY, 1)
    uniform = (row**3 - 1) / (1.5**3 - 1)
    assert kstest(uniform, "uniform").statistic * math.sqrt(N) < LIMIT
