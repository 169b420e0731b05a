"""The command line: what it runs, saves, says and refuses."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.command_line import LINE, call, folder  # noqa: F401
from typer.testing import CliRunner

import hybridrd as hrd
from hybridrd.cli import app as cli
from hybridrd.cli.app import app
from hybridrd.errors import AccuracyWarning
from hybridrd.examples import CASES

pytestmark = pytest.mark.usefixtures("folder")


def test_a_file_runs_as_its_table_says():
    said = call("run", "line.toml", "--out", "line.zarr")
    saved = hrd.load("line.zarr")
    own = hrd.Simulation(hrd.System.from_toml("line.toml"), dt=0.01, seed=7).run(0.1, 0.02)
    assert saved["copy_number"].equals(own["copy_number"])
    assert saved["concentration"].equals(own["concentration"])
    assert hrd.System.from_dict(saved.attrs["system"]) == hrd.System.from_toml("line.toml")
    counts = [str(n) for n in own["copy_number"].values[-1]]
    assert said.splitlines()[-1].split() == ["number", *counts]
    assert "one replica, dt = 0.01, until 0.1, seed 7" in said
    assert "saved to line.zarr" in said
    assert sorted(p.name for p in Path().iterdir()) == ["line.toml", "line.zarr", "pde.toml"]


def test_options_go_before_the_table():
    call(
        "run", "line.toml", "--out", "a", "--dt", 0.02, "--until", 0.2, "--every", 0.1, "--seed", 8
    )
    saved = hrd.load("a")
    assert list(saved["time"].values) == [0, 0.1, 0.2]
    assert (saved.attrs["dt"], saved.attrs["seed"]) == (0.02, 8)


def test_threads_and_seeds():
    for out, options in {"one": [], "two": ["--threads", 2], "other": ["--seed", 8]}.items():
        call("run", "line.toml", "--out", out, *options)
    one, two, other = (hrd.load(out)["concentration"] for out in ("one", "two", "other"))
    assert one.equals(two)
    assert not one.equals(other)


def test_without_a_seed_one_is_drawn_and_saved():
    Path("line.toml").write_text(LINE.replace("seed = 7", ""))
    said = [call("run", "line.toml", "--out", out) for out in ("a", "b")]
    seeds = [hrd.load(out).attrs["seed"] for out in ("a", "b")]
    assert seeds[0] != seeds[1]
    assert all(f"seed {seed}\n" in text for seed, text in zip(seeds, said, strict=True))


def test_replicas_are_an_ensemble():
    said = call("run", "line.toml", "--out", "a", "--replicas", 5)
    call("run", "line.toml", "--out", "b", "--replicas", 5, "--workers", 2)
    a, b = hrd.load("a"), hrd.load("b")
    assert a["copy_number_mean"].equals(b["copy_number_mean"])
    system = hrd.System.from_toml("line.toml")
    own = [hrd.Simulation(system, dt=0.01, seed=7, replica=i).run(0.1, 0.02) for i in range(5)]
    last = [r["copy_number"].values[-1] for r in own]
    np.testing.assert_allclose(a["copy_number_mean"].values[-1], np.mean(last, axis=0), rtol=1e-12)
    assert "5 replicas" in said
    mean, error = (line.split() for line in said.splitlines()[-2:])
    assert mean == ["mean", *(f"{v:.6g}" for v in np.mean(last, axis=0))]
    sem = np.std(last, axis=0, ddof=1) / np.sqrt(5)
    assert error == ["std.", "error", *(f"{v:.6g}" for v in sem)]


def test_replicas_may_stand_in_the_table():
    Path("line.toml").write_text(LINE + "replicas = 3\nworkers = 1\n")
    call("run", "line.toml", "--out", "a")
    assert hrd.load("a").attrs["replicas"] == 3
    call("run", "line.toml", "--out", "b", "--replicas", 1)
    assert "replicas" not in hrd.load("b").attrs


def test_a_system_without_particles_is_solved_as_a_pde():
    said = call("run", "pde.toml", "--out", "pde")
    assert "PDE, dt = 0.01, until 0.1\n" in said
    assert "in the domain at t = 0.1" in said
    assert said.splitlines()[-1].split() == ["PDE", "400", "30"]
    assert hrd.load("pde").attrs["kind"] == "mean-field"


def test_an_example_runs_with_its_published_step():
    said = call("run", "sir", "--out", "sir", "--until", 0.02, "--every", 0.01)
    assert "sir: one replica, dt = 0.005, until 0.02" in said
    saved = hrd.load("sir")
    assert hrd.System.from_dict(saved.attrs["system"]) == hrd.examples.sir()


def test_overwriting_is_asked_for():
    call("run", "line.toml", "--out", "a")
    before = hrd.load("a")
    assert "a: exists" in call("run", "line.toml", "--out", "a", "--seed", 8, code=2)
    assert hrd.load("a").identical(before)
    call("run", "line.toml", "--out", "a", "--seed", 8, "--overwrite")
    assert hrd.load("a").attrs["seed"] == 8


def test_a_warning_is_one_line(capsys):
    with cli.messages():
        for word in ("coarse", "coarse", "slow"):
            warnings.warn(word, AccuracyWarning, stacklevel=1)
    assert capsys.readouterr().err == "Warning: coarse\nWarning: slow\n"


def test_a_coarse_layer_warns_and_runs():
    text = LINE.replace("cells", 'coupling = "mean-field"\ninterface = LAYER\ncells')
    Path("line.toml").write_text(text.replace("LAYER", '{ scheme = "layer", width = 0.08 }'))
    result = CliRunner().invoke(app, ["run", "line.toml", "--out", "a"])
    assert result.exit_code == 0
    warned = result.stderr.splitlines()
    assert len(warned) == 2  # one a species
    assert all(line.startswith("Warning: ") and "alpha" in line for line in warned)


def test_examples_are_listed():
    lines = call("examples").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(CASES)
    assert [line.split()[1:4] for line in lines[1:]] == [
        [f"{v:g}" for v in (c.dt, c.until, c.every)] for c in CASES.values()
    ]


def test_info_says_what_a_result_is():
    call("run", "line.toml", "--out", "line.zarr")
    said = call("info", "line.zarr")
    assert "line.zarr: simulation" in said
    assert "0 to 0.1, 6 records" in said
    assert "seed       7" in said
    assert f"hybridrd {hrd.__version__}" in said
    assert repr(hrd.System.from_toml("line.toml")) in said
    numbers = [str(n) for n in hrd.load("line.zarr")["copy_number"].values[-1]]
    assert ["number", *numbers] in [line.split() for line in said.splitlines()]


def root(x):
    return np.sqrt(x)


def test_info_of_a_system_with_functions_and_of_an_ensemble():
    system = hrd.System.from_toml("line.toml").replace(initial={"A": root})
    hrd.save(hrd.mean_field(system, dt=0.01, until=0.1), "pde")
    assert "A  root(x)" in call("info", "pde")
    call("run", "line.toml", "--out", "a", "--replicas", 2)
    said = call("info", "a")
    assert "a: ensemble" in said
    assert "replicas   2" in said
    assert "std. error" in said


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, **options
    )


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["examples"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    heavy = "numba", "scipy", "fipy", "xarray", "matplotlib", "pandas", "zarr"
    code = (
        "import sys; from hybridrd.cli.app import app\n"
        f"try: app({arguments!r})\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = python("-c", code)
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr.strip() == "[]"


def test_reading_a_result_needs_no_kernels():
    call("run", "line.toml", "--out", "a", "--until", 0.02)
    code = (
        "import atexit, sys; from hybridrd.__main__ import main; "
        "atexit.register(lambda: print('numba' in sys.modules)); main()"
    )
    assert python("-c", code, "info", "a").stdout.endswith("\nFalse\n")


def test_the_program_itself():
    assert python("-m", "hybridrd", "--version").stdout == f"hybridrd {hrd.__version__}\n"
    # xarray, pandas and zarr take a second to load, and nothing in a run needs them. NumPy's
    # Fortran compiler is there by name only; garbage is collected, but not what was loaded.
    loaded = "import atexit, gc, sys; from hybridrd.__main__ import main; atexit.register(lambda: ("
    loaded += "print(gc.isenabled(), gc.get_freeze_count() > 50_000, "
    loaded += "{'xarray', 'pandas', 'zarr', 'numpy.f2py.f2py2e', 'yaml.loader'} & "
    loaded += (
        "{*sys.modules}), print(sys.modules['numpy'].f2py.f2py2e.__name__))); sys.exit(main())"
    )
    done = python("-c", loaded, "run", "line.toml", "--out", "a", "--until", 0.02)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("True True set()\nnumpy.f2py.f2py2e\n")
    assert "saved to a" in done.stdout
    done = python("-m", "hybridrd", "run", "line.toml", "--out", "a")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: a: exists; choose another name, or give --overwrite\n"
    bad = Path("line.toml")
    bad.write_text(LINE.replace("D = 0.5", "D = -0.5"))
    done = python("-m", "hybridrd", "run", "line.toml", "--out", "b")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "Error: line.toml: species[0].D = -0.5: it must be at least 0",
        "line.toml: species[1].D = -0.5: it must be at least 0",
    ]


def test_no_option_has_a_name_that_fipy_reads():
    """FiPy looks for these in sys.argv when it is imported; whoever uses it unguarded would meet
    them in the words of our command line."""
    source = Path(cli.__file__).read_text()
    said = source + "".join(call(command, "--help") for command in ("run", "info", "plot"))
    for word in ("cache", "scipy", "petsc", "trilinos", "pyamgx", "inline", "skfmm"):
        assert f"--{word}" not in said
