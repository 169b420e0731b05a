"""The PDE of a ball shell: matrix by hand, FiPy's own solve, order, conservation, fluxes."""

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.continuum.conditions import Dirichlet, NoFlux, Robin
from hybridrd.continuum.fipy_solver import FipyStepper, assemble, build_mesh
from hybridrd.continuum.solvers import make_solver
from hybridrd.continuum.spherical import SphericalDiffusion
from hybridrd.errors import ModelError
from hybridrd.model.shell import ShellGrid
from hybridrd.theory import smoluchowski

A = hrd.Species("A", D=1.0)
GRID = ShellGrid((1.0,), (3.0,), (8,))
D, TAU = 0.8, 0.3
WALLS = {"closed": NoFlux(), "held": Dirichlet(), "partial": Robin(0.7)}


def by_hand(walls, cut=None):
    """Volume/tau I + K: spheres between cells, half cells in series with the walls."""
    h, n = GRID.spacing[0], GRID.cells
    out = np.zeros(n, bool) if cut is None else cut
    matrix = np.diag(4 / 3 * math.pi * np.diff(GRID.edges(0) ** 3) / TAU)
    for i in range(n - 1):
        if not (out[i] or out[i + 1]):
            g = D * 4 * math.pi * (1.0 + (i + 1) * h) ** 2 / h
            matrix[[i, i + 1], [i, i + 1]] += g
            matrix[[i, i + 1], [i + 1, i]] -= g
    for (i, a), wall in zip(((0, 1.0), (n - 1, 3.0)), walls, strict=True):
        if out[i] or isinstance(wall, NoFlux):
            continue
        resistance = h / (2 * D) + (1 / wall.kappa if isinstance(wall, Robin) else 0.0)
        matrix[i, i] += 4 * math.pi * a**2 / resistance
    return matrix[~out][:, ~out]


@pytest.mark.parametrize("inner", WALLS)
@pytest.mark.parametrize("outer", WALLS)
def test_the_matrix_is_that_of_concentric_cells(inner, outer):
    walls = {"x-": WALLS[inner], "x+": WALLS[outer]}
    for cut in (None, np.arange(8) < 3):
        system = assemble(GRID, D, TAU, walls, cut)
        expected = by_hand(walls.values(), cut)
        assert np.abs(system.matrix.toarray() - expected).max() <= 1e-13 * expected.max()
        # Rows without walls sum to volume/tau: nothing is lost between cells.
        volume = GRID.volumes if cut is None else GRID.volumes[~cut]
        np.testing.assert_allclose(system.volume, volume, rtol=1e-13)
        assert make_solver(system, GRID, walls).name == "tridiagonal"


def test_a_step_is_fipys_own():
    walls = {"x-": Robin(0.7), "x+": Dirichlet()}
    system = assemble(GRID, D, TAU, walls)
    u = np.linspace(1.0, 2.0, 8)
    fipy = FipyStepper(GRID, D, TAU, walls).advance(u, {"x+": 3.0})
    rhs = u * system.volume / TAU
    rhs[-1] += system.inflow["x+"].coefficient[0] * 3.0
    fast = make_solver(system, GRID, walls).solve(rhs)
    np.testing.assert_allclose(fast, fipy, rtol=1e-9)
    with pytest.raises(ModelError, match="transform"):
        make_solver(system, GRID, walls, kind="transform")


def test_volumes_are_exact():
    """FiPy's own, ``r² h`` per steradian, are short of them by ``h³/12``."""
    mesh = build_mesh(GRID, {"x-": NoFlux(), "x+": NoFlux()})
    exact = np.diff(GRID.edges(0) ** 3) / 3
    np.testing.assert_allclose(exact - mesh.cellVolumes, 0.25**3 / 12, rtol=1e-9)
    np.testing.assert_allclose(GRID.volumes, 4 * math.pi * exact, rtol=1e-13)


def smoluchowski_system(R, kappa, cells, **changes):
    fields = {
        "species": [A],
        "domain": hrd.Shell(inner=1.0, outer=R),
        "walls": {"inner": hrd.PartiallyAbsorbing(kappa), "outer": hrd.Reservoir({A: 1.0})},
        "initial": {A: 1.0},
        "cells": cells,
    }
    return hrd.System(**{**fields, **changes})


def test_second_order_in_space_and_time():
    """Against the series of the shell, h and dt halved together."""
    errors = []
    for cells in (20, 40, 80):
        system = smoluchowski_system(3.0, 20.0, cells)
        pde = hrd.mean_field(system, dt=0.8 / cells, until=0.4, every=0.4)
        r = pde["r"].values
        exact = smoluchowski.shell_profile(r, 0.4, D=1.0, sigma=1.0, kappa=20.0, R=3.0)
        errors.append(np.abs(pde["concentration"].values[-1, 0] - exact).max())
    assert errors[0] < 2e-3
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (np.abs(orders - 2) < 0.15).all(), errors


@pytest.mark.parametrize("kappa", [2.0, 20.0, 2000.0])
def test_steady_flux_through_both_spheres(kappa):
    system = smoluchowski_system(2.0, kappa, 200)
    pde = hrd.mean_field(system, dt=0.01, until=5.0, every=2.5)
    J = smoluchowski.rate(D=1.0, sigma=1.0, kappa=kappa, R=2.0)
    flux = pde["flux"].sel(species="A").isel(time=-1)
    assert float(flux.sel(face="inner")) == pytest.approx(J, rel=1e-4)
    assert float(flux.sel(face="outer")) == pytest.approx(-J, rel=1e-4)
    r = pde["r"].values
    c = smoluchowski.profile(r, D=1.0, sigma=1.0, kappa=kappa, R=2.0)
    np.testing.assert_allclose(pde["concentration"].values[-1, 0], c, atol=2e-5)


