"""Diffusion coefficients that depend on the place: Fick's law in particles and in cells."""

from __future__ import annotations

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

JUMP, SLOPE = "where(x < 0.5, 1, 0.1)", "0.5 + 3 * x"
LINE = hrd.Box(x=(0, 1))


@pytest.mark.parametrize(("D", "dt"), [(JUMP, 2e-4), (JUMP, 1e-2), (SLOPE, 2e-3)])
def test_a_uniform_state_of_particles_stays_uniform(D, dt):
    A, n = hrd.Species("A", D=D), 100_000
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=20, initial={A: hrd.Copies(n)}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=1)
    simulation.step(10)
    counts = simulation.concentration[0] / 20
    assert ((counts - n / 20) ** 2).sum() / (n / 20) < 19 + 4.5 * np.sqrt(2 * 19)


@pytest.mark.parametrize(("D", "dt"), [(JUMP, 1e-2), (SLOPE, 2e-3)], ids=["jump", "slope"])
def test_particles_spread_as_the_pde_says(D, dt):
    A, n, until = hrd.Species("A", D=D), 50_000, 0.1
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=20, initial={A: hrd.Copies(n, x=(0, 0.2))}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=2)
    simulation.step(round(until / dt))
    fine = hrd.mean_field(system.replace(cells=200), dt=1e-3, until=until, every=until)
    expected = fine["concentration"].isel(time=-1).values.ravel().reshape(20, 10).mean(1) / 20
    counts = simulation.concentration[0] / 20
    far = expected[10:].sum()
    assert counts[10:].sum() == pytest.approx(far, rel=4.5 / np.sqrt(far) + 0.005)


@pytest.mark.parametrize(
    ("D", "fluctuations", "dt"),
    [(JUMP, None, 4e-4), (JUMP, "discrete", 1e-4), (SLOPE, None, 1e-4), (SLOPE, "discrete", 4e-4)],
)
def test_a_uniform_state_stays_uniform_across_the_plane(D, fluctuations, dt):
    A = hrd.Species("A", D=D)
    system = hrd.System(
        species=[A], domain=LINE, particles=hrd.Box(x=(0, 0.5)), cells=20, initial={A: 4e4},
        fluctuations=fluctuations,
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=dt, seed=3)
    total = simulation.total.copy()
    simulation.step(round(0.02 / dt))
    np.testing.assert_allclose(simulation.total, total, rtol=1e-9)
    counts = simulation.concentration[0] / 20
    assert (np.abs(counts - 2000) < 4.5 * np.sqrt(2000)).all()
    assert abs(int(simulation.copy_number[0]) - 2e4) < 4.5 * np.sqrt(1e4)


def test_a_steady_flux_through_a_jump_is_that_of_two_resistances():
    A = hrd.Species("A", D=JUMP)
    walls = {"x-": hrd.Reservoir({A: 0.0}), "x+": hrd.Reservoir({A: 1.0})}
    slab = hrd.System(species=[A], domain=LINE, cells=20, walls=walls)
    end = hrd.mean_field(slab, dt=0.1, until=60.0, every=60.0).isel(time=-1)
    x = end["x"].values
    flux = 1.0 / (0.5 / 1.0 + 0.5 / 0.1)
    exact = np.where(x < 0.5, flux * x, 1.0 - flux * (1.0 - x) / 0.1)
    np.testing.assert_allclose(end["concentration"].values.ravel(), exact, rtol=1e-9)
    flows = hrd.theory.moments.linear_moments(slab.replace(cells=4), voxels=4, times=[0.0, 60.0])
    x = (np.arange(4) + 0.5) / 4
    exact = np.where(x < 0.5, flux * x, 1.0 - flux * (1.0 - x) / 0.1)
    np.testing.assert_allclose(flows["mean"].isel(time=-1).values.ravel(), exact, rtol=1e-6)


@pytest.mark.parametrize("dt", [1e-3, 5e-3])
def test_boltzmann_holds_with_a_potential_too(dt):
    A, n = hrd.Species("A", D=SLOPE, potential=lambda x: 4.0 * x), 100_000
    x = -np.log1p(-np.random.default_rng(5).random(n) * -np.expm1(-4.0)) / 4.0
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=20, initial={A: hrd.Points(x[:, None])}
    )
    simulation = hrd.Simulation(system, dt=dt, seed=2)
    simulation.step(20)
    edges = np.linspace(0, 1, 21)
    expected = n * np.diff(np.expm1(-4 * edges)) / np.expm1(-4.0)
    assert (np.abs(simulation.concentration[0] / 20 - expected) < 4.5 * np.sqrt(expected)).all()


def test_two_dimensions_with_a_coefficient_of_both_coordinates():
    A = hrd.Species("A", D=lambda x, y: 0.2 + x * y + (y > 0.6))
    box = hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(
        species=[A], domain=box, particles=hrd.Box(x=(0.2, 0.8), y=(0.0, 0.5)), cells=10,
        initial={A: 1e5}, walls={"x": hrd.Periodic()},
    )  # fmt: skip
    simulation = hrd.Simulation(system, dt=1e-3, seed=4)
    total = simulation.total.copy()
    simulation.step(50)
    np.testing.assert_allclose(simulation.total, total, rtol=1e-9)
    assert int(simulation.copy_number[0]) == pytest.approx(3e4, rel=4.5 / np.sqrt(3e4))


def test_what_cannot_be_is_refused_by_name():
    zero = hrd.Species("A", D=lambda x: np.where(x < 0.1, 0.0, 1.0))
    still = hrd.System(species=[zero], domain=LINE, cells=10)
    with pytest.raises(ModelError, match=r"species A: D: the function gives 0 at x=0\.05"):
        hrd.mean_field(still, dt=0.1, until=0.1)
    with pytest.raises(ModelError, match="takes y"):
        hrd.System(species=[hrd.Species("A", D="1 + y")], domain=LINE)
    with pytest.raises(ModelError, match="function of time"):
        hrd.Species("A", D="1 + t")
    A = hrd.Species("A", D=SLOPE)
    pure = hrd.System(species=[A], domain=LINE, particles=LINE, cells=10)
    for change, what in [
        (
            {"walls": {"x-": hrd.Reservoir({A: 1.0})}, "interface": hrd.ExactPlane()},
            "arrivals through x- are known for one D alone",
        ),
        ({"walls": {"x-": hrd.Influx({A: 1.0})}}, "its D depends on the place"),
    ]:
        with pytest.raises(ModelError, match=what):
            hrd.Simulation(pure.replace(**change), dt=1e-4)


def test_a_coefficient_is_written_to_a_file_and_read_again():
    system = hrd.System(species=[hrd.Species("A", D=JUMP)], domain=LINE)
    again = hrd.System.from_dict(system.to_dict())
    assert again.species == system.species
    assert system.to_dict()["species"][0]["D"] == JUMP
