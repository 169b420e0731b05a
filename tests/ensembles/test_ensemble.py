"""Ensembles: against their replicas one by one, closed forms, and any number of workers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import hybridrd as hrd
from hybridrd.ensembles.blocks import make_blocks
from hybridrd.errors import CapacityError, HybridrdError, ModelError, StepError
from hybridrd.simulation.simulation import Simulation

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)
RUN: dict[str, Any] = {"dt": 0.005, "until": 0.05, "every": 0.02, "seed": 11}


def ramp(x: np.ndarray) -> np.ndarray:
    return 40.0 * x


def hybrid(coupling: str = "mean-field", **changes: Any) -> hrd.System:
    system = hrd.System(
        species=[A, B],
        reactions=[hrd.Reaction("A -> B", k=2.0), hrd.Reaction("A + B -> 0", k=0.2, radius=0.05)],
        domain=hrd.Box(x=(0, 4)),
        particles=hrd.Box(x=(0, 2)),
        cells=20,
        coupling=coupling,
        initial={A: ramp, B: hrd.Patch(60.0, x=(1, 3))},
    )
    return system.replace(**changes)


def decay() -> hrd.System:
    line = hrd.Box(x=(0, 1))
    return hrd.System(
        species=[A],
        reactions=[hrd.Reaction("A -> 0", k=1.0)],
        domain=line,
        particles=line,
        cells=4,
        initial={A: hrd.Copies(100)},
    )


def same(a: xr.Dataset, b: xr.Dataset) -> None:
    assert list(a.data_vars) == list(b.data_vars)
    for name in a.data_vars:
        assert a[name].values.tobytes() == b[name].values.tobytes(), name
    for name in a.coords:
        assert a[name].values.tolist() == b[name].values.tolist(), name
    for attribute in a.attrs.keys() - {"timings"}:
        assert a.attrs[attribute] == b.attrs[attribute], attribute


@pytest.mark.parametrize("coupling", ["mean-field", "two-way"])
def test_means_and_errors_are_those_of_the_replicas(coupling: str) -> None:
    system = hybrid(coupling)
    result = hrd.ensemble(system, 5, **RUN)
    runs = [
        hrd.Simulation(system, RUN["dt"], RUN["seed"], replica=i).run(RUN["until"], RUN["every"])
        for i in range(5)
    ]
    assert len(result.data_vars) == 3 * len(runs[0].data_vars)
    for name in runs[0].data_vars:
        samples = np.array([run[name].values for run in runs], dtype=float)
        near = {"rtol": 1e-14, "atol": 1e-15 * float(np.nanmax(np.abs(samples)))}  # sums may cancel
        np.testing.assert_allclose(result[f"{name}_mean"], samples.mean(axis=0), **near)
        variance = samples.var(axis=0, ddof=1)
        near = {"rtol": 1e-12, "atol": 1e-13 * max(1.0, float(np.nanmax(np.square(samples))))}
        np.testing.assert_allclose(result[f"{name}_var"], variance, **near)
        sem = np.sqrt(result[f"{name}_var"].values / 5)
        np.testing.assert_allclose(result[f"{name}_sem"], sem, rtol=1e-15)
        assert result[f"{name}_mean"].dims == runs[0][name].dims
    for coordinate in runs[0].coords:
        np.testing.assert_array_equal(result[coordinate], runs[0][coordinate])
    kept = runs[0].attrs.keys() - {"replica", "timings", "diagnostics", "kind"}
    assert {n: result.attrs[n] for n in kept} == {n: runs[0].attrs[n] for n in kept}
    assert (result.attrs["kind"], result.attrs["replicas"]) == ("ensemble", 5)
    if coupling == "two-way":
        overdrafts = sum(run.attrs["diagnostics"]["overdrafts"] for run in runs)
        assert result.attrs["diagnostics"]["overdrafts"] == overdrafts


def test_replica_zero_is_the_simulation_bit_for_bit() -> None:
    # With a shared mean field, and with every= that does not divide until=.
    for coupling in ("mean-field", "two-way"):
        one = hrd.ensemble(hybrid(coupling), 1, **RUN)
        run = hrd.Simulation(hybrid(coupling), RUN["dt"], RUN["seed"]).run(0.05, 0.02)
        for name in run.data_vars:
            values = run[name].values.astype(float)
            assert one[f"{name}_mean"].values.tobytes() == values.tobytes(), name
            assert np.isnan(one[f"{name}_var"]).all()
            assert np.isnan(one[f"{name}_sem"]).all()


def test_two_workers_give_the_bits_of_one() -> None:
    system = hybrid()
    same(hrd.ensemble(system, 5, workers=2, **RUN), hrd.ensemble(system, 5, workers=1, **RUN))


def test_a_worker_does_without_xarray() -> None:
    """It takes 0.3 s of each process, and the first replica, too, needs no Dataset."""
    code = """
        import sys
        import hybridrd as hrd
        from hybridrd.ensembles.blocks import EnsembleSetup
        from hybridrd.simulation.plan import compile_system

        A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
        system = hrd.System(species=[A], domain=line, particles=line, initial={A: 50.0})
        setup = EnsembleSetup(compile_system(system, 0.01), None, 1, 0.02, None, None, 1)
        print("total" in setup.run(0).labels["variables"], "xarray" in sys.modules)
    """
    code = textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_a_mean_field_too_large_to_share_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = hrd.ensemble(hybrid(), 2, **RUN)
    assert "shared_continuum" in shared.attrs["timings"]
    monkeypatch.setattr(sys.modules["hybridrd.ensembles.preparation"], "SHARED_BYTES", 0.0)
    own = hrd.ensemble(hybrid(), 2, **RUN)
    assert "shared_continuum" not in own.attrs["timings"]
    for name in shared.data_vars:
        np.testing.assert_array_equal(shared[name], own[name])


@pytest.mark.parametrize("replicas", [1, 2, 99, 100, 101, 1000, 1234])
def test_blocks_hold_every_replica_once_in_order(replicas: int) -> None:
    blocks = make_blocks(replicas)
    assert [i for block in blocks for i in block] == list(range(replicas))
    assert len(blocks) <= 100
    assert len({len(block) for block in blocks[:-1]}) <= 1


def test_decay_has_binomial_mean_and_variance() -> None:
    n = 150
    result = hrd.ensemble(decay(), n, dt=0.1, until=1.0, every=0.5, seed=4)
    p = np.exp(-result["time"].values)
    mean, variance = result["copy_number_mean"][:, 0], result["copy_number_var"][:, 0]
    exact = 100 * p * (1 - p)
    assert (np.abs(mean - 100 * p) <= 4 * np.sqrt(exact / n)).all()
    # The variance of n nearly normal numbers has the relative error sqrt(2 / (n - 1)).
    assert (np.abs(variance - exact) <= 4 * np.sqrt(2 / (n - 1)) * exact).all()
    lost = result["events_mean"][:, 0].cumsum()
    np.testing.assert_allclose(lost + mean, 100.0, rtol=1e-13)


def test_a_seed_is_drawn_and_recorded() -> None:
    first = hrd.ensemble(decay(), 2, dt=0.1, until=0.5)
    again = hrd.ensemble(decay(), 2, dt=0.1, until=0.5, seed=first.attrs["seed"])
    other = hrd.ensemble(decay(), 2, dt=0.1, until=0.5)
    same(first, again)
    assert other.attrs["seed"] != first.attrs["seed"]


def test_only_what_is_asked_for_is_recorded() -> None:
    result = hrd.ensemble(decay(), 2, dt=0.1, until=0.5, seed=1, record=["copy_number"])
    assert list(result.data_vars) == ["copy_number_mean", "copy_number_sem", "copy_number_var"]


def test_units_follow_the_statistics() -> None:
    system = decay().replace(units={"length": "um", "time": "s"})
    result = hrd.ensemble(system, 2, dt=0.1, until=0.5, seed=1)
    units = {name: result[name].attrs["units"] for name in result.data_vars}
    assert units["concentration_mean"] == units["concentration_sem"] == "1/um"
    assert units["concentration_var"] == "(1/um)^2"
    assert units["copy_number_var"] == "1"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (CapacityError("no memory"), CapacityError),
        (ZeroDivisionError("division by zero"), HybridrdError),
    ],
)
def test_a_failing_replica_is_named(
    error: Exception, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Simulation.step

    def fails(self: Simulation, number: int = 1) -> None:
        if self.replica == 2:
            raise error
        step(self, number)

    monkeypatch.setattr(Simulation, "step", fails)
    with pytest.raises(raised, match=r"replica 2 of the ensemble \(seed = 8\)") as caught:
        hrd.ensemble(decay(), 4, dt=0.1, until=0.5, seed=8)
    assert str(error) in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"replicas": 0}, ModelError, "replicas = 0: a whole number of at least 1"),
        ({"replicas": 2.5}, ModelError, "replicas = 2.5"),
        ({"replicas": True}, ModelError, "replicas = True"),
        ({"workers": -1}, ModelError, "workers = -1: a whole number of at least 0"),
        ({"threads": 0}, ModelError, "threads = 0: a whole number of at least 1"),
        ({"seed": -3}, ModelError, "seed = -3: a whole number of at least 0"),
        ({"dt": -0.1}, ModelError, "dt"),
        ({"until": 0.55}, StepError, "until = 0.55 is not a multiple of dt = 0.1"),
        ({"every": 0.25}, StepError, "every = 0.25 is not a multiple of dt = 0.1"),
        ({"record": ["mass"]}, ModelError, "record: mass cannot be recorded; choose from conc"),
        ({"record": "total"}, ModelError, "give a list of names"),
        ({"system": decay().replace(particles=None)}, ModelError, "no particle region"),
    ],
)
def test_mistakes_are_found_before_anything_runs(
    changes: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a replica was started")

    monkeypatch.setattr(Simulation, "__init__", never)
    arguments = {"system": decay(), "replicas": 2, "dt": 0.1, "until": 0.5, **changes}
    with pytest.raises(error, match=message):
        hrd.ensemble(**arguments)


def test_events_need_reactions() -> None:
    with pytest.raises(ModelError, match="events cannot be recorded"):
        hrd.ensemble(decay().replace(reactions=[]), 2, dt=0.1, until=0.5, record=["events"])


def test_functions_must_be_importable_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    local = hybrid(initial={A: lambda x: 10.0 * x})
    with pytest.raises(ModelError, match=r"cannot be sent to worker processes .*lambda"):
        hrd.ensemble(local, 2, workers=2, **RUN)
    assert float(hrd.ensemble(local, 2, **RUN)["copy_number_mean"][0, 0]) > 0
    main = sys.modules["__main__"]
    monkeypatch.setattr(ramp, "__module__", "__main__")
    monkeypatch.setattr(main, "ramp", ramp, raising=False)
    monkeypatch.delattr(main, "__file__", raising=False)
    with pytest.raises(ModelError, match="ramp is defined in a notebook or console"):
        hrd.ensemble(hybrid(), 2, workers=2, **RUN)


def test_a_script_without_its_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import hybridrd as hrd

            A = hrd.Species("A", D=1.0)
            line = hrd.Box(x=(0, 1))
            system = hrd.System(species=[A], domain=line, particles=line, initial={A: 5.0})
            hrd.ensemble(system, replicas=4, dt=0.1, until=0.2, workers=2)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "HybridrdError: a worker process ended before its work was finished" in last
    assert 'if __name__ == "__main__":' in last
    assert done.stderr.count("Traceback") == 1  # that of the script, none of its workers


GUARDED = """
import hybridrd as hrd

if __name__ == "__main__":
    def rate(x):
        return 1.0 + 0.0 * x

    A = hrd.Species("A", D=1.0)
    line = hrd.Box(x=(0, 1))
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=10,
        reactions=[hrd.Reaction("0 -> A", k=rate)],
    )
    hrd.ensemble(system, replicas=2, dt=0.01, until=0.01, workers=2)
"""


def test_a_function_that_no_worker_can_import_is_said_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(GUARDED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("hybridrd.errors.ModelError: a worker process cannot load the system")
    assert "'rate'" in last


def sinking(t):
    return 1.0 - 20.0 * t


def test_an_error_of_a_worker_comes_without_its_traceback():
    A = hrd.Species("A", D=1.0)
    line = hrd.Box(x=(0, 1))
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=10,
        reactions=[hrd.Reaction("0 -> A", k=sinking)],
    )  # fmt: skip
    with pytest.raises(ModelError, match="rate of '0 -> A': the function gives -") as refused:
        hrd.ensemble(system, replicas=2, dt=0.01, until=0.2, workers=2)
    assert refused.value.__cause__ is None
