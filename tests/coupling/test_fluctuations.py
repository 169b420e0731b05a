"""Fluctuations of the two-way coupling: the exact recursion, its twins, and simulations."""

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.interface import FaceNumbers
from hybridrd.theory import _two_way_step
from hybridrd.theory.fluctuations import expected_total_ratio, two_way_jump, two_way_statistics

A = hrd.Species("A", D=1.0)


def exact_plane(alpha, stencil):
    return FaceNumbers(
        kind="exact", width=0.0, survival=1.0, offset=0.0, alpha=0.0, beta=1.0,
        spread=(2 * alpha) ** 0.5, stencil=stencil,
    )  # fmt: skip


# Bins 0, 1, 2, 5 from the plane and the total, of 10 cells of particles and 40 of continuum with
# implicit Euler: moments that were worked out apart from this package.
TABLE = [
    (None, 0.1, [0.886, 0.918], 0.44),
    (None, 0.25, [0.903, 0.921], 0.44),
    (None, 1.0, [0.960, 0.946], 0.47),
    (exact_plane(0.05, "linear"), 0.05, [0.87, 0.90, 0.93, 0.95], 0.385),
    (exact_plane(0.25, "linear"), 0.25, [1.21, 0.91, 0.93, 0.95], 0.43),
    (exact_plane(1.0, "linear"), 1.0, [2.64, 1.07, 0.94, 0.95], 0.76),
]


@pytest.mark.parametrize(("scheme", "alpha", "bins", "total"), TABLE)
def test_recursion_with_implicit_euler(scheme, alpha, bins, total, monkeypatch):
    ours = _two_way_step._continuum

    def euler(alpha, n, fluctuations):
        step, _, noise = ours(alpha, n, True)
        return step, step, noise if fluctuations else 0.0 * noise

    monkeypatch.setattr(_two_way_step, "_continuum", euler)
    found = two_way_statistics(alpha, 10, 40, scheme)
    assert found.bins[[0, 1, 2, 5][: len(bins)]] == pytest.approx(
        np.array(bins), abs=0.006, rel=0.003
    )
    assert found.total == pytest.approx(total, abs=0.006)


def lattice_twin(alpha, region, beyond, points, steps):
    """Ordinary covariances on a fine lattice, stepped until they settle; calibrated layer.

    Each particle moves on its own, so that the number at each place gets multinomial noise; what
    leaves and what arrives is one more place, of which the first cell has the difference.
    """
    numbers = hrd.CalibratedLayer().numbers(alpha, 1.0, "two-way", 1.0, region, "A")
    n = region * points
    x = (np.arange(n) + 0.5) / points
    move = np.zeros((n, n))
    for k in range(-3, 4):
        for sign in (1, -1):
            z = x[:, None] - sign * x + 2 * region * k
            move += np.exp(-(z**2) / (4 * alpha))
    move /= move.sum(axis=0)
    q = np.where(x < 1.0, numbers.survival, 1.0)
    # columns: from a site; rows: to a site, or (last) to the continuum
    go = np.vstack([move * q, 1.0 - q])
    arrive = move[:, x < 1.0].mean(axis=1)
    per_step = 1.0 - numbers.survival
    laplace = np.zeros((beyond, beyond))
    for k in range(beyond - 1):
        laplace[k : k + 2, k : k + 2] += alpha * np.array([[1.0, -1.0], [-1.0, 1.0]])
    g = 1 - 0.5**0.5
    stage = np.linalg.inv(np.eye(beyond) + g * laplace)

    def diffuse(u, source):
        first = stage @ (u + g * source)
        return stage @ (u + (1 / g - 1) * (first - u) + g * source)

    cells = np.eye(beyond)
    nothing = np.zeros((beyond, beyond))
    step, source = diffuse(cells, nothing), diffuse(nothing, cells)[:, :1]
    size = n + beyond
    full = np.zeros((size, size))
    full[:n, :n] = go[:n]
    full[:n, n] += per_step * arrive
    full[n:, :n] = source * go[n]
    full[n:, n:] = step
    full[n:, n] -= per_step * source[:, 0]
    mean = np.ones(size)
    mean[:n] /= points
    spread = np.vstack([np.eye(n + 1)[:n], np.zeros((beyond, n + 1))])
    spread[n:, n] = source[:, 0]
    noise = np.zeros((size, size))
    for j in range(n):
        noise += mean[j] * spread @ (np.diag(go[:, j]) - np.outer(go[:, j], go[:, j])) @ spread.T
    entering = np.concatenate([arrive, -source[:, 0]])
    for i in range(n):  # each arrival is at one site, and leaves the first cell
        one = np.concatenate([np.eye(n)[i], -source[:, 0]])
        noise += per_step * arrive[i] * np.outer(one, one)
    assert full @ mean == pytest.approx(mean, abs=1e-9)
    assert entering.sum() == pytest.approx(0.0, abs=1e-12)
    # Binomial to start with; the total number never changes.
    c = np.diag(mean) - np.outer(mean, mean) / (region + beyond)
    for _ in range(steps):
        c = full @ c @ full.T + noise
    bins = np.array([c[k * points : (k + 1) * points, k * points : (k + 1) * points].sum()
                     for k in range(region)])  # fmt: skip
    whole = region + beyond
    total = c[:n, :n].sum()
    return bins / (1 - 1 / whole), total / (region * (1 - region / whole))


@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_recursion_against_a_lattice(alpha):
    bins, total = lattice_twin(alpha, region=3, beyond=4, points=12, steps=400)
    found = two_way_statistics(alpha, 3, 4)
    assert found.bins == pytest.approx(bins, abs=2e-3)
    assert found.total == pytest.approx(total, abs=2e-3)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 1.0, 1.7])
