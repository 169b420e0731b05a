"""A continuum of a user's own: means, Poisson counts, balance, reactions, checkpoints."""

import numpy as np
import pytest
from support.sampling import batches, particles_in_bins, sample
from support.user_continua import Blocks, Still

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
# Cells of any width from the plane x = 4 on, and along it.
X = [4.0, 4.8, 6.0, 8.0, 11.0, 12.0]
WIDTHS = np.array([3, 1, 5, 2, 7, 1, 1, 4, 6, 2, 8, 10])
Y = np.concatenate([[0.0], np.cumsum(WIDTHS)])


def slab(**more):
    """Particles in 0 < x < 4, a continuum in 4 < x < 12; 50 wide."""
    more.setdefault("species", [A])
    walls = {"y": hrd.Periodic(), **more.pop("walls", {})}
    return hrd.System(
        domain=hrd.Box(x=(0, 12), y=(0, 50)), particles=hrd.Box(x=(0, 4), y=(0, 50)),
        cells=(12, 50), walls=walls, **more,
    )  # fmt: skip


def inside(c):
    return {A: hrd.Patch(c, x=(0, 4))}


@pytest.mark.parametrize("coupling", ["mean-field", "two-way"])
def test_uniform_stays_uniform_and_counts_are_poisson(coupling):
    """Mean-field, or a continuum that keeps its start: the particles cannot tell."""
    system = slab(coupling=coupling, initial=inside(3.0))
    cells = Still([X, Y], np.full((1, 5, 12), 3.0))
    sim = hrd.Simulation(system, dt=0.25, seed=3, continuum=cells)
    edges = [np.arange(5.0), np.arange(0, 51, 5.0)]
    counts = sample(sim, lambda s: particles_in_bins(s, "A", edges), 20, 1000, 2)
    value, error = batches(counts.mean(axis=2) / 15)
    assert error.max() < 0.011
    assert np.all(np.abs(value - 1) < 4.5 * error)
    variance, error = batches(((counts - 15) ** 2).mean(axis=(1, 2)) / 15)
    assert error < 0.02
    assert abs(variance - 1) < 4 * error


@pytest.mark.parametrize("scheme", [None, hrd.Layer(width=1.0), hrd.ExactPlane()], ids=repr)
def test_a_straight_profile_goes_on_through_the_plane(scheme):
    """As in test_two_way, on cells of unequal widths: absorbed at x = 0, held at x = 12."""
    top, alpha = 48.0, 0.25
    system = slab(
        interface=scheme, walls={"x-": hrd.Absorbing()}, initial={
            A: hrd.Patch(lambda x: top * x / 12, x=(0, 4))
        },
    )  # fmt: skip
    cells = Blocks([X, Y], lambda x, y: top * x / 12 + 0 * y, held={(0, 1): top})
    sim = hrd.Simulation(system, dt=alpha, seed=3, continuum=cells)
    own = []

    def read(s):
        own.append(s.continuum[0] @ WIDTHS / 50)
        return s.concentration[0].mean(axis=1)

    rows = sample(sim, read, 100, 1000, 2)
    exact = top / 12 * (np.arange(12) + 0.5)
    near = slice(0, 4 if isinstance(scheme, hrd.ExactPlane) else 2)
    value, error = batches(rows[:, near].sum(axis=1) / exact[near].sum())
    assert error < 0.012
    assert abs(value - 1) < 4 * error
    # The continuum is on the line up to its first cell, in each of its own.
    value, error = batches(np.array(own) / (top / 12 * cells_between(X)))
    assert error.max() < 0.004
    assert np.all(np.abs(value - 1) < 4.5 * error)


def test_a_layer_is_as_wide_as_the_first_own_cell_and_c_R_its_value():
    sim = hrd.Simulation(slab(), dt=0.25, seed=1, continuum=Still([X, Y], np.zeros((1, 5, 12))))
    (gate,) = sim.diagnostics()["interface"]
    assert gate["width"] == pytest.approx(0.8)
    assert gate["offset"] == pytest.approx(0.4)
    assert gate["alpha"] == pytest.approx(0.25 / 0.64)


def cells_between(edges):
    edges = np.asarray(edges)
    return 0.5 * (edges[1:] + edges[:-1])


