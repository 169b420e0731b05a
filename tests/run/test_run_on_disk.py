"""Runs that write their records to disk, and go on with them."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.blocks import alone
from support.survivors import DT, SYSTEMS, line, same, simulation

import hybridrd as hrd
from hybridrd.errors import ModelError, ResultError, StepError
from hybridrd.results.store import open_result
from hybridrd.run import recording


def test_a_run_on_disk_is_the_run_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK", 3)
    options = {
        "every": 4 * DT, "positions": True,
        "observe": {"mean": lambda sim: sim.particles["A"].positions.mean(axis=0)},
    }  # fmt: skip
    memory = simulation(line()).run(30 * DT, **options)
    disk = simulation(line()).run(30 * DT, out=tmp_path / "run.zarr", **options)
    same(memory, disk)
    same(memory, hrd.load(tmp_path / "run.zarr"))
    assert memory["time"].values.tolist() == [round(k * DT, 12) for k in (*range(0, 29, 4), 30)]
    hrd.save(disk, tmp_path / "copy.zarr")
    same(memory, hrd.load(tmp_path / "copy.zarr"))


def test_positions_are_all_particles_by_record_species_and_id():
    seen = []

    def look(sim):
        seen.append({n: (g.positions.copy(), g.id) for n, g in sim.particles.items()})
        return 0

    result = simulation(line()).run(20 * DT, every=5 * DT, positions=True, observe={"seen": look})
    assert result["row_size"].attrs["sample_dimension"] == "obs"
    assert result["row_size"].equals(result["copy_number"])
    ends = np.cumsum(result["row_size"].values.ravel()).reshape(-1, 2)
    assert ends[-1, -1] == result.sizes["obs"]
    for k, there in enumerate(seen):
        for s, (positions, ids) in enumerate(there.values()):
            rows = slice(ends[k, s] - len(ids), ends[k, s])
            order = np.argsort(ids)
            assert (result["particle_id"].values[rows] == ids[order]).all()
            assert (result["position"].values[rows] == positions[order]).all()


def test_a_running_store_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK", 2)
    path, seen = tmp_path / "run.zarr", []

    def look(sim):
        if sim.steps:
            opened = hrd.load(path)
            seen.append(opened.sizes["time"])
            assert opened["copy_number"].values[-1].min() > 0
            assert opened.attrs["stopped"].startswith("not finished")
            assert opened.sizes["obs"] == opened["row_size"].values.sum()
            assert alone(path)["total"].equals(opened["total"].astype(float))
        return 0

    simulation(line()).run(10 * DT, every=DT, out=path, positions=True, observe={"look": look})
    assert seen == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9]
    assert hrd.load(path).sizes["time"] == 11


def by_xarray(path):
    """The complete records of a store, by the recipe of docs/survive.md."""
    opened = xr.open_zarr(path, consolidated=False, decode_times=False)
    complete = opened.isel(time=slice(opened.attrs["hybridrd_records"]))
    return complete.isel(obs=slice(int(complete["row_size"].sum()))).load(), opened


def test_xarray_alone_reads_a_running_store(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK", 2)
    path, seen = tmp_path / "run.zarr", []
    whole = simulation(line()).run(10 * DT, every=DT, positions=True)

    def look(sim):
        if sim.steps:
            complete, opened = by_xarray(path)
            seen.append(complete.sizes["time"])
            expected = whole.isel(time=slice(seen[-1]), obs=slice(complete.sizes["obs"]))
            assert complete["row_size"].sum() == expected.sizes["obs"]
            for name in expected.variables:
                np.testing.assert_array_equal(complete[name], expected[name])
            # The planned length; the times of what is not written are unknown, not wrong.
            assert opened.sizes["time"] == 11
            assert np.isnan(opened["time"].values[seen[-1] :]).all()
        return 0

    simulation(line()).run(10 * DT, every=DT, out=path, positions=True, observe={"look": look})
    assert seen == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9]


def test_xarray_alone_reads_the_store_of_a_killed_run():
    path = Path(__file__).parents[1] / "data" / "running-1.zarr"
    complete, opened = by_xarray(path)
    loaded = hrd.load(path)
    assert (complete.sizes["time"], opened.sizes["time"]) == (3, 6)
    assert list(complete["species"].values) == ["A", "B"]
    for name in loaded.variables:
        np.testing.assert_array_equal(complete[name], loaded[name])


def test_slow_records_are_written_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BLOCK_SECONDS", 0.0)
    sizes = []
    path = tmp_path / "a"
    stop = lambda _: sizes.append(hrd.load(path).sizes["time"])  # noqa: E731
    simulation(line()).run(3 * DT, every=DT, out=path, stop=stop)
    assert sizes == [2, 3, 4]


def test_a_run_goes_on_with_its_store_only(tmp_path):
    path = tmp_path / "run.zarr"
    whole = simulation(line()).run(40 * DT, every=4 * DT)
    sim = simulation(line())
    sim.run(20 * DT, every=4 * DT, out=path)
    same(whole, sim.run(40 * DT, out=path), but=("timings",))
    with pytest.raises(ResultError, match=r"run\.zarr: exists; choose another name"):
        simulation(line()).run(20 * DT, out=path)
    with pytest.raises(StepError, match=r"every = 0\.01: .* has a record every 0\.008"):
        sim.run(60 * DT, every=5 * DT, out=path)
    with pytest.raises(ResultError, match="no concentration, crossings"):
        sim.run(60 * DT, record=["copy_number"], out=path)
    same(whole, hrd.load(path))
    sim.run(44 * DT)  # in memory: the store would have a gap
    with pytest.raises(ResultError, match="exists"):
        sim.run(60 * DT, out=path)


@pytest.mark.parametrize("at", [5, 8, 19])
def test_records_after_the_checkpoint_are_written_again(at, tmp_path):
    """A checkpoint between and at records; the run went on for a while before it was lost."""
    path = tmp_path / "run.zarr"
    options = {"every": 4 * DT, "positions": True}
    whole = simulation(line()).run(30 * DT, **options)
    sim = simulation(line())

    def stop(now):  # from within a run, before or at a record
        if now.steps == at:
            now.checkpoint(tmp_path / "c.npz")
        return False

    stop.every_step = True
    sim.run(26 * DT, out=path, stop=stop, **options)
    twin = hrd.Simulation.restore(tmp_path / "c.npz")
    assert twin.steps == at
    same(whole, twin.run(30 * DT, out=path, **options))


def test_a_checkpoint_while_observing(tmp_path):
    """The record being made is not in the checkpoint, and is made when the run goes on."""
    for system in (line(), SYSTEMS["shell"]):
        path = tmp_path / f"{len(system.species)}.zarr"

        def save(now):
            if now.steps == 12:
                now.checkpoint(tmp_path / "c.npz")
            return 0

        whole = simulation(system).run(20 * DT, every=4 * DT, observe={"save": lambda _: 0})
        simulation(system).run(20 * DT, every=4 * DT, out=path, observe={"save": save})
        twin = hrd.Simulation.restore(tmp_path / "c.npz")
        same(whole, twin.run(20 * DT, out=path, observe={"save": lambda _: 0}))


def test_impossible_places_are_told_before_anything_runs(tmp_path):
    sim = simulation(line())
    for out, said in {
        tmp_path / "run.nc": "a run writes NAME.zarr",
        tmp_path / "none" / "run.zarr": "there is no directory",
        tmp_path: "exists",
    }.items():
        with pytest.raises(ResultError, match=said):
            sim.run(4 * DT, out=out, checkpoint=tmp_path / "c")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"there is no directory|cannot be written"):
        sim.run(4 * DT, out=tmp_path / "file" / "run.zarr")
    for name in ("row_size", "x", "time"):
        with pytest.raises(ModelError, match=f"{name!r} is taken"):
            sim.run(4 * DT, out=tmp_path / "a", observe={name: len})
    with pytest.raises(StepError):
        sim.run(4.5 * DT, out=tmp_path / "a")
    assert sim.steps == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_failing_run_leaves_its_records(tmp_path):
    def fail(sim):
        if sim.steps == 12:
            raise StepError("the observer is tired")
        return 1.0

    sim = simulation(line())
    with pytest.raises(StepError, match="tired"):
        sim.run(20 * DT, every=4 * DT, out=tmp_path / "a", observe={"fail": fail})
    there = hrd.load(tmp_path / "a")
    assert there.sizes["time"] == 3
    assert there.attrs["stopped"] == "StepError: the observer is tired"


def test_a_result_is_read_when_it_is_asked_for(tmp_path):
    result = simulation(line()).run(20 * DT, every=DT, out=tmp_path / "a")
    assert not result["concentration"].variable._in_memory
    assert open_result(tmp_path / "a")["concentration"].sum() == result["concentration"].sum()
