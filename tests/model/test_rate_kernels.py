"""Pair rates that depend on distance: their integrals, means over cells, files and refusals."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import dblquad

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.model.voxel_pairs import Reach, kernel_fraction

A = hrd.Species("A", D=0.2)
Gaussian, Ring, Distance = (getattr(hrd.pair_kernels, n) for n in ("Gaussian", "Ring", "Distance"))
PLATE = hrd.Box(x=(0, 1.5), y=(0, 1))


def tent(r):
    return np.maximum(1 - r / 0.3, 0)


def test_integrals_over_space():
    for d in (1, 2, 3):
        assert_allclose(Gaussian(0.2).volume(d), (0.2 * math.sqrt(2 * math.pi)) ** d, rtol=2e-5)
        assert_allclose(Ring(0.0, 0.4).volume(d), hrd.theory.doi.reactive_volume(0.4, d))
        cone = {1: 0.3, 2: math.pi * 0.3**2 / 3, 3: math.pi * 0.3**3 / 3}[d]
        assert_allclose(Distance(tent, 0.3).volume(d), cone, rtol=1e-9)
    reaction = hrd.Reaction("2 A -> 0", lambda0=3.0, kernel=Gaussian(0.2))
    assert_allclose(reaction.macroscopic(2), 3 * 0.04 * 2 * math.pi, rtol=2e-5)
    assert_allclose(hrd.Reaction("2 A -> 0", k=1.0, kernel=Ring(0.1, 0.3)).microscopic(1), 2.5)


@pytest.mark.parametrize("kernel", [Gaussian(0.12), Ring(0.2, 0.45), Distance(tent, 0.3)])
def test_means_over_cells_add_up_to_the_integral(kernel):
    for domain, cells in ((hrd.Box(x=(0, 1.5)), (6,)), (PLATE, (6, 5))):
        grid = domain.grid(cells)
        reach = Reach(grid, kernel.reach, [True] * len(cells),
                      lambda u, h: kernel_fraction(kernel, u, h))  # fmt: skip
        each = np.bincount(reach.first, reach.fraction, grid.cells) * grid.volume
        assert_allclose(each, kernel.volume(len(cells)), rtol=1e-3)  # jumps: 6e-4


def test_two_copies_with_a_gaussian_rate():
    """D = 0, each in its voxel: alive with the mean of the rate over both."""
    still = hrd.Species("A", D=0.0)
    system = hrd.System(
        species=[still], domain=hrd.Box(x=(0, 1)), initial={still: hrd.Points([0.1, 0.6])},
        reactions=[hrd.Reaction("2 A -> 0", lambda0=2.0, kernel=Gaussian(0.3))],
    )  # fmt: skip
    truth = hrd.theory.cdme.solve(system, 2, 2, until=1.0, every=1.0).isel(time=-1)
    mean = dblquad(lambda y, x: math.exp(-((x - y) ** 2) / 0.18), 0, 0.5, 0.5, 1)[0] / 0.25
    assert_allclose(1 - truth["rho_0"], math.exp(-2 * mean), rtol=1e-5)


def test_the_nonlocal_pde_keeps_the_kernel():
    pairs = hrd.Reaction("2 A -> A", lambda0=1.0, kernel=tent, radius=0.3)
    system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1.5)), cells=8, reactions=[pairs],
                        initial={A: hrd.Patch(4.0, x=(0, 0.5))})  # fmt: skip
    pde = hrd.mean_field(system, dt=0.02, until=0.5, every=0.5, nonlocal_pairs=True)
    exact = hrd.theory.moments.closed_moments(system, None, [0.5], "poisson")["mean"]
    found = pde["concentration"].isel(time=-1)
    assert_allclose(found, exact.isel(time=-1), atol=2e-4)
    local = hrd.mean_field(system, dt=0.02, until=0.5, every=0.5)["concentration"].isel(time=-1)
    assert float(abs(local - found).max()) > 0.01


def test_files_and_refusals():
    system = hrd.System(
        species=[A], domain=PLATE,
        reactions=[hrd.Reaction("2 A -> 0", k=1.0, kernel=Ring(0.1, 0.2)),
                   hrd.Reaction("2 A -> A", lambda0=1.0, kernel=Gaussian(0.1))],
    )  # fmt: skip
    data = system.to_dict()
    assert data["reactions"][0]["kernel"] == {"ring": [0.1, 0.2]}
    assert hrd.System.from_dict(data) == system
    free = hrd.Reaction("2 A -> 0", k=1.0, kernel=tent, radius=0.3)
    with pytest.raises(ModelError, match="cannot be written to a file"):
        system.replace(reactions=[free]).to_dict()
    for wrong, message in (
        ({"kernel": tent}, "cut-off as radius="),
        ({"kernel": Gaussian(0.1), "radius": 0.2}, "a kernel or a radius"),
        ({"kernel": "gaussian"}, "hybridrd.pair_kernels"),
    ):
        with pytest.raises(ModelError, match=message):
            hrd.Reaction("2 A -> 0", k=1.0, **wrong)
    with pytest.raises(ModelError, match="two reactants only"):
        hrd.Reaction("A -> 0", k=1.0, kernel=Gaussian(0.1))
    with pytest.raises(ModelError, match="outer must be above"):
        Ring(0.3, 0.2)
    with pytest.raises(ModelError, match="one of doi, gaussian and ring"):
        hrd.System.from_dict(data | {"reactions": [{"reaction": "2 A -> 0", "k": 1, "kernel": {}}]})
    negative = hrd.Reaction("2 A -> 0", k=1.0, kernel=lambda r: r - 0.1, radius=0.3)
    with pytest.raises(ModelError, match="at least 0"):
        hrd.theory.cdme.voxel_model(system.replace(reactions=[negative]), 3)
