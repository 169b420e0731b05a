"""The scripts that hybridrd promises to run as they are written, and the numbers they print."""

import ast
import math
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.simulation.mean_field import mean_field

COPIES = Path(__file__).parents[1] / "contract"
ORIGINALS = Path(__file__).parents[3] / "shared" / "contract"
NAMES = sorted(p.name for p in COPIES.iterdir() if p.suffix in (".py", ".toml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_original_and_can_be_read(name):
    text = (COPIES / name).read_text()
    assert ast.parse(text) if name.endswith(".py") else tomllib.loads(text)
    if ORIGINALS.is_dir():
        assert text == (ORIGINALS / name).read_text()


def test_no_copy_is_missing():
    # Scripts that the package cannot run yet have no copy.
    numbers = {name[:2] for name in NAMES if name.endswith(".py")}
    assert numbers == {"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13"}
    if ORIGINALS.is_dir():
        assert {p.name for p in ORIGINALS.iterdir()} >= set(NAMES)


def run(name, folder, **changes):
    """Run a script in a folder, numbers in it changed; what it prints, its lines in words."""
    text = (COPIES / name).read_text()
    for old, new in changes.items():
        number = f"{old}={new[0]}"
        assert text.count(number) >= 1, number
        text = text.replace(number, f"{old}={new[1]}")
    script = folder / name
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:hybridrd", script],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_open_line(printed, T):
    """Mean and variance of a stationary Poisson count of mean 100, over a time T.

    The count's autocorrelation is that of diffusion in (0, 1) with one open end,
    ``rho(t) = 8/pi² sum exp(-m² pi² t/4)/m²`` (m odd). Hence the standard error of the mean is
    ``10 sqrt(2 tau/T)`` with ``tau = integral of rho = 1/3``, and that of the variance
    ``100 sqrt(4 tau_2/T)`` with ``tau_2 = integral of rho² = 0.135``.
    """
    mean, variance = map(float, printed.split())
    m = np.arange(1, 200, 2) ** 2
    weights = 8 / np.pi**2 / m
    tau = (weights / (m * np.pi**2 / 4)).sum()
    tau_2 = (np.outer(weights, weights) / ((m[:, None] + m) * np.pi**2 / 4)).sum()
    assert tau == pytest.approx(1 / 3, rel=1e-6)
    assert abs(mean - 100) < 4 * 10 * math.sqrt(2 * tau / T)
    bias = 100 * 2 * tau / T  # of a variance about the mean of the same samples
    assert abs(variance + bias - 100) < 4 * 100 * math.sqrt(4 * tau_2 / T)


def test_open_line_is_poisson(tmp_path):
    check_open_line(run("01_open_line.py", tmp_path, until=("200.0", "40.0")), T=35)


@pytest.mark.validation
def test_open_line_is_poisson_as_written(tmp_path):
    check_open_line(run("01_open_line.py", tmp_path), T=195)


def check_hybrid_line(result):
    """All that the script's physics says: mass decays at 0.05, the counts follow the PDE.

    The numbers of births and deaths scatter like a Poisson count, those in the continuum not at
    all; the standard errors below are therefore upper bounds.
    """
    assert result["concentration"].dims == ("time", "species", "x")
    assert list(result["time"].values) == [round(0.5 * i, 12) for i in range(21)]
    total = result["total"].sel(species="A")
    assert total[0] == pytest.approx(6000, rel=1e-12)
    expected = 6000 * np.exp(-0.05 * result["time"])
    assert (abs(total - expected) < 5 * np.sqrt(6000 - expected) + 1e-6).all()
    cells = result["concentration"].sel(species="A")
    particles = cells.where(cells.x < 5, drop=True).sum("x") * 0.05
    np.testing.assert_allclose(particles, result["copy_number"].sel(species="A"), rtol=1e-12)
    pde = mean_field(hrd.System.from_dict(result.attrs["system"]), 1e-3, 10.0, 0.5)
    expected = pde["copy_number"].sel(species="A")
    assert (abs(particles - expected) < 5 * np.sqrt(expected + 1)).all()


def test_hybrid_line_as_written(tmp_path):
    assert run("02_hybrid_line.py", tmp_path) == "('time', 'species', 'x')\n"
    assert (tmp_path / "line.png").stat().st_size > 10_000
    check_hybrid_line(hrd.load(tmp_path / "line.zarr"))


def test_line_file_as_written_is_the_script(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hybridrd", "run", COPIES / "line.toml", "--out", "line.zarr"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    result = hrd.load(tmp_path / "line.zarr")
    check_hybrid_line(result)
    assert done.stdout.split()[-1] == str(int(result["copy_number"][-1, 0]))
    system = hrd.System.from_toml(COPIES / "line.toml")
    assert hrd.System.from_dict(result.attrs["system"]) == system


def check_sir(printed, replicas):
    """Numbers of S, I, R at t = 1 against the exact PDE: 454.8, 4559.7, 1900.

    S may stand 2.5 % above (correlations lower the pair rate), the others 1 % off.
    """
    lines = printed.splitlines()
    assert len(lines) > 2 + 3 * 16  # then the comparison, a line for each time and species
    means, errors = (np.array(part.split(), float) for part in _bracketed(printed)[:2])
    slack = np.array([0.025 * 454.8, 0.01 * 4559.7, 0.01 * 1900])
    # a standard error from few replicas is itself uncertain: Poisson's is the least that S can have
    errors = np.maximum(errors, np.sqrt(means / replicas))
    assert (abs(means - [454.8, 4559.7, 1900]) < 4 * errors + slack).all()


def _bracketed(text):
    return [part.split("]")[0] for part in text.split("[")[1:]]


def test_sir_ensemble(tmp_path):
    check_sir(run("03_sir_ensemble.py", tmp_path, replicas=("20", "4")), replicas=4)


@pytest.mark.validation
def test_sir_ensemble_as_written(tmp_path):
    check_sir(run("03_sir_ensemble.py", tmp_path), replicas=20)


def check_forces(printed, error):
    """A line whose concentration over Boltzmann's is 1 on both sides of the plane."""
    ratios = np.array(printed.replace("[", " ").replace("]", " ").split(), float)
    assert ratios.shape == (40,)
    assert np.abs(ratios - 1.0).max() < error
    # The plane itself makes no jump.
    assert abs(ratios[20:24].mean() - ratios[16:20].mean()) < 0.5 * error


def test_boltzmann_across_the_plane(tmp_path):
    check_forces(run("09_forces.py", tmp_path, until=("4.0", "1.5"), dt=("5e-4", "1e-3")), 0.1)


@pytest.mark.validation
def test_boltzmann_across_the_plane_as_written(tmp_path):
    check_forces(run("09_forces.py", tmp_path), 0.05)


def check_discrete_cells(printed, T):
    """Totals and cells of a hybrid and of cells alone: all Poisson, of mean 320 and 20.

    A total forgets in 10, a cell of 16 sooner; the last line is a Brusselator, which is stable.
    """
    numbers = np.array([float(word) for word in re.findall(r"[-+.e0-9]+", printed)])
    runs = numbers[:36].reshape(2, 18)
    for mean, variance, *cells in runs:
        assert abs(mean - 1) < 4.5 * math.sqrt(2 * 10 / T / 320)
        # A variance about a mean of the same samples is low by that of the mean.
        assert abs(variance + 2 * 10 / T - 1) < 4.5 * math.sqrt(2 * 10 / T)
        assert abs(np.mean(cells) - 1) < 4.5 * math.sqrt(4 / (16 * T / 4)) + 20 / T
    system = np.diff(numbers[36:]).item()  # V - U of 1 and 3, on the way there
    assert 1 < system < 3


def test_discrete_cells(tmp_path):
    check_discrete_cells(run("06_discrete_cells.py", tmp_path, until=("4000.0", "500.0")), T=400)


@pytest.mark.validation
def test_discrete_cells_as_written(tmp_path):
    check_discrete_cells(run("06_discrete_cells.py", tmp_path), T=3900)


def check_sweep(printed):
    """Numbers at t = 5 against J (1 - exp(-k t))/k, J = 500; they are Poisson, with 8 replicas."""
    means = np.array(re.findall(r"[\d.]+", printed)[:6], float).reshape(3, 2)
    k = np.array([[1.0], [2.0], [4.0]])
    exact = 500 * (1 - np.exp(-5 * k)) / k
    assert (abs(means - exact) < 4.5 * np.sqrt(exact / 8)).all()
    assert printed.split()[-1] == "4"  # the added rate is there, too


def check_langevin(printed, T):
    """A Poisson count of mean 2000 between two reservoirs, over a time T; velocities of variance 5.

    The slowest mode of the content decays at ``D (pi/(L + 2 l))²``, l = 1.4604 s/friction.
    """
    (mean, variance, _), (speed, _) = (map(float, line.split()) for line in printed.splitlines())
    tau = ((4 + 2 * 0.6531) / math.pi) ** 2
    assert abs(mean - 2000) < 4 * math.sqrt(2000 * 2 * tau / T)
    assert abs(variance * (1 + 2 * tau / T) - 2000) < 4 * 2000 * math.sqrt(2 * tau / T)
    assert abs(speed - 5) < 4 * 5 * math.sqrt(2 / 2000)


def test_langevin_as_written(tmp_path):
    check_langevin(run("13_langevin.py", tmp_path), T=180)


def test_sweep(tmp_path):
    # Influx and decay are exact at any step.
    check_sweep(run("12_sweep.py", tmp_path, dt=("1e-3", "1e-1"), workers=("2", "0")))


@pytest.mark.validation
def test_sweep_as_written_and_killed_twice(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    check_sweep(run("12_sweep.py", whole))
    for points in (1, 4):
        process = subprocess.Popen([sys.executable, COPIES / "12_sweep.py"], cwd=tmp_path)
        try:
            until = time.monotonic() + 120
            while _points_done(tmp_path / "study.zarr") < points and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        time.sleep(1.0)  # its workers notice
        assert points <= _points_done(tmp_path / "study.zarr") < 8
    check_sweep(run("12_sweep.py", tmp_path))
    one, other = (hrd.load(place / "study.zarr") for place in (whole, tmp_path))
    assert one.drop_vars("attributes").identical(other.drop_vars("attributes"))


def _points_done(place):
    return sum(map(bool, hrd.load(place)["attributes"].values.ravel())) if place.exists() else 0


def test_any_shape_as_written(tmp_path):
    """The content of the region is that of the PDE within its scatter, the total constant."""
    printed = run("07_any_shape.py", tmp_path)
    (hybrid, pde), (first, last) = (
        [float(word.strip("[]")) for word in line.split()] for line in printed.splitlines()
    )
    assert abs(hybrid - pde) < 4.5 * math.sqrt(pde)
    assert last == pytest.approx(first, rel=1e-12)
    assert (tmp_path / "dish.png").stat().st_size > 10_000


def check_rooms(printed):
    """The report has its parts, and the ensemble is within its error of the sets' equation."""
    for part in ("2 metastable sets of 764 cells", "gap 14.6 after 2", "time scales 1.48"):
        assert part in printed
    truth, mean, error = np.array(re.findall(r"[\d.]+", printed.splitlines()[-1]), float).reshape(
        3, 2
    )
    assert truth[0] == truth[1] == pytest.approx(2.034, abs=2e-3)
    assert (abs(mean - truth) < 4.5 * error).all()


def test_rooms(tmp_path):
    # The walk leaves the uniform state on the cells as it is at any step.
    changes = {"replicas": ("400", "8"), "dt": ("5e-4", "2e-2"), "until": ("40.0", "20.0")}
    check_rooms(run("10_rooms.py", tmp_path, **changes))


@pytest.mark.validation
def test_rooms_as_written(tmp_path):
    check_rooms(run("10_rooms.py", tmp_path))


def check_events(printed, fluxes):
    """The mean first passage time within 4 standard errors of the closed form, and D dc/dx.

    The flux through a plane, over the time T of ``fluxes`` records, is a mean of T D c/h² or so
    independent steps: its standard error is that of the walkers' exchange, some sqrt(2 c D/T).
    """
    mean, sem, expected, flux, gradient = map(float, printed.split())
    assert abs(mean - expected) < 4 * sem
    assert sem < 0.03 * expected
    assert abs(flux - gradient) < 4 * np.sqrt(3000 / (0.1 * fluxes))


def test_events(tmp_path):
    check_events(run("11_events.py", tmp_path, until=("20.0", "2.0")), 20)


@pytest.mark.validation
def test_events_as_written(tmp_path):
    check_events(run("11_events.py", tmp_path), 200)


def test_adaptive_front(tmp_path):
    """The front is slower than that of the PDE, and leaves fewer and fewer cells as particles."""
    text = (COPIES / "08_adaptive_front.py").read_text()
    for old, new in (
        ("front.sel(time=60) - front.sel(time=20)) / 40", "front.sel(time=12) - 20) / 12"),
        ("until=60.0", "until=12.0"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "front.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "front.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.replace("[", " ").replace("]", " ").split()
    assert 0.8 < float(words[0]) < 2.0
    shares = [float(word) for word in words[3:]]
    assert len(shares) == 13
    assert shares[-1] < shares[0]
    assert (tmp_path / "front.png").stat().st_size > 10_000