def test_noise_and_binomial_arrivals_restore_all(alpha):
    """Independent particles throughout: every variance is the binomial one, to round-off."""
    found = two_way_statistics(alpha, 10, 40, fluctuations=True)
    assert found.bins == pytest.approx(np.ones(10), abs=1e-9)
    assert found.total == pytest.approx(1.0, abs=1e-9)
    # Without: per-bin figures pass for fair ones while the total is less than half.
    silent = two_way_statistics(alpha, 10, 40)
    assert np.all(np.abs(silent.bins - 1) < 0.13)
    assert 0.43 < silent.total < 0.52


@pytest.mark.parametrize("alpha", [0.01, 0.25, 1.0])
@pytest.mark.parametrize(
    ("scheme", "fluctuations", "jump"),
    [
        (None, False, 0.0),
        (None, True, 0.0),
        (hrd.ExactPlane(), False, 0.0),
        (hrd.CalibratedLayer(offset=0.0), False, 0.0),
    ],
)
def test_no_jump(alpha, scheme, fluctuations, jump):
    assert two_way_jump(alpha, scheme, fluctuations) == pytest.approx(jump, abs=1e-8)


def test_a_layer_read_in_the_wrong_place_jumps():
    """c_R of the plain layer belongs 0.338 h beyond the plane; the cell's centre is at 0.5 h."""
    plain = hrd.Layer(width=1.0).numbers(0.25, 1.0, "two-way", 1.0, 10.0, "A")
    assert two_way_jump(0.25, plain) == pytest.approx(0.0, abs=1e-8)
    cell = FaceNumbers(**{**plain.__dict__, "stencil": "cell"})
    assert two_way_jump(0.25, cell) == pytest.approx(0.33833 - 0.5, abs=1e-4)


# The total, in any geometry.


def silent_continuum(shape, inside, open_low=False):
    """Variance of the total over that of independent particles, by a Lyapunov equation."""
    n = int(np.prod(shape))
    index = np.arange(n).reshape(shape)
    whole, within = np.zeros((2, n, n))
    for axis in range(len(shape)):
        low = np.take(index, range(shape[axis] - 1), axis).ravel()
        high = np.take(index, range(1, shape[axis]), axis).ravel()
        for a, b in zip(low, high, strict=True):
            edge = np.zeros(n)
            edge[a], edge[b] = 1.0, -1.0
            whole += np.outer(edge, edge)
            if not (inside[a] or inside[b]):
                within += np.outer(edge, edge)
    if open_low:
        for a in np.take(index, 0, 0).ravel():
            whole[a, a] += 2.0
            within[a, a] += 0.0 if inside[a] else 2.0
    # A little decay makes the conserved mode regular; the missing noise has no part of it.
    lacking = solve_continuous_lyapunov(whole + 1e-9 * np.eye(n), 2.0 * within)
    mean = inside.sum()
    reference = mean if open_low else mean * (1 - mean / n)
    return 1 - inside @ lacking @ inside / reference


@pytest.mark.parametrize(
    ("shape", "region", "open_low"),
    [((12,), [(0, 4)], False), ((12,), [(3, 8)], False), ((12,), [(5, 12)], True),
     ((6, 5), [(0, 3), (0, 5)], False), ((6, 6), [(2, 4), (2, 4)], False),
     ((4, 4, 3), [(1, 3), (0, 2), (1, 2)], False)],
)  # fmt: skip
def test_total_of_any_box_in_a_box(shape, region, open_low):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in region)] = True
    walls = [("open" if open_low else "closed", "closed")] + [("closed", "closed")] * (
        len(shape) - 1
    )
    expected = silent_continuum(shape, mask.ravel().astype(float), open_low)
    assert expected_total_ratio(shape, region, walls=walls) == pytest.approx(expected, abs=2e-3)


def test_total_at_small_steps_is_that_of_the_recursion():
    for region, beyond in ((10, 40), (20, 20), (5, 10)):
        found = two_way_statistics(0.01, region, beyond).total
        ratio = expected_total_ratio([region + beyond], [(0, region)])
        assert ratio == pytest.approx(found, abs=0.005)
    # Two halves of a fine slab lack the same; a periodic axis is no matter.
    assert expected_total_ratio([4000], [(0, 2000)]) == pytest.approx(0.5, abs=2e-3)
    slab = expected_total_ratio(
        [50, 7], [(0, 10), (0, 7)], walls=[("closed", "closed"), ("periodic", "periodic")]
    )
    assert slab == pytest.approx(expected_total_ratio([50], [(0, 10)]), abs=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: two_way_statistics(0.0, 5, 5),
        lambda: two_way_statistics(0.1, 5, 0),
        lambda: two_way_statistics(0.1, 5, 5, hrd.ExactPlane(), fluctuations=True),
        lambda: two_way_statistics(9.0, 20, 20, exact_plane(9.0, "linear")),
        lambda: expected_total_ratio([10], [(4, 11)]),
        lambda: expected_total_ratio([10], [(4, 8)], walls=[("open", "periodic")]),
        lambda: expected_total_ratio([10, 10], [(4, 8)]),
    ],
)
def test_what_can_not_be_is_refused(call):
    with pytest.raises(ModelError):
        call()


@pytest.mark.parametrize("region", [hrd.Ball((2, 2), 1), np.ones((4, 4), bool), [(0.5, 2), (1, 2)]])
def test_the_ratio_of_a_region_that_is_no_box_of_cells_is_refused(region):
    with pytest.raises(ModelError, match=r"region = .*only for a box of cells in a box"):
        expected_total_ratio((4, 4), region)
