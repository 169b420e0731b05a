"""Brownian steps and walls: twins, closed forms, and the same from any cut of the arrays."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, special, stats
from twins import naive

from hybridrd.kernels import rng
from hybridrd.kernels.walk import (
    OPEN,
    PARTIAL,
    REFLECT,
    WRAP,
    Walls,
    erfcx,
    first_touch,
    fold,
    move,
    move_closed,
    survival_partial,
    touches,
    wrap,
)
from hybridrd.theory.diffusion import half_line_absorbing, patch_in_interval

KEY = rng.make_key(11, 0)
N = 200_000


def walk(x, D=1.0, dt=0.1, low=0.0, high=1.0, kinds=REFLECT, gammas=0.0, steps=1, key=KEY):
    """Positions and exits after some steps; x is (d, n)."""
    x = np.array(x, float)
    d, n = x.shape
    ids = np.arange(n, dtype=np.uint64)
    kinds = np.array(np.broadcast_to(kinds, (d, 2)), np.int64)
    gammas = np.array(np.broadcast_to(gammas, (d, 2)), float)
    walls = Walls(np.full(d, low), np.full(d, high), kinds, gammas)
    exits = np.zeros(n, np.uint8)
    for step in range(steps):
        move(x, ids, 0, n, key, step, D * dt, walls, exits)
    return x, exits


def at(*point, n=N):
    """n particles at a point."""
    return np.repeat(np.array(point, float)[:, None], n, axis=1)


def one_face(d, axis, side, kind):
    """Kinds of sides of a box that reflects but on one side."""
    kinds = np.full((d, 2), REFLECT)
    kinds[axis, side] = kind
    return kinds


FACES = [(d, axis, side) for d in (1, 2, 3) for axis in range(d) for side in (0, 1)]

# --- twins ---------------------------------------------------------------------------------------


@given(x=st.floats(-30, 30), low=st.floats(-5, 5), width=st.floats(0.05, 9))
def test_fold_and_wrap_are_repeated_reflections_and_shifts(x, low, width):
    high = low + width
    assert fold(x, low, high) == pytest.approx(naive.reflect(x, low, high), abs=1e-11)
    shifted = naive.wrap(x, low, high)
    gap = abs(wrap(x, low, high) - shifted)
    assert min(gap, abs(gap - width)) < 1e-11  # both ends are the same point


@given(turns=st.integers(-3, 3), low=st.floats(-50, 50), width=st.floats(1e-3, 50))
def test_fold_and_wrap_stay_inside_at_the_very_ends(turns, low, width):
    high = low + width
    end = low + turns * (high - low)
    for x in (end, np.nextafter(end, -np.inf), np.nextafter(end, np.inf)):
        assert low <= fold(x, low, high) <= high
        assert low <= wrap(x, low, high) < high


@given(st.floats(0, 100))
def test_erfcx(z):
    assert erfcx(z) == pytest.approx(special.erfcx(z), rel=1e-11)


DEPTH = st.floats(1e-3, 4)


@given(d0=DEPTH, d1=DEPTH, gamma=st.floats(1e-2, 100))
def test_partial_survival_is_the_ratio_of_propagators(d0, d1, gamma):
    expected = naive.survival_partial(d0, d1, gamma, 1.0)
    assert survival_partial(d0, d1, gamma, 1.0) == pytest.approx(expected, abs=1e-8)


@given(d0=DEPTH, d1=DEPTH)
def test_partial_survival_between_reflecting_and_absorbing(d0, d1):
    # Density of the end: G(-) + G(+) if the wall reflects, G(-) - G(+) if it absorbs.
    minus, plus = naive.spread(d0 - d1, 1.0), naive.spread(d0 + d1, 1.0)
    assert survival_partial(d0, d1, 0.0, 1.0) == 1.0
    assert survival_partial(d0, d1, 1e-9, 1.0) == pytest.approx(1.0, abs=1e-8)
    absorbing = (minus - plus) / (minus + plus)
    assert survival_partial(d0, d1, 1e9, 1.0) == pytest.approx(absorbing, abs=1e-8)


@given(
    d0=st.floats(0.1, 2), d1=st.floats(-1, 2), gamma=st.floats(0.1, 9), first=st.integers(0, 10**6)
)
def test_touches_compares_its_number_with_the_ratio_of_propagators(d0, d1, gamma, first):
    is_open = naive.survival_open(d0, d1, 1.0)
    partial = naive.survival_partial(d0, abs(d1), gamma, 1.0)
    for address in range(first, first + 500):
        where = (KEY, np.uint64(address), 7, rng.BRIDGE, 3)
        u, _ = rng.uniforms(*where)
        assert not touches(REFLECT, d0, d1, gamma, 1.0, *where)
        if abs(1 - u - is_open) > 1e-7:
            assert touches(OPEN, d0, d1, 0.0, 1.0, *where) == (1 - u > is_open)
        if abs(u - partial) > 1e-7:
            assert touches(PARTIAL, d0, abs(d1), gamma, 1.0, *where) == (u >= partial)


SIDE = st.sampled_from([REFLECT, OPEN, PARTIAL])
AXIS = st.one_of(st.just((WRAP, WRAP)), st.tuples(SIDE, SIDE))


@given(
    axes=st.lists(st.tuples(AXIS, st.floats(0, 1)), min_size=1, max_size=3),
    dt=st.floats(0.01, 0.5),
    gamma=st.floats(0.1, 10),
    address=st.integers(0, 2**63),
    step=st.integers(0, 2**32 - 1),
)
def test_a_step_is_that_of_the_twin(axes, dt, gamma, address, step):
    kinds, fractions = zip(*axes, strict=True)
    d = len(kinds)
    low, high = np.array([-1.0, 0.5, 2.0][:d]), np.array([0.2, 3.0, 3.0][:d])
    start = low + np.array(fractions) * (high - low)
    gammas = np.full((d, 2), gamma)
    end, left, margin = naive.move(
        start, address, KEY, step, 0.7, dt, low, high, kinds, gammas.tolist()
    )
    assume(margin > 1e-7)
    x, exits = start[:, None].copy(), np.zeros(1, np.uint8)
    ids = np.array([address], np.uint64)
    move(x, ids, 0, 1, KEY, step, 0.7 * dt, Walls(low, high, np.array(kinds), gammas), exits)
    for kind, found, expected, period in zip(kinds, x[:, 0], end, high - low, strict=True):
        gap = abs(found - expected)
        # The ends of a periodic axis are one point.
        assert (min(gap, abs(gap - period)) if kind[0] == WRAP else gap) < 1e-8
    assert exits[0] == left


@pytest.mark.parametrize(("d0", "d1"), [(0.5, -0.3), (0.5, 0.8), (1.2, 0.0), (0.02, 0.1)])
def test_the_first_touch_has_the_law_of_a_bridge(d0, d1):
    """Density ``d0/t^(3/2) exp(-d0²/(4 D t))`` of reaching 0, times the way on to d1."""
    Ddt = 0.5
    edges = np.linspace(0, 1, 200_001)
    t = (edges[1:] + edges[:-1]) / 2
    density = d0 / t**1.5 * np.exp(-(d0**2) / (4 * Ddt * t))
    density *= np.exp(-(d1**2) / (4 * Ddt * (1 - t))) / np.sqrt(1 - t)
    law = np.concatenate([[0.0], np.cumsum(density)])
    times = [first_touch(d0, d1, Ddt, KEY, np.uint64(i), 3, rng.BRIDGE, 6) for i in range(20_000)]
    assert stats.kstest(times, lambda v: np.interp(v, edges, law / law[-1])).pvalue > 1e-4


@pytest.mark.parametrize("d", [2, 3])
def test_what_leaves_is_what_enters_reversed(d):
    """Through each cell of each open face as much as last entries through it: c A sqrt(4 D dt/pi)
    in the middle, less at the edges by what went out or came in at another face."""
    n, D, dt = 400_000, 1.0, 0.01
    source = np.random.default_rng(5)
    x = source.uniform(0, 1, (d, n))
    end, exits = walk(x, D=D, dt=dt, kinds=OPEN)
    cells = 4
    for face in range(2 * d):
        left = end[:, exits == face + 1]
        others = np.delete(left, face // 2, axis=0)
        assert others.min() >= 0.0
        assert others.max() <= 1.0
        counts = np.histogramdd(others.T, [np.linspace(0, 1, cells + 1)] * (d - 1))[0]
        # All faces are alike, and so are all cells that mirror each other.
        for a in range(d - 1):
            mirrored = np.flip(counts, axis=a)
            assert np.abs(counts - mirrored).max() < 4.5 * np.sqrt(2 * counts.max())
        middle = counts[(1,) * (d - 1)]
        expected = n * math.sqrt(4 * D * dt / math.pi) / cells ** (d - 1)
        assert abs(middle - expected) < 4.5 * math.sqrt(expected) + 0.01 * expected
    per_face = np.bincount(exits, minlength=2 * d + 1)[1:]
    assert np.ptp(per_face) < 6 * np.sqrt(2 * per_face.max())


@pytest.mark.parametrize("wraps", [(True, False), (False, True), (True, True, False)])
def test_the_kernel_of_closed_boxes_is_the_general_one(wraps):
    d = len(wraps)
    x = np.random.default_rng(1).uniform(0, 1, (d, 3000))
    kinds = np.where(np.array(wraps)[:, None], WRAP, REFLECT) * np.ones((1, 2), np.int64)
    general, exits = walk(x, dt=0.3, kinds=kinds)
    walls = Walls(np.zeros(d), np.ones(d), kinds, np.zeros((d, 2)))
    move_closed(x, np.arange(3000, dtype=np.uint64), 0, 3000, KEY, 0, 0.3, walls)
    np.testing.assert_array_equal(x, general)
    assert not exits.any()


def test_parts_and_order_change_nothing():
    # Parts cut blocks of 1024; particles that leave are in the last part, too.
    source = np.random.default_rng(1)
    x, ids = source.uniform(0, 1, (2, 3000)), np.arange(3000, dtype=np.uint64)
    kinds = np.array([[OPEN, PARTIAL], [PARTIAL, REFLECT]])
    rest = (KEY, 5, 0.02, Walls(np.zeros(2), np.ones(2), kinds, np.full((2, 2), 3.0)))
    whole, left = x.copy(), np.zeros(3000, np.uint8)
    move(whole, ids, 0, 3000, *rest, left)
    assert (left > 0).sum() > 300
    parts, left_parts = x.copy(), np.zeros(3000, np.uint8)
    for start, stop in ((2049, 3000), (0, 1000), (1000, 1024), (1024, 2049)):
        move(parts, ids, start, stop, *rest, left_parts)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(left_parts, left)
    order = source.permutation(3000)
    mixed, left_mixed = np.ascontiguousarray(x[:, order]), np.zeros(3000, np.uint8)
    move(mixed, ids[order], 0, 3000, *rest, left_mixed)
    np.testing.assert_array_equal(mixed, whole[:, order])
    np.testing.assert_array_equal(left_mixed, left[order])


# --- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 3])
def test_displacements_are_normal_with_variance_2_D_t(d, steps):
    # 4.5 standard errors: a variance wrong by 1.5 %, a correlation of 0.011.
    x, _ = walk(at(*[0.0] * d), D=0.3, dt=0.2, low=-1e3, high=1e3, steps=steps)
    z = x / math.sqrt(2 * 0.3 * 0.2 * steps)
    for row in z:
        assert stats.kstest(row, "norm").pvalue > 1e-5
        assert abs(np.mean(row**2) - 1) < 4.5 * math.sqrt(2 / N)
    others = np.corrcoef(z)[np.triu_indices(d, 1)] if d > 1 else np.zeros(1)
    assert np.abs(others).max() < 4.5 / math.sqrt(N)


@pytest.mark.parametrize("kind", [REFLECT, WRAP])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_closed_box_stays_uniform(kind, d):
    # Chi-square over 20 bins, p = 1e-5: one bin off by 5 % (200000 particles) fails.
    x = np.random.default_rng(2).uniform(-1, 2, (d, N))
    x, exits = walk(x, dt=0.4, low=-1.0, high=2.0, kinds=kind, steps=4)
    assert not exits.any()
    for row in x:
        counts, _ = np.histogram(row, 20, (-1, 2))
        assert counts.sum() == N
        assert stats.chisquare(counts).pvalue > 1e-5


@pytest.mark.parametrize("steps", [1, 6])
def test_a_patch_spreads_between_reflecting_walls(steps):
    # Chi-square over 20 bins against the cosine series, p = 1e-5.
    x = np.random.default_rng(3).uniform(0, 0.3, (1, N))
    x, _ = walk(x, D=0.5, dt=0.12 / steps, steps=steps)
    fine = np.linspace(0, 1, 2001)
    c = patch_in_interval(0.5 * (fine[1:] + fine[:-1]), 0.12, D=0.5, L=1.0, a=0.0, b=0.3)
    expected = N * c.reshape(20, -1).sum(axis=1) / c.sum()
    counts, _ = np.histogram(x, 20, (0, 1))
    assert stats.chisquare(counts, expected).pvalue > 1e-5


@pytest.mark.parametrize(("d", "axis", "side"), FACES)
def test_absorbing_wall_in_one_step(d, axis, side):
    # Survival erf(d0/sqrt(4 D t)) within 4 standard errors, 0.004; without the bridge it is
    # 0.2 too high. The other walls are far.
    low, high, d0 = -4.0, 5.0, 0.3
    point = [0.5] * d
    point[axis] = low + d0 if side == 0 else high - d0
    x, exits = walk(at(*point), low=low, high=high, kinds=one_face(d, axis, side, OPEN))
    assert set(np.unique(exits)) == {0, 2 * axis + side + 1}
    survival = math.erf(d0 / math.sqrt(4 * 0.1))
    error = math.sqrt(survival * (1 - survival) / N)
    assert abs(np.mean(exits == 0) - survival) < 4 * error
    # The survivors lie where two images say: chi-square over bins of depth.
    depth = x[axis, exits == 0] - low if side == 0 else high - x[axis, exits == 0]
    edges = np.linspace(0, 2.4, 17)
    below = special.erf((edges - d0) / math.sqrt(0.4)) - special.erf((edges + d0) / math.sqrt(0.4))
    expected = np.diff(below)
    counts, _ = np.histogram(depth, edges)
    assert stats.chisquare(counts, counts.sum() * expected / expected.sum()).pvalue > 1e-5


@pytest.mark.parametrize("steps", [3, 30])
def test_absorbing_wall_does_not_feel_the_step(steps):
    # 4 standard errors, 0.0044.
    _, exits = walk(at(0.3), dt=0.1 / steps, high=9.0, kinds=[[OPEN, REFLECT]], steps=steps)
    survival = math.erf(0.3 / math.sqrt(0.4))
    assert abs(np.mean(exits == 0) - survival) < 4 * math.sqrt(survival * (1 - survival) / N)


@pytest.mark.parametrize("kappa", [0.2, 2.0, 50.0])
@pytest.mark.parametrize("steps", [1, 2, 16])
def test_partially_absorbing_wall_does_not_feel_the_step(kappa, steps):
    # A particle at d0 survives as a uniform state has decayed there: half-line solution with
    # D dc/dn = -kappa c. 4 standard errors, at most 0.0045; kappa off by 2 % fails at kappa = 2.
    D, t, d0 = 0.5, 0.2, 0.25
    kinds, gammas = [[REFLECT, PARTIAL]], [[0.0, kappa / D]]
    _, exits = walk(
        at(8.0 - d0), D=D, dt=t / steps, high=8.0, kinds=kinds, gammas=gammas, steps=steps
    )
    survival = float(half_line_absorbing(d0, t, D=D, kappa=kappa))
    assert abs(np.mean(exits == 0) - survival) < 4 * math.sqrt(survival * (1 - survival) / N)


@pytest.mark.parametrize(("d", "axis", "side"), FACES)
def test_partially_absorbing_wall_on_every_face(d, axis, side):
    # 4 standard errors, 0.0042.
    low, high, d0 = -4.0, 5.0, 0.2
    point = [0.5] * d
    point[axis] = low + d0 if side == 0 else high - d0
    kinds, gammas = one_face(d, axis, side, PARTIAL), np.zeros((d, 2))
    gammas[axis, side] = 3.0
    x, exits = walk(at(*point), low=low, high=high, kinds=kinds, gammas=gammas)
    assert set(np.unique(exits)) == {0, 2 * axis + side + 1}
    survival = float(half_line_absorbing(d0, 0.1, D=1.0, kappa=3.0))
    assert abs(np.mean(exits == 0) - survival) < 4 * math.sqrt(survival * (1 - survival) / N)
    assert ((x >= low) & (x <= high)).all()


def test_limits_of_a_partially_absorbing_wall():
    survival = math.erf(0.3 / math.sqrt(0.4))
    _, exits = walk(at(0.3), high=9.0, kinds=[[PARTIAL, REFLECT]], gammas=1e9)
    # 4 standard errors, 0.0044.
    assert abs(np.mean(exits == 0) - survival) < 4 * math.sqrt(survival * (1 - survival) / N)
    _, exits = walk(at(0.3), high=9.0, kinds=[[PARTIAL, REFLECT]], gammas=0.0)
    assert not exits.any()


def test_walls_at_an_edge_are_independent():
    # Near an edge of two absorbing walls the survivals multiply: 4 standard errors, 0.0045.
    _, exits = walk(at(0.3, 0.4), high=9.0, kinds=OPEN)
    a = math.sqrt(0.4)
    survival = math.erf(0.3 / a) * math.erf(0.4 / a)
    assert abs(np.mean(exits == 0) - survival) < 4 * math.sqrt(survival * (1 - survival) / N)
    # Through x if that is touched first: first-passage density of 0.3 while 0.4 is not passed.
    through_x, _ = integrate.quad(
        lambda t: 0.3 / math.sqrt(4 * math.pi * t**3) * math.exp(-0.0225 / t)
        * math.erf(0.2 / math.sqrt(t)), 0, 0.1,
    )  # fmt: skip
    assert abs(np.mean(exits == 1) - through_x) < 4 * math.sqrt(through_x * (1 - through_x) / N)