def test_mass_balances_to_round_off_and_no_cell_is_negative():
    """At half a particle in a cell; cells of the mesh and of the grid cross each other."""
    y = [0.0, 0.7, 5.3, 6.1, 19.9, 20.0, 33.3, 50.0]
    x = [4.0, 4.9, 6.0, 7.7, 12.0]
    cells = Blocks([x, y], lambda x, y: 0.5 + 0 * x * y)
    sim = hrd.Simulation(slab(initial=inside(0.5)), dt=0.25, seed=1, continuum=cells)
    start, least = sim.total[0], np.inf
    for _ in range(3000):
        sim.step()
        least = min(least, sim.continuum.min())
        assert abs(sim.total[0] / start - 1) < 1e-12
    assert least >= 0
    assert sim.diagnostics()["overdrafts"] > 10
    # Particles and the integral over its own cells less what is owed, from the parts.
    integral = (sim.continuum[0] * cells.volumes.reshape(4, 7)).sum()
    owed = sim.diagnostics()["owed"]["A"]
    assert sim.total[0] == pytest.approx(sim.copy_number[0] + integral - owed, rel=1e-13)


def test_a_box_in_a_mesh_over_the_whole_domain():
    """Its planes cut, the cells inside are out of play, and the mean is that everywhere."""
    box = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8), y=(0, 8)), particles=hrd.Box(x=(2, 6), y=(2, 6)),
        cells=(8, 8), initial={A: hrd.Patch(30.0, x=(2, 6), y=(2, 6))},
    )  # fmt: skip
    edges = [[0, 0.8, 2, 3.5, 6, 7, 8], [0, 1, 2, 4, 4.5, 6, 8]]
    cells = Blocks(edges, lambda x, y: 30.0 + 0 * x * y, cut=[(2, 6), (2, 6)])
    sim = hrd.Simulation(box, dt=0.25, seed=1, continuum=cells)
    start = sim.total[0]
    assert np.all(sim.continuum[0, 2:4, 2:5] == 0)  # though its start has 30 there
    n = sample(sim, lambda s: s.copy_number[0], 50, 3000, 2)
    assert sim.total[0] == pytest.approx(start, rel=1e-12)
    value, error = batches(n / (16 * start / 64))
    assert error < 0.0025
    assert abs(value - 1) < 4 * error


def test_what_passes_a_plane_by_itself_is_refused():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 4)), cells=8,
    )  # fmt: skip
    cells = Blocks([np.arange(9.0)], lambda x: 10.0 + 0 * x)
    sim = hrd.Simulation(system, dt=0.1, seed=1, continuum=cells)
    with pytest.raises(hrd.StepError, match="into cells of the particle region"):
        sim.step()


def tank(k=0.0, reactions=True, coupling="two-way"):
    """A -> B in a region with 100 particles, beside cells with 300 per length."""
    system = hrd.System(
        species=[A, B], reactions=[hrd.Reaction("A -> B", k=k)], domain=hrd.Box(x=(0, 2)),
        particles=hrd.Box(x=(0, 1)), cells=20, coupling=coupling,
        initial={A: hrd.Copies(100, x=(0, 1))},
    )  # fmt: skip
    cells = Still(EDGES, [[300.0] * 4, [0.0] * 4])
    cells.reactions = reactions
    return system, cells


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_reactions_of_the_system_act_in_own_cells(coupling):
    system, cells = tank(k=2.0, coupling=coupling)
    sim = hrd.Simulation(system, dt=1e-3, seed=1, continuum=cells)
    sim.step()
    a, b = sim.continuum.mean(axis=1)
    if coupling == "mean-field":
        assert a == pytest.approx(300 * np.exp(-2e-3), rel=1e-13)
    assert a + b == pytest.approx(300, rel=2e-2)
    assert b == pytest.approx(300 * (1 - np.exp(-2e-3)), rel=0.1)


def test_unless_they_are_the_continuum_s_affair():
    system, cells = tank(k=2.0, reactions=False, coupling="mean-field")
    sim = hrd.Simulation(system, dt=1e-3, seed=1, continuum=cells)
    sim.step()
    assert np.all(sim.continuum == [[300.0] * 4, [0.0] * 4])


