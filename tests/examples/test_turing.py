"""Patterns of reactions of order three, against the linear stability of their uniform states."""

import numpy as np
import pytest
from scipy.fft import dct, dctn
from scipy.linalg import expm

import hybridrd as hrd
from hybridrd.examples import CASES

# Slopes of the reactions' terms by U and V, by hand; diffusion; longest wave that grows fastest.
U0 = (1 - (1 - 4 * 0.117**2 / 0.055) ** 0.5) / 2
V0 = 0.055 * (1 - U0) / 0.117
NETWORKS = {
    "brusselator": ([[6.0, 20.25], [-7.0, -20.25]], (2.0, 16.0), (4.5, 7 / 4.5), 6.89),
    "schnakenberg": ([[0.8, 1.0], [-1.8, -1.0]], (1.0, 20.0), (1.0, 0.9), 12.9),
    "gray-scott": (
        [[-(V0**2) - 0.055, -2 * U0 * V0], [V0**2, 2 * U0 * V0 - 0.117]],
        (0.16, 0.08),
        (U0, V0),
        11.87,
    ),
}


def fastest(slopes, D, q2):
    """Growth rate of the faster of two modes at squared wave numbers."""
    return np.array([np.linalg.eigvals(slopes - k * np.diag(D)).real.max() for k in q2])


@pytest.mark.parametrize("name", NETWORKS)
def test_waves_grow_as_linear_stability_says(name):
    """Each wave on a line of cells, from noise of 1e-6, against the exponential of its matrix."""
    slopes, D, uniform, length = NETWORKS[name]
    case, cells, edge = CASES[name], 64, 6 * length
    noise = 1e-6 * np.random.default_rng(3).uniform(-1, 1, (2, cells))
    system = case.system(
        domain=hrd.Box(x=(0, edge)), cells=cells,
        initial={"U": uniform[0] + noise[0], "V": uniform[1] + noise[1]},
    )  # fmt: skip
    end = 200 * case.dt
    run = hrd.mean_field(system, dt=0.1 * case.dt, until=end, every=end)
    before, after = dct(run["concentration"].values - np.array(uniform)[:, None], norm="ortho")
    h = edge / cells
    q2 = (2 / h * np.sin(np.pi * np.arange(cells) / (2 * cells))) ** 2  # of the second difference
    for mode in range(cells):
        expected = expm((slopes - q2[mode] * np.diag(D)) * end) @ before[:, mode]
        np.testing.assert_allclose(
            after[:, mode], expected, rtol=0, atol=2e-3 * np.abs(after).max()
        )
    # In the continuum the wave that grows fastest is the one that the docstring names.
    q = np.linspace(0.1, 3, 3000) * 2 * np.pi / length
    growth = fastest(slopes, D, q**2)
    assert fastest(slopes, D, [0.0]) < 0 < growth.max()
    assert 2 * np.pi / q[growth.argmax()] == pytest.approx(length, rel=3e-3)


@pytest.mark.validation
@pytest.mark.parametrize("name", NETWORKS)
def test_the_pattern_has_the_wave_number_that_grows_fastest(name):
    case = CASES[name]
    system = case.system()
    run = hrd.mean_field(system, dt=case.dt, until=case.until, every=case.until)
    u = run["concentration"].sel(species="U").values[-1]
    assert u.std() > 0.1 * u.mean()  # a pattern, not what is left of the spots
    power = dctn(u - u.mean()) ** 2
    k = np.arange(len(u))
    q = np.pi / system.domain.x[1] * np.hypot(k[:, None], k)
    mean = float((power * q).sum() / power.sum())
    assert mean == pytest.approx(2 * np.pi / NETWORKS[name][3], rel=0.15)
