"""Walls by species, and what each means to particles and PDE."""

import numpy as np
import pytest

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)


def slab(walls, domain=None, **more):
    domain = domain or hrd.Box(x=(0, 1))
    return hrd.System(
        species=[A, B], domain=domain, particles=domain, cells=20, walls=walls,
        initial={A: 200.0, B: 200.0}, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "side"), [(hrd.Box(x=(0, 1)), "x-"), (hrd.Shell(inner=1, outer=1.5), "inner")]
)
def test_an_absorbing_wall_takes_the_named_species_only(domain, side):
    system = slab({side: hrd.Absorbing("A")}, domain)
    all_of_a = system.replace(species=[A], walls={side: hrd.Absorbing()}, initial={A: 200.0})
    named = hrd.Simulation(system, dt=1e-3, seed=1).run(until=0.05, every=0.05)
    other = hrd.Simulation(all_of_a, dt=1e-3, seed=1).run(until=0.05, every=0.05)
    np.testing.assert_array_equal(
        named["copy_number"].sel(species="A"), other["copy_number"].sel(species="A")
    )
    b = named["copy_number"].sel(species="B").values
    assert b[0] == b[1] > 0
    pde = hrd.mean_field(system, dt=1e-3, until=0.05, every=0.05)["total"].values
    assert pde[1, 0] < 0.95 * pde[0, 0]
    assert pde[1, 1] == pytest.approx(pde[0, 1], rel=1e-12)


def test_an_absorbing_wall_by_species_is_plain_data():
    system = slab({"x-": hrd.Absorbing(A), "x+": hrd.Absorbing()})
    data = system.to_dict()["system"]["walls"]
    assert data == {"x-": {"absorbing": ["A"]}, "x+": "absorbing"}
    assert hrd.System.from_dict(system.to_dict()) == system
    assert "x- absorbing A" in repr(system)
    with pytest.raises(hrd.ModelError, match=r"walls\['x-'\]: unknown species 'Z'"):
        slab({"x-": hrd.Absorbing("Z")})
