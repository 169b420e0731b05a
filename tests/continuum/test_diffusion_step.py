"""The diffusion step: FiPy stage by stage, order, conservation, positivity, fluxes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hybridrd.continuum.cache import SolverCache
from hybridrd.continuum.conditions import Dirichlet, PeriodicWall, Robin
from hybridrd.continuum.diffusion import Diffusion, G
from hybridrd.continuum.fipy_solver import FipyStepper
from hybridrd.errors import ModelError, StepError
from hybridrd.model.grid import Grid

HELD, ABSORB, JOINED = Dirichlet(), Robin(0.6), PeriodicWall()
LINE = Grid((0.0,), (1.0,), (50,))
SQUARE = Grid((0.0, -1.0), (2.0, 0.5), (16, 12))
CUBE = Grid((0.0, 0.0, 0.0), (1.0, 1.2, 0.9), (6, 5, 7))


def region(grid: Grid, *slices: slice) -> np.ndarray:
    inside = np.zeros(grid.shape, dtype=bool)
    inside[slices] = True
    return grid.flatten(inside)


CASES = {
    "line, closed": (LINE, {}, None),
    "line, held and absorbing": (LINE, {"x-": HELD, "x+": ABSORB}, None),
    "ring": (LINE, {"x-": JOINED, "x+": JOINED}, None),
    "square, slab cut off": (SQUARE, {"x+": HELD}, region(SQUARE, slice(0, 8))),
    "square, box in box": (
        SQUARE,
        {"y-": JOINED, "y+": JOINED, "x+": ABSORB},
        region(SQUARE, slice(4, 9), slice(3, 8)),
    ),
    "cube": (CUBE, {"x-": HELD, "z+": HELD}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_two_of_fipys(name):
    grid, walls, cut = CASES[name]
    dt, rng = 0.01, np.random.default_rng(2)
    ours = Diffusion(grid, 0.7, dt, walls, cut)
    u = 10.0 + rng.uniform(0.0, 1.0, len(ours.active))
    source = rng.uniform(-0.1, 0.1, len(u))
    values = {w: 10.0 for w, c in walls.items() if c == HELD}
    fipy = FipyStepper(grid, 0.7, G * dt, walls, cut)
    first = fipy.advance(u + G * source, values)
    second = fipy.advance(u + (1 / G - 1) * (first - u) + G * source, values)
    result = ours.step(u, source, values)
    assert ours.fallbacks == 0
    np.testing.assert_allclose(result, second, rtol=1e-12)
    euler = FipyStepper(grid, 0.7, dt, walls, cut).advance(u + source, values)
    np.testing.assert_allclose(ours.backward_euler(u, source, values), euler, rtol=1e-12)
    by_fipy = Diffusion(grid, 0.7, dt, walls, cut, solver="fipy")
    assert by_fipy.name == "fipy"
    np.testing.assert_allclose(by_fipy.step(u, source, values), result, rtol=1e-12)


def test_order_two_in_time():
    """A cosine mode decays with exp(-D Lambda t), Lambda the eigenvalue of the cells."""
    mode = np.cos(3 * np.pi * LINE.centers(0))
    Lambda = 4 / LINE.spacing[0] ** 2 * math.sin(1.5 * np.pi * LINE.spacing[0]) ** 2
    exact = 2.0 + mode * math.exp(-Lambda * 0.02)
    errors = []
    for steps in (4, 8, 16, 32):
        line = Diffusion(LINE, 1.0, 0.02 / steps, {})
        u = 2.0 + mode
        for _ in range(steps):
            u = line.step(u)
        errors.append(np.abs(u - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders[1:] - 2.0) < 0.15), orders
    assert errors[-1] < 1e-3


def test_order_two_in_space():
    """A sine mode between a held and a closed wall, against the exact solution of the PDE."""
    errors = []
    for n in (10, 20, 40):
        grid = Grid((0.0,), (1.0,), (n,))
        line = Diffusion(grid, 1.0, 1e-3, {"x-": HELD})
        q, x = 1.5 * np.pi, grid.centers(0)
        u = 5.0 + np.sin(q * x)
        for _ in range(20):
            u = line.step(u, values={"x-": 5.0})
        errors.append(np.abs(u - 5.0 - np.sin(q * x) * math.exp(-(q**2) * 0.02)).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 2.0) < 0.1), orders


def test_order_two_with_a_source():
    """u_t = D u_xx + s cos: exact for a mode with a steady source, to second order in dt."""
    mode = np.cos(np.pi * LINE.centers(0))
    Lambda = 4 / LINE.spacing[0] ** 2 * math.sin(0.5 * np.pi * LINE.spacing[0]) ** 2
    exact = 3.0 + 2.0 * mode / Lambda * (1 - math.exp(-Lambda * 0.1))
    errors = []
    for steps in (5, 10, 20):
        line = Diffusion(LINE, 1.0, 0.1 / steps, {})
        u = np.full(50, 3.0)
        for _ in range(steps):
            u = line.step(u, source=2.0 * mode * 0.1 / steps)
        errors.append(np.abs(u - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 2.0) < 0.15), orders


def test_mass_is_constant_over_1e5_steps():
    grid = Grid((0.0,), (1.0,), (20,))
    line = Diffusion(grid, 1.0, 1e-4, {})
    rng = np.random.default_rng(4)
    u = rng.uniform(0.0, 3.0, 20)
    swap = np.zeros(20)
    start = math.fsum(u)
    for step in range(100_000):
        if step % 10 == 0:  # keep it moving: an exchange between two cells
            swap[:] = 0.0
            swap[step % 19] += 0.1
            swap[-1 - step % 13] -= 0.1
            u = line.step(u, source=swap)
        else:
            u = line.step(u)
    assert abs(math.fsum(u) / start - 1.0) < 1e-12
    assert line.fallbacks == 0


@pytest.mark.parametrize("solver", ["tridiagonal", "transform", "chebyshev", "splu", "cg", "fipy"])
def test_one_step_conserves_mass_to_round_off(solver):
    line = Diffusion(LINE, 1.0, 0.3, {}, solver=solver)
    u = np.random.default_rng(1).uniform(1.0, 2.0, 50)
    for _ in range(5):
        new = line.step(u)
        assert abs(math.fsum(new) / math.fsum(u) - 1.0) < 2e-15
        u = new


@pytest.mark.parametrize("alpha", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("grid", [LINE, Grid((0.0, 0.0), (1.0, 1.0), (20, 20))])
def test_sharp_patches_stay_positive(alpha, grid):
    """A patch of one cell; the second-order step undershoots it, Euler must take over."""
    dt = alpha * grid.spacing[0] ** 2
    diffusion = Diffusion(grid, 1.0, dt, {})
    u = np.zeros(grid.cells)
    u[grid.cells // 2] = 1000.0
    for _ in range(20):
        u = diffusion.step(u)
        assert u.min() >= 0.0
        assert abs(u.sum() / 1000.0 - 1.0) < 1e-14
    assert (diffusion.fallbacks > 0) == (alpha > 1.0)
    assert diffusion.fallbacks < 20


def test_a_fallback_is_one_euler_step_of_fipy():
    dt = 20.0 * LINE.spacing[0] ** 2
    line = Diffusion(LINE, 1.0, dt, {"x-": HELD})
    u = np.zeros(50)
    u[25] = 1.0
    result = line.step(u, values={"x-": 0.5})
    assert line.fallbacks == 1
    truth = FipyStepper(LINE, 1.0, dt, {"x-": HELD}).advance(u, {"x-": 0.5})
    np.testing.assert_allclose(result, truth, rtol=1e-11)


def test_round_off_below_zero_is_removed_without_loss():
    """Cosine transforms leave +-1e-16 of the maximum where the exact solution is smaller."""
    grid = Grid((0.0, 0.0), (1.0, 1.0), (60, 60))
    square = Diffusion(grid, 1.0, 0.2 * grid.spacing[0] ** 2, {}, solver="transform")
    u = np.zeros(grid.cells)
    u[: grid.cells // 12] = 1e6
    raw = square._stage[1].solve(u)
    assert raw.min() < 0.0  # what is to be removed is there
    new = square.step(u)
    assert new.min() == 0.0
    assert abs(math.fsum(new) / math.fsum(u) - 1.0) < 1e-15
    assert square.fallbacks == 0


def test_steady_states_of_held_and_absorbing_walls():
    """Straight lines, on which finite volumes are exact; the flux is the same at both ends."""
    D, kappa, c = 0.8, 0.7, 3.0
    grid = Grid((0.0,), (2.0,), (9,))
    line = Diffusion(grid, D, 5.0, {"x-": HELD, "x+": Robin(kappa)})
    u = np.zeros(9)
    for _ in range(60):
        u = line.step(u, values={"x-": c})
    flux = c / (1 / kappa + 2.0 / D)
    np.testing.assert_allclose(u, c - flux / D * grid.centers(0), rtol=1e-12)
    np.testing.assert_allclose(line.last_flux["x-"], -flux, rtol=1e-12)
    np.testing.assert_allclose(line.last_flux["x+"], flux, rtol=1e-12)
    for face in range(10):
        np.testing.assert_allclose(line.plane_flux(0, face), flux, rtol=1e-11)


@pytest.mark.parametrize("dt", [1e-4, 3e-3, 0.2])
@pytest.mark.parametrize("walls", [{}, {"x-": HELD, "x+": ABSORB, "y-": HELD}])
def test_fluxes_account_for_every_change(dt, walls):
    """Cell by cell: new - old - source = dt (what came in - what left), walls included."""
    grid = SQUARE
    square = Diffusion(grid, 0.5, dt, walls)
    rng = np.random.default_rng(8)
    u = rng.uniform(1.0, 1.1, grid.cells)
    u[70] = 100.0
    source = rng.uniform(0.0, 0.1, grid.cells)
    values = {"x-": rng.uniform(0.0, 2.0, 12), "y-": 1.5} if walls else None
    new = square.step(u, source, values)
    change = np.zeros(grid.shape)
    for axis, n in enumerate(grid.shape):
        through = np.stack([square.plane_flux(axis, face) for face in range(n + 1)], axis=axis)
        change -= dt * np.diff(through, axis=axis)
    np.testing.assert_allclose(grid.unflatten(new - u - source) * grid.volume, change, atol=1e-13)
    for wall, flux in square.last_flux.items():
        axis = "xy".index(wall[0])
        face, sign = (0, -1.0) if wall[1] == "-" else (grid.shape[axis], 1.0)
        assert (square.plane_flux(axis, face) == sign * flux).all()
    assert (square.fallbacks > 0) == (dt == 0.2)


def test_plane_flux_runs_around_a_ring_and_stops_at_what_is_cut_off():
    ring = Diffusion(LINE, 0.5, 1e-3, {"x-": JOINED, "x+": JOINED})
    u = np.linspace(1.0, 2.0, 50)
    new = ring.step(u)
    flux = np.array([ring.plane_flux(0, f)[0] for f in range(51)])
    assert flux[0] == flux[50] > 0
    np.testing.assert_allclose((new - u) * LINE.volume, -1e-3 * np.diff(flux), atol=1e-14)
    half = Diffusion(LINE, 0.5, 1e-3, {}, cut=region(LINE, slice(0, 20)))
    half.step(np.linspace(1.0, 2.0, 30))
    assert half.plane_flux(0, 20) == 0.0
    assert half.plane_flux(0, 5) == 0.0
    assert half.plane_flux(0, 21) < 0.0


def test_without_diffusion_only_sources_act():
    still = Diffusion(LINE, 0.0, 0.1, {"x+": HELD})
    u = np.arange(50.0)
    assert (still.step(u, source=np.ones(50)) == u + 1.0).all()
    assert (still.backward_euler(u) == u).all()
    assert still.name == "none"
    assert still.plane_flux(0, 3) == 0.0
    assert still.last_flux["x+"] == 0.0


def test_species_share_their_systems():
    cache = SolverCache()
    cut = region(LINE, slice(0, 10))
    a = Diffusion(LINE, 1.0, 0.1, {}, cut, cache=cache)
    b = Diffusion(LINE, 1.0, 0.1, {}, cut.copy(), cache=cache)
    assert a._stage is b._stage
    Diffusion(LINE, 1.0, 0.1, {}, region(LINE, slice(0, 11)), cache=cache)
    Diffusion(LINE, 2.0, 0.1, {}, cut, cache=cache)
    Diffusion(LINE, 1.0, 0.1, {"x+": HELD}, cut, cache=cache)
    assert len(cache) == 4


def test_the_input_is_left_alone():
    line = Diffusion(LINE, 1.0, 0.1, {"x+": HELD})
    u, source, held = np.full(50, 2.0), np.full(50, 0.5), np.array([1.0])
    new = line.step(u, source, {"x+": held})
    flux = line.last_flux["x+"].copy()
    new[:] = 0.0
    held[:] = 7.0
    assert (u == 2.0).all()
    assert (source == 0.5).all()
    assert (line.last_flux["x+"] == flux).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Diffusion(LINE, -1.0, 0.1), ModelError, "coefficient is -1.0"),
        (lambda: Diffusion(LINE, 1.0, 0.0), ModelError, "time step is 0.0"),
        (lambda: Diffusion(LINE, 1.0, 0.1, {"x-": HELD}).step(np.ones(50)), ModelError, "x- needs"),
        (
            lambda: Diffusion(SQUARE, 1.0, 0.1, {"x-": HELD}).step(
                np.ones(192), values={"x-": np.ones(16)}
            ),
            ModelError,
            r"12 face cells; its values have shape \(16,\)",
        ),
        (
            lambda: Diffusion(LINE, 1.0, 0.1).step(np.full(50, np.nan)),
            StepError,
            "of 50 cells 50 were",
        ),
        (lambda: Diffusion(LINE, 1.0, 0.1).plane_flux(0, 3), StepError, "no step"),
        (lambda: Diffusion(LINE, 1.0, 0.1).plane_flux(0, 51), ModelError, "0 to 50"),
    ],
)
def test_what_cannot_be_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()
