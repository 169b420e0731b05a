"""Particle regions of any shape and obstacles: what is uniform stays so, what leaves is booked."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.model.doi import cell_shares

A = hrd.Species("A", D=1.0)
SQUARE = hrd.Box(x=(0, 1), y=(0, 1))
CUBE = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
DISC = hrd.Ball(center=(0.5, 0.5), radius=0.4)
LABYRINTH = hrd.Where(
    lambda x, y: (
        ((x // 0.1).astype(int) % 4 == 1) & (y < 0.8)
        | ((x // 0.1).astype(int) % 4 == 3) & (y > 0.2)
    )
)
SHAPES = {
    "disc": DISC,
    "annulus": hrd.Shell(0.15, 0.4, center=(0.5, 0.5)),
    "L": hrd.Box(x=(0.2, 0.8), y=(0.2, 0.4)) | hrd.Box(x=(0.2, 0.4), y=(0.2, 0.8)),
    "squares at a corner": hrd.Box(x=(0.2, 0.5), y=(0.2, 0.5))
    | hrd.Box(x=(0.5, 0.8), y=(0.5, 0.8)),
}


def chi_square(counts: np.ndarray, expected: float) -> float:
    """Deviation of the sum of squares from its mean in standard errors."""
    n = counts.size
    return float((((counts - expected) ** 2 / expected).sum() - n) / np.sqrt(2 * n))


@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.5])
def test_among_obstacles_the_uniform_state_is_stationary(alpha):
    ball = hrd.Ball(center=(0.5, 0.5, 0.5), radius=0.45)
    places = {
        "labyrinth": (SQUARE, (20, 20), LABYRINTH, {"x": hrd.Periodic()}),
        "annulus": (SQUARE, (20, 20), hrd.Outside(SHAPES["annulus"]), {}),
        "ball": (CUBE, (10, 10, 10), hrd.Outside(ball), {}),
    }
    for name, (domain, cells, obstacles, walls) in places.items():
        n = 100_000
        system = hrd.System(
            species=[A], domain=domain, particles=domain, cells=cells, obstacles=obstacles,
            walls=walls, initial={A: hrd.Copies(n)},
        )  # fmt: skip
        sim = hrd.Simulation(system, dt=alpha / cells[0] ** 2, seed=5)
        for _ in range(15):
            sim.step()
        counts = sim.concentration[0] * system.grid.volume
        free = system.grid.unflatten(system.free)
        assert counts[~free].sum() == 0, name
        assert counts.sum() == pytest.approx(n), name
        assert abs(chi_square(counts[free], n / free.sum())) < 4.5, name


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_beside_a_continuum_the_uniform_state_is_stationary(coupling):
    for (name, shape), alpha in zip(SHAPES.items(), (0.05, 0.5, 1.5, 1.5), strict=True):
        c = 1e5
        system = hrd.System(
            species=[A], domain=SQUARE, particles=shape, cells=(20, 20), coupling=coupling,
            initial={A: c},
        )  # fmt: skip
        sim = hrd.Simulation(system, dt=alpha / 400, seed=6)
        start = sim.total
        for _ in range(40):
            sim.step()
        inside = system.grid.unflatten(system.partition.inside)
        counts = sim.concentration[0][inside] * system.grid.volume
        expected = c * system.grid.volume
        assert abs(chi_square(counts, expected)) < 4.5, (name, alpha)
        # In two-way coupling the total varies less than a Poisson number.
        total = expected * inside.sum()
        assert abs(counts.sum() - total) < 4.5 * np.sqrt(total), (name, alpha)
        if coupling == "two-way":
            assert sim.total == pytest.approx(start, rel=1e-12)


def test_steps_too_long_for_staircases_are_warned_of():
    def system(dimension, shape, c=None):
        return hrd.System(
            species=[A], domain=SQUARE if dimension == 2 else CUBE, particles=shape,
            cells=(10,) * dimension, initial={A: c or hrd.Patch(9.0, x=(0, 0.5))},
        )  # fmt: skip

    ball = hrd.Ball((0.5, 0.5, 0.5), 0.3)
    for dimension, shape, most in ((2, DISC, 0.8), (3, ball, 0.55)):
        hrd.Simulation(system(dimension, shape), dt=0.999 * most / 100, seed=1)
        with pytest.warns(hrd.AccuracyWarning, match=rf"above {most}.*use dt <= {most / 100:g}"):
            hrd.Simulation(system(dimension, shape), dt=1.5 / 100, seed=1)
    # What is uniform stays so, unless something reacts or comes in; and a plane has none.
    hrd.Simulation(still := system(2, DISC, 9.0), dt=1.5 / 100, seed=1)
    moved = {"reactions": [hrd.Reaction("A -> 0", k=1.0)]}, {"walls": {"x-": hrd.Absorbing()}}
    for changes in moved:
        with pytest.warns(hrd.AccuracyWarning, match="the staircases"):
            hrd.Simulation(still.replace(**changes), dt=1.5 / 100, seed=1)
    half = hrd.Box(x=(0, 0.5), y=(0, 1))
    hrd.Simulation(system(2, half), dt=1.5 / 100, seed=1)
    hrd.Simulation(system(2, half | hrd.Box(x=(0.7, 1), y=(0, 1))), dt=1.5 / 100, seed=1)


def blob(x, y):
    return 3e5 * np.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2) / 0.02)


PILLARS = hrd.Outside(hrd.Ball((0.5, 0.5), 0.48)) | hrd.Ball((0.5, 0.55), 0.1)


def dish(particles, **changes) -> hrd.System:
    return hrd.System(
        species=[A], domain=SQUARE, obstacles=PILLARS, particles=particles, cells=(20, 20),
        initial={A: hrd.Patch(blob)}, **changes,
    )  # fmt: skip


def test_particles_pde_and_hybrid_agree_among_obstacles():
    quadrant = {"quarter": hrd.Box(x=(0.5, 1), y=(0.5, 1))}
    pde = hrd.mean_field(dish(None), dt=5e-4, until=0.04, every=0.04, observe=quadrant)
    fipy = hrd.mean_field(dish(None), dt=5e-4, until=0.04, every=0.04, solver="fipy")
    c = pde["concentration"].values
    assert np.allclose(c, fipy["concentration"].values, rtol=1e-9, atol=1e-9 * c.max())
    assert (c[:, 0][:, pde["mask"].values == 0] == 0).all()
    assert pde["total"].values == pytest.approx(pde["total"].values[0, 0], rel=1e-12)
    expected = float(pde["quarter"][-1, 0])
    assert expected == pytest.approx(float(hrd.copy_number(pde, quadrant["quarter"])[-1, 0]))
    assert expected > 5 * float(pde["quarter"][0, 0])
    for region in (SQUARE, hrd.Box(x=(0.5, 0.8), y=(0.3, 0.8)) | hrd.Ball((0.3, 0.3), 0.15)):
        sim = hrd.Simulation(dish(region), dt=5e-4, seed=7)
        run = sim.run(until=0.04, every=0.04, observe=quadrant)
        assert abs(float(run["quarter"][-1, 0]) - expected) < 4.5 * np.sqrt(expected), region
        assert run["total"].values == pytest.approx(run["total"].values[0, 0], rel=1e-12)
        assert (run["mask"].values == sim.system.grid.unflatten(sim.system.partition.codes)).all()


def test_a_mask_that_is_a_box_gives_the_numbers_of_the_box():
    box = hrd.Box(x=(0.25, 0.75), y=(0, 0.5))
    by_place = hrd.Where(lambda x, y: (abs(x - 0.5) < 0.25) & (y < 0.5))
    pieces = hrd.Box(x=(0.25, 0.5), y=(0, 0.5)) | hrd.Box(x=(0.5, 0.75), y=(0, 0.5))
    results = []
    for region in (box, by_place, pieces):
        system = hrd.System(
            species=[A], domain=SQUARE, particles=region, cells=(20, 20), initial={A: 4e3},
        )  # fmt: skip
        results.append(hrd.Simulation(system, dt=1e-3, seed=8).run(until=0.02, every=0.01))
    for other in results[1:]:
        assert results[0].equals(other)


def test_an_interrupted_run_in_a_mask_goes_on_as_if_it_had_not_been(tmp_path):
    system = dish(DISC).replace(initial={A: hrd.Patch(2e3, shape=DISC)})
    whole = hrd.Simulation(system, dt=1e-3, seed=9)
    whole.run(until=0.02)
    half = hrd.Simulation(system, dt=1e-3, seed=9)
    half.run(until=0.01)
    half.checkpoint(tmp_path / "half.npz")
    again = hrd.Simulation.restore(tmp_path / "half.npz")
    again.run(until=0.02)
    assert np.array_equal(whole.particles["A"].positions, again.particles["A"].positions)
    assert np.array_equal(whole.concentration, again.concentration)


def at_walls(walls, alpha: float, **changes) -> hrd.Simulation:
    """Particles among obstacles that touch the walls, or in a disc that does."""
    obstacles = hrd.Ball((0.0, 0.3), 0.18) | hrd.Ball((0.6, 0.0), 0.15)
    fields = {"particles": SQUARE, "obstacles": obstacles, "initial": {A: 1e5}}
    system = hrd.System(
        species=[A], domain=SQUARE, cells=(20, 20), walls=walls, **(fields | changes)
    )  # fmt: skip
    return hrd.Simulation(system, dt=alpha / 400, seed=3)


def test_leaky_walls_leave_a_uniform_state_as_it_is_among_obstacles():
    for kappa, alpha in ((0.5, 1.5), (5.0, 0.5), (200.0, 0.5)):
        leaky = hrd.Leaky({A: kappa}, outside={A: 1e5})
        sim = at_walls({"x-": leaky, "y": leaky}, alpha)
        sim.step(40)
        free = sim.system.grid.unflatten(sim.system.free)
        counts = (sim.concentration[0] * sim.system.grid.volume)[free]
        expected = 1e5 * sim.system.grid.volume
        assert abs(chi_square(counts, expected)) < 4.5, kappa
        assert abs(counts.sum() / expected - free.sum()) < 4.5 * np.sqrt(free.sum() / expected)


@pytest.mark.parametrize("way", ["influx", "drain", "leak"])
def test_what_walls_let_in_among_obstacles_is_what_the_pde_has(way):
    wall = {
        "influx": hrd.Influx({A: lambda y, t: 4e5 * (1 + np.sin(3 * y)) * (t < 0.04)}),
        "drain": hrd.Influx({A: lambda y: -1.5e5 * (1 + np.sin(3 * y))}),
        "leak": hrd.Leaky({A: 5.0}, outside={A: lambda y: 3e5 * y}),
    }[way]
    walls = {"x-": wall, "x+": hrd.Absorbing()}
    for changes in ({}, {"obstacles": None, "particles": hrd.Ball((0.0, 0.5), 0.3)}):
        sim = at_walls(walls, 0.4, **changes)
        run = sim.run(until=0.05, every=0.05)
        pde = hrd.mean_field(sim.system, dt=sim.dt, until=0.05, every=0.05)
        found, expected = float(run["copy_number"][-1, 0]), float(pde["copy_number"][-1, 0])
        assert found == pytest.approx(expected, abs=4.5 * np.sqrt(expected) + 0.003 * expected)
        through = (r["flux"].sel(face="x-").values[-1, 0] * 0.05 for r in (run, pde))
        passed, wanted = (float(n) for n in through)
        assert passed == pytest.approx(wanted, abs=4.5 * np.sqrt(3e4) + 0.01 * abs(wanted))


def test_a_bath_beyond_a_wall_of_a_disc_has_what_the_disc_lacks():
    bath = hrd.Leaky({A: 4.0}, outside={A: hrd.Bath(volume=0.2, initial=2e4)})
    disc = hrd.Ball((0.0, 0.5), 0.3)
    free = {"obstacles": hrd.Outside(disc), "initial": {}}
    sim = at_walls({"x-": bath}, 0.2, **free)
    run = sim.run(until=0.3, every=0.3)
    there = run["bath"].sel(species="A", wall="x-").values * 0.2
    here = run["copy_number"].sel(species="A").values
    assert there + here == pytest.approx(4000)
    volume = sim.system.grid.volume * sim.system.free.sum()
    share = volume / (volume + 0.2)
    assert abs(here[-1] - 4000 * share) < 4.5 * np.sqrt(4000 * share * (1 - share))


def test_what_masks_cannot_do_is_refused_by_name():
    refused = {
        "ExactPlane": {"interface": hrd.ExactPlane()},
        "Layer": {"interface": hrd.Layer()},
    }
    region = hrd.Ball((0.0, 0.5), 0.3)
    for words, changes in refused.items():
        system = hrd.System(
            species=[A], domain=SQUARE, particles=region, cells=(20, 20), **changes
        )  # fmt: skip
        with pytest.raises(hrd.ModelError, match=words):
            hrd.Simulation(system, dt=1e-3)


def test_partners_beyond_a_face_are_those_of_the_caps():
    """A cell as wide as the radius has 1/4, 2/(3 pi), 3/16 of its partners beyond each face."""
    for d, share in ((1, 1 / 4), (2, 2 / (3 * np.pi)), (3, 3 / 16)):
        shares = cell_shares(0.1, (0.1,) * d)
        assert shares.sum() == pytest.approx(1.0)
        assert shares[2].sum() == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize("beside", ["continuum", "wall"])
def test_complexes_come_apart_across_the_faces_of_a_disc(beside):
    """Equilibrium in the outermost cells, which have a fifth of the partners beyond the faces.

    B and C hardly move: B that complexes beyond do not bring are missing there, and so is C.
    """
    B, C = hrd.Species("B", D=0.01), hrd.Species("C", D=0.01)
    c, k, k_back = 200.0, 0.1, 20.0
    double = hrd.Box(x=(0, 2), y=(0, 2))
    disc = hrd.Ball((1.0, 1.0), 0.6)
    equal = {A: c, B: c, C: c * c * k / k_back}
    place = {"particles": disc, "coupling": "mean-field"}
    if beside == "wall":
        place = {"particles": double, "obstacles": disc, "walls": {"x": hrd.Reservoir(equal)}}
    system = hrd.System(
        species=[A, B, C], domain=double, cells=(20, 20), initial=equal, **place,
        reactions=[hrd.Reaction("A + B <-> C", k=k, radius=0.1, k_back=k_back)],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=4e-3, seed=3)
    inside = system.grid.unflatten(system.partition.inside)
    outermost = np.zeros_like(inside)
    outermost[0] = outermost[-1] = beside == "wall"
    if beside == "continuum":
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            outermost |= inside & ~np.roll(inside, shift, axis)
    sim.step(20)
    seen = []
    for _ in range(20):
        sim.step(12)  # as long as a complex lives
        seen.append(sim.concentration[1:, outermost].sum(axis=1))
    expected = c * outermost.sum()
    error = 1 / np.sqrt(expected * system.grid.volume * len(seen))
    assert error < 0.03
    assert np.mean(seen, axis=0) / expected == pytest.approx((1.0, 1.0), abs=4.5 * error)


def test_pairs_through_a_thin_obstacle_are_warned_of():
    system = hrd.System(
        species=[A], domain=SQUARE, particles=SQUARE, cells=(20, 20),
        obstacles=hrd.Box(x=(0.45, 0.5), y=(0, 0.7)),
        reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.06)],
    )  # fmt: skip
    with pytest.warns(hrd.AccuracyWarning, match=r"0\.05 thin along x"):
        hrd.Simulation(system, dt=1e-4)
