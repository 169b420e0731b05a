"""The master equation in two and three dimensions, in shells, and with rates in time."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad
from scipy.linalg import expm

import hybridrd as hrd
from hybridrd.errors import ModelError, StepError
from hybridrd.model.doi import cap_volume, reactive_volume
from hybridrd.model.grid import Grid
from hybridrd.theory import cdme, moments
from hybridrd.theory.cdme import propagate

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)
PLATE = hrd.Box(x=(0, 1.5), y=(0, 0.8))


def laplacian(shape, spacing, periodic):
    """Jump rates between cells by hand, ``(cells, cells)``, x fastest."""
    cells = [tuple(reversed(c)) for c in itertools.product(*map(range, reversed(shape)))]
    number = {c: n for n, c in enumerate(cells)}
    result = np.zeros((len(cells), len(cells)))
    for c, axis, step in itertools.product(cells, range(len(shape)), (-1, 1)):
        other = list(c)
        other[axis] += step
        if periodic[axis]:
            other[axis] %= shape[axis]
        if 0 <= other[axis] < shape[axis]:
            result[number[tuple(other)], number[c]] += 1 / spacing[axis] ** 2
            result[number[c], number[c]] -= 1 / spacing[axis] ** 2
    return result


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize(
    ("domain", "voxels"),
    [(PLATE, (3, 4)), (hrd.Box(x=(0, 1), y=(0, 0.6), z=(0, 0.9)), (3, 2, 3))],
)
def test_one_walker_in_two_and_three_dimensions(domain, voxels, joined):
    walls = {"x": hrd.Periodic()} if joined else {}
    start = np.array([[0.9, 0.1, 0.7][: domain.dimension]])
    system = hrd.System(
        species=[A], domain=domain, walls=walls, initial={A: hrd.Points(start)}, cells=5
    )
    truth = cdme.solve(system, voxels, max_copies=1, until=0.1, every=0.1).isel(time=-1)
    grid = domain.grid(voxels)
    generator = A.D * laplacian(voxels, grid.spacing, [joined, False, False])
    first = [int(p / h) for p, h in zip(start[0], grid.spacing, strict=True)]
    p = np.zeros(grid.cells)
    p[np.ravel_multi_index(first[::-1], voxels[::-1])] = 1
    expected = grid.unflatten(expm(0.1 * generator) @ p)
    assert_allclose(truth["concentration"].sel(species="A") * grid.volume, expected, atol=1e-13)
    assert truth["concentration"].dims == ("species", *domain.axes)
    assert truth["covariance"].dims[2:] == (*domain.axes, *(a + "_2" for a in domain.axes))
    square = np.multiply.outer(expected, expected)
    assert_allclose(truth["covariance"][0, 0] * grid.volume**2, -square, atol=1e-12)


def test_cells_around_an_obstacle():
    """Four of six voxels, a ring with two ends missing, against the hand-made chain of them."""
    block = hrd.Cells(np.array([[False, False], [True, False], [False, True]]))
    system = hrd.System(
        species=[A], domain=PLATE, obstacles=block, cells=(3, 2),
        initial={A: [hrd.Copies(2, y=(0, 0.4)), hrd.Points([[0.2, 0.6]])]},
    )  # fmt: skip
    voxels = cdme.voxel_model(system).voxels
    assert voxels.free.tolist() == [0, 2, 3, 4]
    truth = cdme.solve(system, None, max_copies=3, until=0.2, every=0.1, tolerance=1e-9)
    free = voxels.free
    whole = laplacian((3, 2), (0.5, 0.4), [False, False])[np.ix_(free, free)]
    np.fill_diagonal(whole, 0.0)
    generator = A.D * (whole - np.diag(whole.sum(axis=0)))
    start = np.array([1.0, 1.0, 1.0, 0.0])  # half of each copy in 0 and 2, one in 3
    for t in (0.0, 0.2):
        found = truth["concentration"].sel(time=t, species="A").values
        assert_allclose(found.T.ravel()[free] * 0.2, expm(t * generator) @ start, atol=1e-12)
        assert found[1, 0] == found[2, 1] == 0
    assert_allclose(truth["volume"].sum(), 0.8)
    inside = system.replace(initial={A: hrd.Patch(2.0)})
    assert_allclose(cdme.solve(inside, None, 12, until=0.0, tolerance=0.01)["copy_number"][0, 0],
                    1.6, rtol=1e-4)  # fmt: skip
    coarse = system.replace(
        cells=(15, 2), obstacles=hrd.Box(x=(0.7, 0.8), y=(0, 0.4)),
        initial={A: hrd.Points([[0.45, 0.2], [0.55, 0.2]])},
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"\[0.55, 0.2\] is in a voxel that is an obstacle"):
        cdme.solve(coarse, (3, 2), 2, until=1.0)


def test_points_of_squares_and_cubes_within_a_distance():
    s = 0.7  # of a square and a cube of side 1
    square = math.pi * s**2 - 8 / 3 * s**3 + s**4 / 2
    cube = 4 / 3 * math.pi * s**3 - 3 / 2 * math.pi * s**4 + 8 / 5 * s**5 - s**6 / 6
    assert_allclose(cdme.pair_fraction((0, 0), (1, 1), s), square, rtol=1e-12)
    assert_allclose(cdme.pair_fraction((0, 0, 0), (1, 1, 1), s), cube, rtol=1e-9)


@pytest.mark.parametrize(("shape", "radius"), [((9, 8), 0.55), ((6, 5, 7), 0.34)])
def test_pair_rates_add_up_to_the_doi_volume_in_more_dimensions(shape, radius):
    h = (0.25, 0.3, 0.2)[: len(shape)]
    grid = Grid((0.0,) * len(shape), tuple(n * w for n, w in zip(shape, h, strict=True)), shape)
    ring = cdme.pair_rates(3.0, radius, grid, periodic=True)
    expected = 3.0 * reactive_volume(radius, len(shape))
    assert_allclose(ring.sum(axis=1) * grid.volume, expected, rtol=1e-9)
    assert_allclose(ring, ring.T)
    # Far from other walls the part outside one is the mean cap.
    x, width = grid.edges(0)[:2], h[0]
    cap = quad(lambda d: cap_volume(d, radius, len(shape)), *x, epsabs=1e-12)[0] / width
    middle = np.ravel_multi_index([n // 2 for n in shape[:0:-1]] + [0], shape[::-1])
    assert_allclose(cdme.mean_cap(grid, "x-", radius)[middle], cap, rtol=1e-7)


def test_partners_beyond_walls_and_corners_of_a_plate():
    """An A of D = 0 in a corner voxel: what of its disc is outside, each part with its c_R."""
    still = hrd.Species("A", D=0.0)
    walls = {"x-": hrd.Reservoir({B: 4.0}), "y-": hrd.Reservoir({B: 2.0})}
    system = hrd.System(
        species=[still, B], domain=hrd.Box(x=(0, 2), y=(0, 2)), walls=walls,
        reactions=[hrd.Reaction("A + B -> B", lambda0=1.5, radius=0.4)],
    )  # fmt: skip
    events = cdme.voxel_model(system, 4).events
    found = sum(e.rate for e in events if e.takes == ((0, 0),) and not e.makes)
    rng = np.random.default_rng(1)
    n = 1_000_000
    place = rng.uniform(0, 0.5, (n, 2)) + (
        0.4 * np.sqrt(rng.uniform(size=n))
        * np.array([np.cos(t := rng.uniform(0, 2 * np.pi, n)), np.sin(t)])
    ).T  # fmt: skip
    left, below = (place < 0).T
    value = np.where(left & below, 3.0, 4.0 * left + 2.0 * below)
    scale = 1.5 * math.pi * 0.4**2
    assert abs(found - scale * value.mean()) < 4 * scale * value.std() / math.sqrt(n)


def test_copies_of_several_species_together():
    """A -> B from five copies: n of A is binomial and B is the rest."""
    system = hrd.System(
        species=[A, B], domain=PLATE, reactions=[hrd.Reaction("A -> B", k=1.3)],
        initial={A: hrd.Copies(5)},
    )  # fmt: skip
    truth = cdme.solve(system, (2, 1), max_copies={A: 5, B: 6}, until=0.4, every=0.4).isel(time=-1)
    joint = truth["joint_probability"]
    assert joint.dims == ("n_A", "n_B")
    expected = np.zeros((6, 7))
    n = np.arange(6)
    expected[n, 5 - n] = stats.binom.pmf(n, 5, math.exp(-1.3 * 0.4))
    assert_allclose(joint, expected, atol=1e-12)
    marginal = truth["copy_number_probability"]
    assert_allclose(joint.sum("n_B"), marginal.sel(species="A")[:6], atol=1e-14)


def test_pairs_without_a_radius_are_well_mixed_in_a_voxel():
    for equation, count, rate in (("2 A -> 0", {A: 2}, 1.0), ("A + B -> 0", {A: 1, B: 1}, 1.0)):
        system = hrd.System(
            species=[A, B], domain=PLATE, reactions=[hrd.Reaction(equation, k=0.9)],
            initial={s: hrd.Copies(n) for s, n in count.items()},
        )  # fmt: skip
        truth = cdme.solve(system, 1, max_copies=2, until=0.5, every=0.5).isel(time=-1)
        assert_allclose(1 - truth["rho_0"], math.exp(-0.9 * rate / 1.2 * 0.5), rtol=1e-12)


# The open system with a reactive sphere, eq. (26)


def ball_shell(c_R, kappa=6.0, cells=12, **options):
    shell = hrd.Shell(inner=1.0, outer=2.0)
    walls = {"inner": hrd.PartiallyAbsorbing(kappa), "outer": hrd.Reservoir({A: c_R})}
    return hrd.System(species=[A], domain=shell, walls=walls, cells=cells, **options)


def test_the_reactive_sphere_is_poisson_with_the_closed_flux():
    kappa, c_R = 6.0, 0.02
    rest = cdme.steady_state(ball_shell(c_R, kappa), 12, max_copies=5, tolerance=1e-3)
    r, c = rest["r"].values, rest["concentration"].sel(species="A").values
    closed = hrd.theory.smoluchowski.profile(r, A.D, 1.0, kappa, 2.0, c_R)
    assert_allclose(c, closed, rtol=2e-3)
    # Through the inner sphere: kappa and half a voxel in series.
    half = 4 * math.pi * A.D * 2 / (1 / 12)
    flux = c[0] / (1 / kappa + 1 / half)
    assert_allclose(flux, hrd.theory.smoluchowski.rate(A.D, 1.0, kappa, 2.0) * c_R, rtol=2e-3)
    mean = float(rest["copy_number"][0])
    p = rest["copy_number_probability"][0].values
    assert_allclose(p, stats.poisson.pmf(np.arange(6), mean), atol=3 * float(rest["at_cut_off"]))
    assert_allclose((c * rest["volume"].values).sum(), mean, rtol=1e-12)


def test_particles_in_the_shell_follow_it():
    """Linear, so that a reservoir 5e4 times as full has 5e4 times the mean."""
    scale, until = 5e4, 0.6
    truth = cdme.solve(
        ball_shell(0.01), 12, max_copies=4, until=until, every=until, tolerance=1e-3
    ).isel(time=-1)
    full = ball_shell(0.01 * scale, particles=hrd.Shell(inner=1.0, outer=2.0))
    run = hrd.Simulation(full, dt=0.01, seed=3).run(until=until, every=until).isel(time=-1)
    mean = truth["concentration"][0] * truth["volume"] * scale
    count = run["concentration"].sel(species="A").values * truth["volume"].values
    assert (abs(count - mean.values) < 4.5 * np.sqrt(mean.values)).all()
    total = float(mean.sum())
    assert abs(float(count.sum()) - total) < 4 * math.sqrt(total)


def test_pairs_in_a_shell_have_no_radius():
    pair = hrd.Reaction("2 A -> 0", k=0.5, radius=0.1)
    with pytest.raises(ModelError, match="leave out radius="):
        cdme.solve(ball_shell(0.1, reactions=[pair]), 2, max_copies=2, until=1.0)
    two = ball_shell(0.0, kappa=0.0, reactions=[hrd.Reaction("2 A -> 0", k=0.5)])
    shell = two.replace(walls={}, initial={A: hrd.Copies(2)})
    truth = cdme.solve(shell, 1, max_copies=2, until=0.5, every=0.5).isel(time=-1)
    volume = 4 / 3 * math.pi * 7
    assert_allclose(1 - truth["rho_0"], math.exp(-0.5 / volume * 0.5), rtol=1e-10)


# Rates that depend on time


def test_creation_and_reservoir_in_time_are_poisson():
    """Creation 2 + sin 3t, death 1 in one voxel; the mean by its own integral."""
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)),
        reactions=[hrd.Reaction("0 -> A", k=lambda t: 2 + np.sin(3 * t)),
                   hrd.Reaction("A -> 0", k=1.0)],
        walls={"x+": hrd.Reservoir({A: lambda t: 0.5 * t})},
    )  # fmt: skip
    truth = cdme.solve(system, 1, max_copies=24, until=2.0, every=0.5)
    gamma = 2 * A.D
    for t in (0.5, 2.0):
        fed = quad(lambda s, t=t: (2 + math.sin(3 * s) + gamma * 0.5 * s)
                   * math.exp(-(1 + gamma) * (t - s)), 0, t)[0]  # fmt: skip
        record = truth.sel(time=t)
        bound = float(record["time_error"] + record["lost"])
        assert bound < 2e-6
        p = record["copy_number_probability"][0].values
        assert 0.5 * abs(p - stats.poisson.pmf(np.arange(25), fed)).sum() < bound + 1e-9
    assert float(truth["time_error"][-1]) > 1e-10


def test_a_pair_rate_in_space_and_time():
    """Two copies for certain that do not move: alive with exp of minus the integral."""
    still = hrd.Species("A", D=0.0)
    rate = hrd.Reaction("2 A -> 0", k=lambda x, t: (1 + x) * t**2, radius=0.1)
    system = hrd.System(
        species=[still], domain=hrd.Box(x=(0, 1)), reactions=[rate],
        initial={still: hrd.Points([0.1, 0.2])},
    )  # fmt: skip
    truth = cdme.solve(system, 2, max_copies=2, until=1.2, every=0.4)
    within = (2 * 0.1 * 0.5 - 0.01) / 0.25
    alive = np.exp(-1.25 / 0.2 * within * truth["time"] ** 3 / 3)
    assert_allclose(1 - truth["rho_0"], alive, atol=2e-6)
    assert truth["pair_rate"].dims[0] == "time"
    terms = moments.annihilation_terms(truth)
    assert_allclose(terms["exact"].isel(time=-1).sum() * 0.5,
                    -2 * 1.25 / 0.2 * within * 1.2**2 * alive[-1], rtol=1e-5)  # fmt: skip


def test_a_rate_that_jumps_costs_steps_but_not_accuracy():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)), initial={A: hrd.Copies(3)},
        reactions=[hrd.Reaction("A -> 0", k=lambda t: np.where(t < 0.37, 0.0, 2.0))],
    )  # fmt: skip
    truth = cdme.solve(system, 1, max_copies=3, until=1.0, every=1.0)
    expected = stats.binom.pmf(np.arange(4), 3, math.exp(-2 * 0.63))
    assert_allclose(truth["copy_number_probability"][-1, 0], expected, atol=2e-6)


def test_a_rate_that_no_step_can_follow_is_refused(monkeypatch):
    monkeypatch.setattr(propagate, "MOST_STEPS", 40)
    rng = np.random.default_rng(1)
    noise = hrd.Reaction("A -> 0", k=lambda t: rng.uniform() + 0 * t)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1)), initial={A: hrd.Copies(1)}, reactions=[noise]
    )
    with pytest.raises(StepError, match="more than 40 steps"):
        cdme.solve(system, 1, max_copies=1, until=1.0)


@pytest.mark.parametrize(
    ("equation", "copies", "ways"),
    [("3 A -> 0", {A: 3}, 6), ("2 A + B -> B", {A: 2, B: 1}, 2), ("4 A -> 0", {A: 4}, 24)],
)
def test_reactions_of_three_and_more_in_one_voxel(equation, copies, ways):
    """k/V^(m - 1) for every ordered choice, as whole copies in cells react."""
    system = hrd.System(
        species=[A, B], domain=PLATE, reactions=[hrd.Reaction(equation, k=0.7)],
        initial={s: hrd.Copies(n) for s, n in copies.items()},
    )  # fmt: skip
    truth = cdme.solve(system, 1, max_copies=4, until=0.3, every=0.3).isel(time=-1)
    rate = 0.7 * ways / 1.2 ** (sum(copies.values()) - 1)
    left = truth["copy_number"].sel(species="A") / copies[A]
    assert_allclose(left, math.exp(-0.3 * rate), rtol=1e-10)


def test_the_mean_around_an_obstacle_beside_a_reservoir_is_the_pde():
    walls = {"x-": hrd.Reservoir({A: lambda y, t: 1 + y + t}), "y+": hrd.Reservoir({A: 0.5})}
    system = hrd.System(
        species=[A], domain=PLATE, obstacles=hrd.Box(x=(0.4, 1.1), y=(0, 0.4)), cells=(3, 2),
        initial={A: hrd.Copies(2)}, walls=walls, reactions=[hrd.Reaction("A -> 0", k=1.0)],
    )  # fmt: skip
    found = moments.closed_moments(system, None, [0.2])["mean"].isel(time=0)
    pde = hrd.mean_field(system, dt=1e-3, until=0.2, every=0.2)["concentration"].isel(time=-1)
    assert_allclose(found, pde, rtol=2e-4)
    truth = cdme.solve(system, None, 9, until=0.2, every=0.2, tolerance=1e-3).isel(time=-1)
    assert_allclose(truth["concentration"], pde, atol=1e-3)
    assert truth["mask"].values.tolist() == [[1, 1], [0, 1], [1, 1]]
