"""Timings of a run: every stage is counted, and the stages add up to the total."""

import time

import pytest
from support.survivors import DT, SYSTEMS, line, simulation

import hybridrd as hrd
from hybridrd.run.log import STAGES

STEPPED = ("steps", "reactions", "exchange", "diffusion", "continuum")


@pytest.fixture(autouse=True, scope="module")
def _compiled(tmp_path_factory):
    simulation(line()).run(2 * DT, out=tmp_path_factory.mktemp("first") / "a")


@pytest.mark.parametrize("name", ["two-way, calibrated layer", "mean-field", "particles", "shell"])
def test_every_stage_is_counted(name, tmp_path):
    timings = simulation(SYSTEMS[name]).run(5 * DT, out=tmp_path / "a").attrs["timings"]
    assert tuple(timings) == STAGES
    assert min(timings[stage] for stage in ("set_up", "steps", "records", "writing")) > 0
    assert hrd.load(tmp_path / "a").attrs["timings"] == timings
    assert simulation(SYSTEMS[name]).run(5 * DT).attrs["timings"]["writing"] == 0


def test_they_make_up_the_whole(tmp_path):
    began = time.perf_counter()
    sim = simulation(line())
    result = sim.run(300 * DT, every=DT, out=tmp_path / "b", checkpoint=tmp_path / "c")
    whole = time.perf_counter() - began
    assert 0.5 * whole < sum(result.attrs["timings"].values()) < whole


def test_slow_observers_and_disks_show(tmp_path, monkeypatch):
    from hybridrd.results.writer import StoreWriter

    append = StoreWriter.append

    def slow(self, block):
        time.sleep(0.1)
        append(self, block)

    monkeypatch.setattr(StoreWriter, "append", slow)
    seen = {"seen": lambda _: time.sleep(0.02) or 0}
    sim = simulation(line())
    timings = sim.run(4 * DT, every=DT, out=tmp_path / "a", observe=seen).attrs["timings"]
    assert timings["records"] >= 5 * 0.02
    assert timings["writing"] >= 0.1
    assert sum(timings[stage] for stage in STEPPED) < timings["records"]


def test_checkpoints_are_writing(tmp_path, monkeypatch):
    from hybridrd.run.checkpoint import Checkpoints

    write = Checkpoints.write
    monkeypatch.setattr(Checkpoints, "write", lambda self: time.sleep(0.05) or write(self))
    sim = simulation(line())
    result = sim.run(4 * DT, checkpoint=tmp_path / "c", checkpoint_minutes=0)
    assert result.attrs["timings"]["writing"] >= 4 * 0.05


def test_set_up_is_apart(monkeypatch):
    from hybridrd.particles.initial_state import InitialState

    draw = InitialState.draw
    monkeypatch.setattr(InitialState, "draw", lambda *given: time.sleep(0.05) or draw(*given))
    timings = simulation(line()).run(DT).attrs["timings"]
    assert timings["set_up"] >= 2 * 0.05  # of two species
    assert sum(timings[stage] for stage in STEPPED) < timings["set_up"]


def test_a_restored_run_adds_to_what_was_there(tmp_path):
    sim = simulation(line())
    sim.run(5 * DT)
    sim.checkpoint(tmp_path / "c.npz")
    twin = hrd.Simulation.restore(tmp_path / "c.npz")
    assert twin.timings["set_up"] > sim.timings["set_up"] > 0
    for stage in (*STEPPED, "records", "writing"):
        assert twin.timings[stage] == sim.timings[stage]


def test_a_pde_and_an_ensemble_have_them_too(tmp_path):
    pde = hrd.mean_field(line(), DT, 5 * DT).attrs["timings"]
    assert list(pde) == ["set_up", "continuum", "records", "writing"]
    assert min(pde[stage] for stage in ("set_up", "continuum", "records")) > 0
    options = {"replicas": 3, "dt": DT, "until": 5 * DT, "seed": 1}
    alone = hrd.ensemble(line(), **options).attrs["timings"]
    assert list(alone) == [*STAGES, "elapsed"]
    assert alone["writing"] == 0
    assert sum(alone[stage] for stage in STAGES) < alone["elapsed"]
    kept = hrd.ensemble(line(), **options, resume=tmp_path / "blocks").attrs["timings"]
    assert kept["writing"] > 0
    again = hrd.ensemble(line(), **options, resume=tmp_path / "blocks").attrs["timings"]
    assert again["writing"] == 0  # nothing was left to do
