"""Offsets of c_R: measured fluxes against each scheme's offset, and orders of convergence."""

import math
import warnings

import numpy as np
import pytest
from support.one_step import Slab
from support.sampling import sample

import hybridrd as hrd
from hybridrd.errors import AccuracyWarning

A = hrd.Species("A", D=1.0)
LENGTH = 4.0


def gradient(scheme, c, width, length=LENGTH, **more):
    """Absorbing at 0, reservoir at ``length``, periodic along y; starts near its steady state."""
    domain = hrd.Box(x=(0, length), y=(0, width))
    return hrd.System(
        species=[A], domain=domain, cells=(round(4 * length), 1), interface=scheme,
        walls={"x-": hrd.Absorbing(), "x+": hrd.Reservoir({A: c}), "y": hrd.Periodic()},
        initial={A: lambda x: c * x / length}, **more,
    )  # fmt: skip


def arrivals_at_0(system, dt, steps, seed):
    """Particles absorbed at 0 in ``steps - 1`` steps, after three relaxation times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # alpha above 0.5 is on purpose
        sim = hrd.Simulation(system, dt=dt, seed=seed)
    region = system.particles.intervals[0][1]
    warm = math.ceil(3 * 4 * region**2 / math.pi**2 / dt)
    n = sample(sim, lambda s: s.crossings[0, 0], warm, steps, 1)
    return n[-1] - n[0]


@pytest.mark.parametrize(
    ("scheme", "alpha", "steps"),
    [
        (hrd.Layer(width=1.0), 0.1, 600),
        (hrd.Layer(width=1.0), 0.5, 300),
        (hrd.Layer(width=1.0), 1.0, 150),
        (hrd.CalibratedLayer(width=1.0), 0.1, 600),
        (hrd.CalibratedLayer(width=1.0), 0.5, 300),
        (hrd.CalibratedLayer(width=1.0), 1.0, 150),
        (hrd.CalibratedLayer(width=1.0, offset=0.5), 0.5, 300),
        (hrd.ExactPlane(), 0.1, 600),
        (hrd.ExactPlane(), 0.5, 300),
    ],
    ids=repr,
)
def test_flux_has_the_offset(scheme, alpha, steps):
    """Flux c_R D/(L + delta); what a wall absorbs in a steady state is a Poisson process.

    0.0025 of the flux is 0.01 in delta, of a layer that is 1 wide.
    """
    c, width = 200.0, 50.0
    system = gradient(scheme, c, width, particles=hrd.Box(x=(0, LENGTH), y=(0, width)))
    n = arrivals_at_0(system, alpha, steps + 1, seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        offset = scheme.numbers(1.0, alpha, "wall", 0.25, LENGTH, "A").offset
    expected = c * width * steps * alpha / (LENGTH + offset)
    assert expected > 3e4
    assert abs(n - expected) < 4 * math.sqrt(expected)


@pytest.mark.parametrize("scheme", [None, hrd.CalibratedLayer(width=1.0), hrd.ExactPlane()])
def test_mean_field_window_has_the_flux_of_the_pde(scheme):
    """c_R is read at the offset: the slope beyond the plane goes on within, for each scheme."""
    c, width, steps = 200.0, 50.0, 300
    system = gradient(
        scheme, c, width, 2 * LENGTH, particles=hrd.Box(x=(0, LENGTH), y=(0, width)),
        coupling="mean-field",
    )  # fmt: skip
    n = arrivals_at_0(system, 0.5, steps + 1, seed=4)
    expected = c * width * steps * 0.5 / (2 * LENGTH)
    assert abs(n - expected) < 4 * math.sqrt(expected)


# Orders, from the operator: c = 2 + cos(k x) exp(-k² D t), reflecting at 0, interface at 1.
K, END = 2.0, 0.125


def exact(x, t):
    return 2.0 + np.cos(K * x) * np.exp(-(K**2) * t)


def window_error(numbers, dt, read_at):
    """L1 error of the mean in the window at the end; c_R is the exact c at ``read_at``."""
    twin = Slab(1.0, numbers.spread, breaks=(1.0 - numbers.width,))
    layer = twin.layer(numbers.width, 1)
    n = exact(twin.x, 0.0)
    steps = round(END / dt)
    for k in range(steps):
        # as in the engine: the mean of both ends of the step
        c = 0.5 * (exact(read_at, k * dt) + exact(read_at, (k + 1) * dt))
        n[layer] = numbers.survival * n[layer] + (1 - numbers.survival) * c
        n = twin.matrix @ n
    return twin.w @ np.abs(n - exact(twin.x, steps * dt))


@pytest.mark.parametrize("alpha", [0.1, 0.5])
@pytest.mark.parametrize(
    ("scheme", "at_offset", "low", "high"),
    [
        (hrd.Layer, False, 0.9, 1.2),
        (hrd.Layer, True, 1.9, 2.3),
        (hrd.CalibratedLayer, True, 1.9, 2.3),
    ],
)
def test_order_in_the_width_of_the_layer(scheme, at_offset, low, high, alpha):
    errors = []
    for dx in (1 / 8, 1 / 16, 1 / 32):
        dt = alpha * dx**2
        numbers = scheme(width=dx).numbers(1.0, dt, "mean-field", 0.1, 1.0, "A")
        errors.append(window_error(numbers, dt, 1.0 + (numbers.offset if at_offset else 0.0)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > low) & (orders < high)), (errors, orders)


def test_exact_plane_is_exact_in_the_step():
    """With constant c_R one long step and many short ones are the series of the slab."""
    odd = np.arange(1, 400, 2) * math.pi / 2
    for steps in (1, 4, 16):
        dt = 0.03 / steps  # depth 1 is 4 sqrt(2 D dt) for the longest
        numbers = hrd.ExactPlane().numbers(1.0, dt, "wall", 0.1, 1.0, "A")
        twin = Slab(1.0, numbers.spread, signs=(1, -1))
        arrivals = 1.0 - twin.matrix.sum(axis=1)
        # Number and depths are those that the engine draws.
        assert twin.w @ arrivals == pytest.approx(numbers.arrivals_per_area, rel=1e-6)
        depth = 1.0 - twin.x
        erfc = np.array([math.erfc(d / math.sqrt(4 * dt)) for d in depth])
        assert np.abs(arrivals - erfc).max() < 1e-4
        n = np.zeros_like(twin.x)
        for _ in range(steps):
            n = twin.matrix @ n + arrivals
        modes = 2 * np.sin(odd) / odd * np.cos(odd * twin.x[:, None])
        series = 1.0 - (modes * np.exp(-(odd**2) * 0.03)).sum(axis=1)
        assert np.abs(n - series).max() < 1e-8