def test_creation_leaves_cells_inside_the_region_alone():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 8)), particles=hrd.Box(x=(0, 4)), cells=8,
        reactions=[hrd.Reaction("0 -> A", k=lambda x: 5.0 * x)],
    )  # fmt: skip
    cells = Blocks([[0, 2, 4, 5, 7, 8]], lambda x: 0 * x, D=1e-9, cut=[(0, 4)])
    sim = hrd.Simulation(system, dt=0.01, seed=1, continuum=cells)
    for _ in range(50):
        sim.step()
    gained = sim.continuum[0] - [0, 0, 5 * 0.5 * 4.5, 5 * 0.5 * 6, 5 * 0.5 * 7.5]
    exchanged = sim.crossings[0, 1]  # all of it in the first cell, which is of unit width
    gained[2] -= exchanged
    owed = sim.diagnostics()["owed"]["A"]
    assert gained == pytest.approx(np.array([0, 0, owed, 0, 0]), abs=1e-6)


def test_pairs_across_the_plane_take_their_partner_from_own_cells():
    """A + B -> 0 with A as particles only and B beyond only: each pair takes one of both."""
    still = hrd.Species("B", D=0.0)
    system = hrd.System(
        species=[hrd.Species("A", D=0.0), still], domain=hrd.Box(x=(0, 2)),
        particles=hrd.Box(x=(0, 1)), cells=40,
        reactions=[hrd.Reaction("A + B -> 0", k=0.05, radius=0.1)],
        initial={"A": hrd.Copies(2000, x=(0.9, 1.0))},
    )  # fmt: skip
    start = [[0.0] * 3, [4000.0] * 3]
    cells = Still([[1.0, 1.01, 1.4, 2.0]], start)
    sim = hrd.Simulation(system, dt=1e-4, seed=1, continuum=cells)
    for _ in range(20):
        sim.step()
    lost = 2000 - sim.copy_number[0]
    assert lost > 20
    assert 4000 - sim.total[1] == pytest.approx(lost, rel=1e-10)
    assert sim.continuum[1, 2] == 4000.0  # none within the radius
    # Of the partners 3/4 are in the cell of the grid from 1 to 1.05; a fifth of it is one of ours.
    assert (4000 - sim.continuum[1, 0]) * 0.01 == pytest.approx(lost * 0.15, rel=0.3)


def test_pairs_beyond_leave_those_across_the_plane_to_the_particles():
    """In the first cell, as wide as the radius, a quarter of all partners is on the other side."""
    kinds = [hrd.Species("A", D=0.0), hrd.Species("B", D=0.0)]
    system = hrd.System(
        species=kinds, domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=40,
        reactions=[hrd.Reaction("A + B -> 0", k=0.01, radius=0.1)],
    )  # fmt: skip
    cells = Still([[1.0, 1.1, 1.5, 2.0]], np.full((2, 3), 100.0))
    sim = hrd.Simulation(system, dt=1e-3, seed=1, continuum=cells)
    sim.step()
    assert 100 - sim.continuum[0] == pytest.approx(np.array([0.75, 1, 1]) * 0.1, rel=2e-3)


def restored(sim, path, continuum):
    sim.checkpoint(path)
    return hrd.Simulation.restore(path, continuum=continuum)


@pytest.mark.parametrize("coupling", ["two-way", "mean-field"])
def test_a_restored_simulation_goes_on_bit_for_bit(coupling, tmp_path):
    def cells():
        return Blocks([X, Y], lambda x, y: 0.1 * (x + y))

    system = slab(coupling=coupling, initial=inside(1.0))
    sim = hrd.Simulation(system, dt=0.25, seed=1, continuum=cells())
    sim.run(until=5.0)
    twin = restored(sim, tmp_path / "half.npz", cells())
    assert np.array_equal(twin.continuum, sim.continuum)
    first, second = sim.run(until=10.0), twin.run(until=10.0)
    assert first.equals(second)
    assert np.array_equal(twin.continuum, sim.continuum)


class Counting(Still):
    """Has a memory."""

    steps = 0

    def step(self, c, t, dt, source):  # noqa: ARG002
        self.steps += 1
        return c + self.steps

    def state(self):
        return {"steps": np.array(self.steps)}

    def load_state(self, state):
        self.steps = int(state["steps"])


class Secretive(Counting):
    def state(self):
        return None


def line(continuum, **more):
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=20,
        coupling="mean-field", **more,
    )  # fmt: skip
    return hrd.Simulation(system, dt=1e-3, seed=1, continuum=continuum)


