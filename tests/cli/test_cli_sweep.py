"""``hybridrd sweep``: places in a file and their values; interrupted, extended, drawn, reported."""

from pathlib import Path

import pytest
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.ensembles.blocks import EnsembleSetup


@pytest.mark.usefixtures("folder")
def test_a_file_at_several_values(monkeypatch):
    arguments = ["sweep", "line.toml", "--over", "species[A].D=0.1,0.5", "--replicas", 2]
    run, ran = EnsembleSetup._outcome, []

    def counted(self, replica):
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append((self.plan.system.species[0].D, replica))
        return run(self, replica)

    with monkeypatch.context() as patched:
        patched.setattr(EnsembleSetup, "_outcome", counted)
        assert "the same call continues" in call(*arguments, code=130)
    said = call("info", "line-sweep.zarr")
    assert "sweep, 1 of 2 points done" in said
    assert "species[A].D  0.1, 0.5" in said
    said = call(*arguments, "--plot", "a.png")
    assert "2 points of 2 replicas, until 0.1, seed 7" in said
    assert Path("a.png").stat().st_size > 1000
    study = hrd.load("line-sweep.zarr")
    one = hrd.point(study, {"species[A].D": 0.5})
    alone = hrd.ensemble(hrd.System.from_toml("line.toml"), 2, 0.01, 0.1, 0.02, seed=7)
    for name in alone.data_vars:
        assert one[name].equals(alone[name].drop_vars("replica", errors="ignore"))
    mean = float(alone["copy_number_mean"].sel(species="A").values[-1])
    assert f"0.5  {mean:.6g}" in " ".join(said.split()).replace(" 0.5 ", " 0.5  ")
    assert "drawn in b.png" in call("plot", "line-sweep.zarr", "--out", "b.png", "--kind", "times")


@pytest.mark.usefixtures("folder")
def test_steps_and_mistakes():
    call("sweep", "line.toml", "--over", "run.dt=0.01,0.02", "--until", 0.02, "-o", "dt.zarr")
    study = hrd.load("dt.zarr")
    assert [hrd.point(study, {"run.dt": dt}).attrs["dt"] for dt in (0.01, 0.02)] == [0.01, 0.02]
    for over, words in {
        "species[C].D=1": "species has 2 entries, [0] to [1], or by name: A, B",
        "species[A].D": "give a key and its values, reactions[0].k=1,2,4",
        "species[A].D=fast,slow": "at species[A].D = fast: ",
        "species[A].D=1,1.0": "species[A].D = 1 is given twice",
    }.items():
        assert words in call("sweep", "line.toml", "--over", over, code=2)
