"""The PDE runs in the same loop as a simulation: store, observers, stop, checkpoints, resuming."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from support.command_line import LINE, call, folder  # noqa: F401
from support.survivors import DT, INFECT, SYSTEMS, line, plane, same, shell

import hybridrd as hrd
from hybridrd.errors import HybridrdError, ModelError, ResultError
from hybridrd.run.checkpoint import checkpoints_in
from hybridrd.run.interrupt import Terminated

PDES = {
    "hybrid system": line(),
    "walls of time": SYSTEMS["two-way, walls"],
    "no particles": line(particles=None),
    "plane": plane(particles=None),
    "shell": shell(None),
    "bath": line(
        particles=None,
        walls={"x-": hrd.Leaky({"A": 2.0}, outside={"A": hrd.Bath(volume=0.5, initial=90.0)})},
    ),
}


@pytest.mark.parametrize("name", PDES)
def test_on_disk_and_interrupted_is_in_memory_and_undisturbed(name, tmp_path):
    """Interrupted between two records, so that half of a flux is in the checkpoint."""
    system = PDES[name]
    out, place = tmp_path / "pde.zarr", tmp_path / "checkpoints"
    whole = hrd.mean_field(system, DT, 30 * DT, every=4 * DT)
    hrd.mean_field(
        system, DT, 18 * DT, every=4 * DT, out=out, checkpoint=place,
        stop=every_step(lambda pde: pde.steps == 14),
    )  # fmt: skip
    assert hrd.load(out).attrs["stopped"] == "stop condition"
    assert hrd.load(out).sizes["time"] == 4
    pde = hrd.PDE.restore(place, system=system)
    assert pde.steps == 14
    same(whole, pde.run(30 * DT, out=out, checkpoint=place))
    same(whole, hrd.load(out))
    assert np.isfinite(whole["flux"].values[1:]).all()


def every_step(function):
    function.every_step = True
    return function


def test_observers_and_stop_conditions_are_called_with_the_pde():
    seen = []

    def total(pde):
        seen.append(pde.time)
        assert pde.concentration.shape == (2, 40)
        with pytest.raises(HybridrdError, match="is running"):
            pde.step()
        return pde.total.sum()

    result = hrd.mean_field(line(), DT, 10 * DT, every=2 * DT, observe={"all": total})
    assert seen == [k * DT for k in range(0, 11, 2)]
    np.testing.assert_array_equal(result["all"], result["total"].sum("species"))
    still = line(reactions=[], walls={}, particles=None)
    result = hrd.mean_field(still, 0.1, 100.0, every=0.1, stop=hrd.SteadyState(1e-3, over=1.0))
    assert result.attrs["stopped"].startswith("steady state")
    assert 2.0 <= float(result["time"][-1]) < 50.0


def test_a_pde_by_steps_is_mean_field():
    pde = hrd.PDE(line(), DT)
    for _ in range(7):
        pde.step()
    result = hrd.mean_field(line(), DT, 7 * DT, every=7 * DT)
    np.testing.assert_array_equal(pde.concentration, result["concentration"][-1])
    np.testing.assert_array_equal(pde.copy_number, result["copy_number"][-1])
    np.testing.assert_array_equal(pde.total, result["total"][-1])
    assert pde.time == 7 * DT
    # A run that begins here begins its fluxes here, too.
    flux = pde.run(9 * DT, every=2 * DT)["flux"]
    assert np.isnan(flux[0]).all()
    expected = hrd.mean_field(line(), DT, 9 * DT, every=DT)["flux"][-2:].mean("time")
    np.testing.assert_allclose(flux[1], expected, rtol=1e-12)


def test_ctrl_c_and_sigterm_say_how_to_go_on(tmp_path):
    stop = every_step(lambda pde: os.kill(os.getpid(), signal.SIGTERM) if pde.steps == 5 else None)
    with pytest.raises(Terminated, match=r"after step 5; continue with PDE\.restore"):
        hrd.mean_field(line(), DT, 9 * DT, checkpoint=tmp_path / "c", stop=stop)
    assert [p.name[-6:-4] for p in checkpoints_in(tmp_path / "c")] == ["00", "05"]


def test_checkpoints_of_other_kinds_and_values_are_refused(tmp_path):
    system = line(particles=None)
    pde = hrd.PDE(system, DT)
    pde.run(5 * DT)
    pde.checkpoint(tmp_path / "pde.npz")
    with pytest.raises(ResultError, match="a checkpoint of a mean-field, not of a simulation"):
        hrd.Simulation.restore(tmp_path / "pde.npz")
    hrd.Simulation(line(), DT, seed=1).checkpoint(tmp_path / "sim.npz")
    with pytest.raises(ResultError, match="a checkpoint of a simulation, not of a mean-field"):
        hrd.PDE.restore(tmp_path / "sim.npz")
    with pytest.raises(ResultError, match="has changed in reactions"):
        hrd.PDE.restore(tmp_path / "pde.npz", system=line(particles=None, reactions=[INFECT]))
    state = pde.state()
    for name, value in (("field/c", -1e6), ("field/c", np.nan), ("steps", -1), ("since", -1)):
        bad = np.array(state[name])
        bad.reshape(-1)[0] = value
        with pytest.raises(ResultError, match=name):
            hrd.PDE(system, DT).load_state(state | {name: bad})
    twin = hrd.PDE(system, DT)
    twin.load_state(state)
    np.testing.assert_array_equal(twin.concentration, pde.concentration)


def test_a_pde_takes_no_positions():
    with pytest.raises(ModelError, match="positions"):
        hrd.mean_field(line(), DT, DT, positions=True)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("out", ["p.zarr", "p.nc"])
def test_the_command_line_goes_on_with_a_pde(out, monkeypatch):
    if out.endswith(".nc"):
        pytest.importorskip("h5py")
    command = ["run", "pde.toml", "--out", out, "--resume=auto"]
    step = hrd.PDE.step

    def fail(self, number):
        if self.steps == 5:
            raise KeyboardInterrupt
        step(self, min(number, abs(5 - self.steps) or number))

    monkeypatch.setattr(hrd.PDE, "step", fail)
    assert "Interrupted at t = 0.05; the same command with --resume" in call(*command, code=130)
    monkeypatch.setattr(hrd.PDE, "step", step)
    assert call(*command).startswith("resumed at t = 0\n")
    system = hrd.System.from_toml("pde.toml")
    whole = hrd.mean_field(system, 0.01, 0.1, every=0.02)
    same(whole, hrd.load(out))
    Path("pde.toml").write_text(LINE.replace("particles", "# particles").replace("0.5", "0.25"))
    assert "changed in species[0].D" in call(*command, code=2)