class Texts(Still):
    def start(self, system, dt):  # noqa: ARG002
        return "much"


EDGES = [np.linspace(1, 2, 5)]
START = [[5.0] * 4]


def test_a_memory_is_kept_or_no_checkpoint_is_written(tmp_path):
    sim = line(Counting(EDGES, START))
    for _ in range(3):
        sim.step()
    twin = restored(sim, tmp_path / "a.npz", Counting(EDGES, START))
    sim.step()
    twin.step()
    assert np.array_equal(sim.continuum, twin.continuum)
    with pytest.raises(hrd.ResultError, match="saved in a checkpoint"):
        line(Secretive(EDGES, START)).checkpoint(tmp_path / "b.npz")


def test_checkpoints_are_not_mixed_up(tmp_path):
    sim = line(Still(EDGES, START))
    sim.checkpoint(tmp_path / "own.npz")
    line(None).checkpoint(tmp_path / "package.npz")
    with pytest.raises(hrd.ResultError, match=r"\(Still\).* restore\(path, continuum=...\)"):
        hrd.Simulation.restore(tmp_path / "own.npz")
    with pytest.raises(hrd.ResultError, match="has no user's continuum; leave continuum= out"):
        hrd.Simulation.restore(tmp_path / "package.npz", continuum=Still(EDGES, START))
    other = Still([np.linspace(1, 2, 6)], [[5.0] * 5])
    with pytest.raises(
        hrd.ResultError, match=r"other cell faces along x .* 6 from 1 to 2, there 5"
    ):
        hrd.Simulation.restore(tmp_path / "own.npz", continuum=other)


def test_the_result_says_what_the_continuum_was():
    result = line(Still(EDGES, START)).run(until=2e-3)
    assert result.attrs["diagnostics"]["continuum"] == {"kind": "Still", "cells": [4]}
    outside = result["concentration"].sel(x=slice(1, 2))
    assert np.all(outside == 5.0)


WRONG = {
    "no continuum": (lambda: line(3.0), "continuum = 3.0: give a FiPyContinuum"),
    "a shape": (
        lambda: line(Still(EDGES, [[5.0] * 3])), r"start gave the shape \(1, 3\).* it is \(1, 4\)",
    ),
    "text": (lambda: line(Texts(EDGES, START)), "start gave 'much'; give an array of numbers"),
    "no edges": (lambda: line(Still(None, START)), "edges of Still: None; give the cell faces"),
    "below 0": (lambda: line(Still(EDGES, [[5.0, -1.0, 5.0, 5.0]])), "its start has -1"),
    "an initial state in it": (
        lambda: line(Still(EDGES, START), initial={A: hrd.Patch(7.0, x=(0.5, 1.5))}),
        r"initial\['A'\] puts 3.5 outside .* Patch\(c, x=\(0, 1\)\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_refused(make, message):
    with pytest.raises(hrd.ModelError, match=message):
        make()


def test_a_solver_is_not_for_it():
    system = line(None).system
    with pytest.raises(hrd.ModelError, match="for the package's own PDE"):
        hrd.Simulation(system, dt=1e-3, solver="fipy", continuum=Still(EDGES, START))


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "not finite"), (-7.0, "gave a concentration of -2 of A")]
)
def test_a_step_that_goes_wrong_is_reported(value, message):
    class Wrong(Still):
        def step(self, c, t, dt, source):  # noqa: ARG002
            return c + value

    with pytest.raises(hrd.StepError, match=message):
        line(Wrong(EDGES, START)).step()


def test_a_two_way_step_may_not_go_deeper_into_debt_than_a_particle():
    """One particle in a cell of 0.25 is 4: a step to -5 takes what was not there, one to -3 not."""

    class Wrong(Still):
        def step(self, c, t, dt, source):  # noqa: ARG002
            return np.full_like(c, self.value)

    system = line(None).system.replace(coupling="two-way")
    cells = Wrong(EDGES, START)
    cells.value = -3.0
    hrd.Simulation(system, dt=1e-3, seed=1, continuum=cells).step()
    cells.value = -5.0
    with pytest.raises(hrd.StepError, match=r"of -5 of A; .* none below 0, .* smallest cell is 4"):
        hrd.Simulation(system, dt=1e-3, seed=1, continuum=cells).step()
