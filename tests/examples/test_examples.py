"""The published cases: parameters, masses, and the particle numbers of their exact PDE."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.examples import CASES
from hybridrd.particles.initial_state import mean_concentration
from hybridrd.simulation.mean_field import mean_field
from hybridrd.simulation.plan import compile_system

# Amounts at time 0: concentration times area, by hand; of the stripe, 250000 * 2 * 0.5 times the
# integral of |sin(2 pi y/10)| over (0, 10), which is 10 * 2/pi.
MASSES = {
    "diffusion": [250_000 * 10 * 2 / np.pi],
    "proliferation": [50 * 2 * 2],
    "lotka-volterra": [2000 * 0.5 * 3, 1300 * 0.5 * 1],
    "sir": [7000 * 3, 800 * 2 * np.pi * 0.25, 0],
}
PUBLISHED = {  # edge, cells, D, rates, dt, end
    "diffusion": (10, 200, [3.0], [], 0.002, 1),
    "proliferation": (12, 240, [0.5], [0.1], 0.01, 10),
    "lotka-volterra": (10, 200, [0.3, 0.3], [0.15, 0.01, 0.3], 0.0025, 2.5),
    "sir": (10, 200, [0.8] * 3, [0.015, 0.5], 0.005, 1.5),
}


def test_these_are_the_cases():
    assert list(CASES) == [*MASSES, "smoluchowski", "brusselator", "schnakenberg", "gray-scott"]


@pytest.mark.parametrize("name", MASSES)
def test_masses_lie_in_the_continuum(name):
    system = CASES[name].system()
    grid = system.grid
    left = grid.coordinates()["x"] < system.particles.x[1]
    for s, mass in enumerate(MASSES[name]):
        c = mean_concentration(system, s)
        assert c[left].sum() == 0
        assert c.sum() * grid.volume == pytest.approx(mass, rel=1e-4)


@pytest.mark.parametrize("name", MASSES)
def test_parameters_are_the_published_ones(name):
    edge, cells, D, rates, dt, end = PUBLISHED[name]
    case = CASES[name]
    system = case.system()
    assert system.domain == hrd.Box(x=(0, edge), y=(0, edge))
    assert system.particles == hrd.Box(x=(0, edge / 2), y=(0, edge))
    assert system.cells == (cells, cells)
    assert system.coupling == "mean-field"
    assert not system.walls
    assert [s.D for s in system.species] == D
    assert [r.k for r in system.reactions] == rates
    assert {r.radius for r in system.reactions if r.order == 2} <= {0.01}
    assert (case.dt, case.until) == (dt, end)


@pytest.mark.parametrize("name", CASES)
def test_defaults_of_the_run_fit_each_other(name):
    case = CASES[name]
    records = case.until / case.every
    assert records == pytest.approx(round(records))
    assert case.every / case.dt == pytest.approx(round(case.every / case.dt))
    for time in case.times:
        assert 0 < time <= case.until
        assert time / case.every == pytest.approx(round(time / case.every))
    compile_system(case.system(), case.dt)  # a warning would be an error here


@pytest.mark.parametrize("name", CASES)
def test_fields_can_be_changed(name):
    changed = CASES[name].system(cells=21, particles=None, interface=hrd.ExactPlane())
    assert set(changed.cells) == {21}
    assert changed.particles is None
    assert changed.interface == hrd.ExactPlane()
    with pytest.raises(hrd.ModelError, match="no field couplin"):
        CASES[name].system(couplin="two-way")


@pytest.mark.parametrize("name", CASES)
def test_systems_reach_other_processes(name):
    system = CASES[name].system(cells=20)
    assert pickle.loads(pickle.dumps(system)) == system


def test_sir_has_the_particle_numbers_of_the_exact_pde():
    """Numbers of S, I, R in the left half at t = 0.5, from a converged solution."""
    pde = mean_field(hrd.examples.sir(), dt=0.005, until=0.5, every=0.5)
    found = pde["copy_number"].sel(time=0.5).values
    np.testing.assert_allclose(found, [1805, 3216, 545], rtol=5e-3)


def test_examples_stay_functions_beside_the_modules_of_their_names():
    code = (
        "import sys, hybridrd; cases = hybridrd.examples.CASES; "
        "heavy = {'scipy', 'numba', 'fipy', 'xarray', 'matplotlib', 'pydantic'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        "import hybridrd.examples.sir; hybridrd.examples.sir(cells=20)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