def test_an_absorbing_sphere_is_the_limit_of_large_kappa():
    walls = {"inner": hrd.Absorbing(), "outer": hrd.Reservoir({A: 1.0})}
    pde = hrd.mean_field(smoluchowski_system(3.0, 0.0, 200, walls=walls), 0.02, 10.0, 5.0)
    J = smoluchowski.rate(D=1.0, sigma=1.0, kappa=math.inf, R=3.0)
    assert float(pde["flux"].sel(face="inner")[-1, 0]) == pytest.approx(J, rel=2e-4)


def test_rate_after_a_uniform_start_in_a_large_shell():
    """Collins and Kimball's k(t), while the reservoir is far beyond sqrt(D t)."""
    kappa = 20.0
    pde = hrd.mean_field(smoluchowski_system(16.0, kappa, 1500), dt=5e-3, until=3.0, every=0.05)
    t = 0.5 * (pde["time"].values[1:] + pde["time"].values[:-1])
    k = pde["flux"].sel(species="A", face="inner").values[1:]
    expected = smoluchowski.collins_kimball(t, D=1.0, sigma=1.0, kappa=kappa)
    # Records are means over 0.05; the curvature of k over that time matters at first only.
    np.testing.assert_allclose(k[4:], expected[4:], rtol=1e-3)


def test_a_closed_shell_keeps_its_amount():
    walls = {"inner": hrd.Reflecting()}
    start = {A: lambda r: np.where(r < 1.5, 1.0, 0.0)}
    pde = hrd.mean_field(
        smoluchowski_system(3.0, 0.0, 60, walls=walls, initial=start), 0.02, 10.0, 1.0
    )
    total = pde["total"].values[:, 0]
    np.testing.assert_allclose(total, total[0], rtol=1e-13)
    final = pde["concentration"].values[-1, 0]
    np.testing.assert_allclose(final, total[0] / (4 / 3 * math.pi * 26), rtol=1e-12)


def test_influx_and_decay_balance():
    """Influx J at the outer sphere, decay k everywhere: the amount is 4 pi R² J/k in the end."""
    system = hrd.System(
        species=[A],
        domain=hrd.Shell(inner=1.0, outer=2.0),
        walls={"outer": hrd.Influx({A: 3.0})},
        reactions=[hrd.Reaction("A -> 0", k=2.0)],
    )
    pde = hrd.mean_field(system, dt=0.01, until=12.0, every=6.0)
    assert float(pde["total"][-1, 0]) == pytest.approx(4 * math.pi * 4 * 3 / 2, rel=1e-4)
    assert float(pde["flux"].sel(face="outer")[-1, 0]) == pytest.approx(-16 * math.pi * 3)


def test_rates_and_sources_that_depend_on_r():
    """``0 -> A`` with rate r in a closed shell: the amount grows by the integral of r."""
    system = hrd.System(
        species=[A],
        domain=hrd.Shell(inner=1.0, outer=2.0),
        cells=50,
        reactions=[hrd.Reaction("0 -> A", k=lambda r: r)],
    )
    pde = hrd.mean_field(system, dt=0.01, until=1.0, every=1.0)
    assert float(pde["total"][-1, 0]) == pytest.approx(math.pi * (2**4 - 1), rel=1e-4)


def test_pairs_react_in_the_pde_alone():
    """``2 A -> 0`` from a uniform state: ``c = c0/(1 + k c0 t)``, k of three dimensions."""
    system = hrd.System(
        species=[A],
        domain=hrd.Shell(inner=1.0, outer=2.0),
        cells=20,
        reactions=[hrd.Reaction("2 A -> 0", lambda0=3.0, radius=0.1)],
        initial={A: 5.0},
    )
    pde = hrd.mean_field(system, dt=0.01, until=1.0, every=1.0)
    k = 4 / 3 * math.pi * 0.1**3 * 3.0
    np.testing.assert_allclose(pde["concentration"][-1], 5 / (1 + 5 * k), rtol=1e-7)


def test_copies_and_points_keep_their_number():
    system = smoluchowski_system(
        3.0, 0.0, 40, walls={}, initial={A: [hrd.Copies(70), hrd.Points([1.01, 2.5, 2.99])]}
    )
    pde = hrd.mean_field(system, dt=0.1, until=0.1)
    np.testing.assert_allclose(pde["total"], 73.0, rtol=1e-13)
    spread = pde["concentration"].values[0, 0]
    alone = system.replace(initial={A: hrd.Copies(70)})
    even = hrd.mean_field(alone, dt=0.1, until=0.1)["concentration"].values[0, 0]
    np.testing.assert_allclose(even, 70 / (4 / 3 * math.pi * 26), rtol=1e-12)
    assert spread.sum() > even.sum()


def test_fluxes_of_the_last_step():
    """Between held spheres the steady flux ``4 pi D/(1/a - 1/b)`` passes every sphere of cells."""
    grid = ShellGrid((1.0,), (2.0,), (40,))
    shell = SphericalDiffusion(grid, 1.0, 0.05, {"x-": Dirichlet(), "x+": Dirichlet()})
    u = np.zeros(40)
    for _ in range(100):
        u = shell.step(u, values={"x-": 1.0, "x+": 0.0})
    for index in (0, 7, 40):
        assert shell.plane_flux(0, index)[0] == pytest.approx(8 * math.pi, rel=3e-4)
    still = SphericalDiffusion(grid, 0.0, 0.05)
    assert (still.step(u) == u).all()
    assert still.plane_flux(0, 3)[0] == 0.0
