"""What a simulation and a PDE say of themselves, in a terminal and in a notebook."""

from pathlib import Path

import pytest
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd

LINE = hrd.Box(x=(0, 4))


def system(**changes):
    A, B = hrd.Species("A", D=1.0), hrd.Species("Big", D=0.5)
    given = {"species": [A, B], "domain": LINE, "particles": hrd.Box(x=(0, 2)),
             "units": {"time": "s"}, "initial": {A: hrd.Copies(30, x=(0, 1)), B: 0.0}}  # fmt: skip
    return hrd.System(**(given | changes))


def test_a_simulation():
    moving = hrd.Simulation(system(), dt=0.001, seed=7)
    assert repr(moving).splitlines() == [
        "Simulation",
        "  time       0 s, step 0 of dt = 0.001",
        "  run        seed 7, replica 0",
        "  particles  x in (0, 2); interface at x = 2",
        "  numbers    A    30 in the region, 30 in all",
        "             Big  0 in the region, 0 in all",
    ]
    moving.step()
    assert "0.001 s, step 1 of" in moving._repr_html_()


def test_a_pde_and_particles_alone():
    assert "A    30 there" in repr(hrd.PDE(system(particles=None), dt=0.001))
    alone = hrd.Simulation(system(particles=LINE, units={}), dt=0.001, seed=1)
    assert "particles  everywhere: no PDE" in repr(alone)


def test_an_export_says_where_it_is(tmp_path):
    result = hrd.Simulation(system(), dt=0.001, seed=1).run(until=0.002, every=0.001)
    assert hrd.export(result, str(tmp_path / "a.csv")) == tmp_path / "a.csv"


@pytest.mark.usefixtures("folder")
def test_a_run_has_a_name_by_default():
    assert "saved to pde.zarr" in call("run", "pde.toml")
    assert Path("pde.zarr").is_dir()
    assert "pde.zarr: exists" in call("run", "pde.toml", code=2)
