"""Comparison of results: against definitions, scipy and sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import jensenshannon

from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid
from hybridrd.results.compare import compare
from hybridrd.results.dataset import Recorder
from hybridrd.results.divergence import jensen_shannon, sampling_floor
from hybridrd.results.statistics import Moments

GRID = Grid((0.0, 0.0), (4.0, 3.0), (8, 6))
TIMES = (0.0, 0.1, 0.2)
REGION = {"region_lower": [0.0, 0.0], "region_upper": [2.0, 3.0], "has_particles": 1}
NAMES = ["A", "B"]


def record(
    concentrations: np.ndarray,
    kind: str = "simulation",
    times: tuple[float, ...] = TIMES,
    grid: Grid = GRID,
    names: list[str] = NAMES,
    variables: tuple[str, ...] = ("concentration", "copy_number"),
    **attributes: Any,
) -> xr.Dataset:
    """A result from concentrations ``(time, species, x, y)``; the region is x < 2."""
    recorder = Recorder(grid, names, [], [], {}, variables, variables)
    half = grid.shape[0] // 2
    for t, c in zip(times, concentrations, strict=True):
        values = {
            "concentration": grid.flatten(c),
            "copy_number": c[:, :half].sum(axis=(1, 2)) * grid.volume,
        }
        recorder.add(t, {name: values[name] for name in variables})
    return recorder.dataset({"kind": kind, **REGION, **attributes})


def ensemble(runs: list[xr.Dataset]) -> xr.Dataset:
    """The ensemble of runs, with numpy's means."""
    result = xr.Dataset(coords=runs[0].coords, attrs=runs[0].attrs)
    for name in runs[0].data_vars:
        data = np.array([run[name].values for run in runs], dtype=float)
        result[f"{name}_mean"] = (runs[0][name].dims, data.mean(axis=0))
        moments = Moments()
        for sample in data:
            moments.add(sample)
        result[f"{name}_sem"] = (runs[0][name].dims, moments.sem)
    return result.assign_attrs(kind="ensemble", replicas=len(runs))


def profile() -> np.ndarray:
    """Smooth concentrations ``(time, species, x, y)``, about 12 particles a cell."""
    x, y = (GRID.centers(a) for a in range(2))
    one = 50 + 20 * np.sin(x)[:, None] + 10 * np.cos(y)[None, :]
    return np.array([[one * (1 + t), one[::-1] * (2 - t)] for t in TIMES])


def poisson_runs(c: np.ndarray, replicas: int, seed: int) -> list[xr.Dataset]:
    rng = np.random.default_rng(seed)
    return [record(rng.poisson(c * GRID.volume) / GRID.volume) for _ in range(replicas)]


def test_a_result_compared_with_itself_is_at_distance_zero() -> None:
    pde = record(profile(), "mean-field")
    table = compare(pde, pde)
    assert list(table.index.names) == ["time", "species"]
    assert list(table.index) == [(t, s) for t in TIMES for s in NAMES]
    assert (table[["difference", "l2", "jsd", "jsd_floor"]] == 0).all(axis=None)
    assert table[["standard_error", "z", "max_abs_z"]].isna().all(axis=None)
    expected = profile()[:, :, :4].sum(axis=(2, 3)) * 0.25
    np.testing.assert_allclose(table["count_a"].to_numpy(), expected.ravel(), rtol=1e-14)


def test_only_the_particle_region_counts() -> None:
    c = profile()
    other = c.copy()
    other[:, :, 4:] *= 7.0
    table = compare(record(other), record(c, "mean-field"))
    assert (table[["difference", "l2", "jsd"]] == 0).all(axis=None)


def test_columns_are_what_they_say() -> None:
    c = profile()
    rng = np.random.default_rng(5)
    other = c * rng.uniform(0.8, 1.2, c.shape)
    table = compare(record(other), record(c, "mean-field"))
    for k, t in enumerate(TIMES):
        for s, name in enumerate(NAMES):
            a, b = other[k, s, :4], c[k, s, :4]
            row = table.loc[(t, name)]
            assert row["count_a"] == pytest.approx(a.sum() * 0.25, rel=1e-13)
            assert row["count_b"] == pytest.approx(b.sum() * 0.25, rel=1e-13)
            assert row["difference"] == pytest.approx((a.sum() - b.sum()) * 0.25, rel=1e-10)
            assert row["l2"] == pytest.approx(np.sqrt(((a - b) ** 2).sum() / (b**2).sum()))
            assert row["jsd"] == pytest.approx(jensenshannon(a.ravel(), b.ravel()) ** 2, rel=1e-9)


def test_errors_and_z_of_an_ensemble() -> None:
    c = profile()
    runs = poisson_runs(c, 12, seed=2)
    table = compare(ensemble(runs), record(c, "mean-field"))
    counts = np.array([run["copy_number"] for run in runs])
    error = counts.std(axis=0, ddof=1) / np.sqrt(12)
    expected = (profile()[:, :, :4].sum(axis=(2, 3))) * 0.25
    np.testing.assert_allclose(table["standard_error"].to_numpy(), error.ravel(), rtol=1e-12)
    z = (counts.mean(axis=0) - expected) / error
    np.testing.assert_allclose(table["z"].to_numpy(), z.ravel(), rtol=1e-9)
    cells = np.array([run["concentration"] for run in runs])[:, :, :, :4]
    z = (cells.mean(axis=0) - c[:, :, :4]) / (cells.std(axis=0, ddof=1) / np.sqrt(12))
    np.testing.assert_allclose(
        table["max_abs_z"].to_numpy(), np.abs(z).max(axis=(2, 3)).ravel(), rtol=1e-9
    )


def test_two_ensembles_add_their_errors() -> None:
    c = profile()
    a, b = ensemble(poisson_runs(c, 8, seed=3)), ensemble(poisson_runs(c, 5, seed=4))
    table = compare(a, b)
    both = np.hypot(a["copy_number_sem"].values, b["copy_number_sem"].values)
    np.testing.assert_allclose(table["standard_error"].to_numpy(), both.ravel(), rtol=1e-13)
    flipped = compare(b, a)
    np.testing.assert_allclose(flipped["z"], -table["z"], rtol=1e-12)
    np.testing.assert_allclose(flipped["jsd_floor"], table["jsd_floor"], rtol=1e-12)


def test_a_run_scatters_as_the_replicas_of_the_ensemble_beside_it() -> None:
    c = profile()
    many, run = ensemble(poisson_runs(c, 9, seed=6)), poisson_runs(c, 1, seed=7)[0]
    one = ensemble([run])
    expected = many["copy_number_sem"].values * np.sqrt(1 + 9)
    for a, b in ((many, run), (run, many), (many, one)):
        error = compare(a, b)["standard_error"].to_numpy()
        np.testing.assert_allclose(error, expected.ravel(), rtol=1e-12)
    # 120 independent z, Student's t of 8 degrees: mean square 8/6, sd of the square 2.5.
    z = []
    for seed in range(20):
        runs = poisson_runs(c, 10, 200 + seed)
        z.append(compare(ensemble(runs[1:]), runs[0])["z"])
    assert np.mean(np.square(z)) == pytest.approx(8 / 6, abs=4 * 2.5 / np.sqrt(120))


def test_where_replicas_agree_there_is_no_z() -> None:
    c = profile()
    table = compare(ensemble([record(c), record(c)]), record(c * 1.1, "mean-field"))
    assert (table["standard_error"] == 0).all()
    assert table[["z", "max_abs_z"]].isna().all(axis=None)


@pytest.mark.parametrize("occupancy", [0.05, 0.5, 3.0, 40.0])
def test_the_floor_is_the_mean_divergence_of_samples(occupancy: float) -> None:
    rng = np.random.default_rng(11)
    p = rng.uniform(0.2, 2.0, 400)
    p[:50] = 0.0
    p *= occupancy * 400 / p.sum()
    found = np.array([jensenshannon(rng.poisson(p), p) ** 2 for _ in range(200)])
    error = found.std(ddof=1) / np.sqrt(200)
    # Independent samples have a random total, which normalising takes out: one cell of 400.
    floor = sampling_floor(p, p.sum())
    assert found.mean() == pytest.approx(floor, abs=4 * error + floor / 400)


def test_the_floor_of_full_cells_is_K_over_8n() -> None:
    p = np.linspace(1.0, 3.0, 100)
    assert sampling_floor(p, 1e7) == pytest.approx(100 / 8e7, rel=1e-3)
    assert np.isnan(sampling_floor(p, 0.0))
    assert np.isnan(sampling_floor(np.zeros(4), 10.0))


def test_jsd_of_samples_stands_at_its_floor() -> None:
    c = profile()
    pde = record(c, "mean-field")
    table = [compare(ensemble(poisson_runs(c, 4, seed)), pde) for seed in range(20)]
    jsd = np.array([t["jsd"] for t in table])
    error = jsd.std(axis=0, ddof=1) / np.sqrt(20)
    floor = table[0]["jsd_floor"].to_numpy()
    # K/(8 N R) over the 24 cells of the region, less the one cell that normalising takes out.
    np.testing.assert_allclose(floor, 24 / (8 * 4 * table[0]["count_b"]), rtol=0.05)
    assert (np.abs(jsd.mean(axis=0) - floor * 23 / 24) < 4.5 * error + 0.01 * floor).all()


def test_jsd_of_two_samples_stands_at_the_sum_of_floors() -> None:
    c = profile()
    jsd, floor = [], []
    for seed in range(20):
        a, b = ensemble(poisson_runs(c, 4, seed)), ensemble(poisson_runs(c, 2, 100 + seed))
        table = compare(a, b)
        jsd.append(table["jsd"])
        floor.append(table["jsd_floor"])
    error = np.std(jsd, axis=0, ddof=1) / np.sqrt(20)
    expected = np.mean(floor, axis=0) * 23 / 24
    assert (np.abs(np.mean(jsd, axis=0) - expected) < 4.5 * error + 0.02 * expected).all()


def test_jensen_shannon_is_scipys_squared() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        p, q = rng.random((2, 30)) * (rng.random((2, 30)) > 0.3)
        assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-9)
        assert jensen_shannon(3 * p, q) == pytest.approx(jensen_shannon(p, q), rel=1e-12)
    assert np.isnan(jensen_shannon(np.zeros(3), np.ones(3)))


def test_an_empty_profile_has_no_distance_to_an_empty_one() -> None:
    c = profile()
    c[0] = 0.0
    table = compare(record(c), record(c, "mean-field"))
    assert table.loc[0.0][["l2", "jsd", "jsd_floor"]].isna().all(axis=None)
    assert (table.loc[0.1]["l2"] == 0).all()
    other = profile()
    table = compare(record(other), record(c, "mean-field"))
    assert np.isinf(table.loc[(0.0, "A"), "l2"])


def test_common_times_and_any_order_of_species() -> None:
    c = profile()
    late = record(c[1:, ::-1], "mean-field", times=(0.1, 0.2 + 1e-14), names=["B", "A"])
    table = compare(record(c), late)
    assert list(table.index) == [(0.1, "A"), (0.1, "B"), (0.2, "A"), (0.2, "B")]
    assert (table[["difference", "l2"]] == 0).all(axis=None)


def test_a_result_without_particles_is_integrated_over_the_region_of_the_other() -> None:
    c = profile()
    whole = {"region_upper": [4.0, 3.0], "has_particles": 0}
    pde = record(c, "mean-field", **whole)
    pde["copy_number"] = c.sum(axis=(2, 3)) * GRID.volume + 0 * pde["copy_number"]
    for a, b in ((record(c), pde), (pde, record(c))):
        table = compare(a, b)
        np.testing.assert_allclose(table["count_a"], table["count_b"], rtol=1e-13)
    both = compare(pde, pde)["count_a"].to_numpy()
    np.testing.assert_allclose(both, c.sum(axis=(2, 3)).ravel() * GRID.volume, rtol=1e-13)


def test_counts_alone_can_be_compared() -> None:
    c = profile()
    table = compare(record(c, variables=("copy_number",)), record(c * 2, "mean-field"))
    np.testing.assert_allclose(table["count_b"], 2 * table["count_a"], rtol=1e-13)
    assert table[["l2", "jsd", "max_abs_z"]].isna().all(axis=None)
    fields = compare(record(c, variables=("concentration",)), record(c * 2, "mean-field"))
    np.testing.assert_allclose(fields["count_a"], table["count_a"], rtol=1e-13)


def test_cells_of_a_shell_count_by_their_volumes() -> None:
    r = np.array([1.25, 1.75, 2.25, 2.75])  # a shell of radii 1 and 3, region up to 2
    volumes = 4 / 3 * np.pi * np.diff(np.array([1.0, 1.5, 2.0, 2.5, 3.0]) ** 3)
    attributes = {"kind": "mean-field", "has_particles": 0}

    def shell(c: list[float]) -> xr.Dataset:
        return xr.Dataset(
            {"concentration": (("time", "species", "r"), [[c]])},
            {"time": [1.0], "species": ["A"], "r": r},
            {**attributes, "region_lower": [1.0], "region_upper": [2.0]},
        )

    row = compare(shell([3.0, 5.0, 1.0, 1.0]), shell([2.0, 2.0, 7.0, 7.0])).iloc[0]
    a, b = np.array([3.0, 5.0]), np.array([2.0, 2.0])
    v = volumes[:2]
    assert row["count_a"] == pytest.approx(a @ v)
    assert row["count_b"] == pytest.approx(2 * 4 / 3 * np.pi * (2.0**3 - 1.0**3))
    assert row["jsd"] == pytest.approx(jensenshannon(a * v, b * v) ** 2)
    assert row["l2"] == pytest.approx(np.sqrt(((a - b) ** 2 @ v) / (b**2 @ v)))


def test_what_cannot_be_compared_is_refused() -> None:
    c = profile()
    run = record(c)
    with pytest.raises(ResultError, match=r"no time in common: a has 0, 0.1, ..., 0.2, b has 7"):
        compare(run, record(c[:1], times=(7.0,)))
    with pytest.raises(ResultError, match="species differ: A, B in a, A, C in b"):
        compare(run, record(c, names=["A", "C"]))
    coarse = Grid((0.0, 0.0), (4.0, 3.0), (8, 3))
    with pytest.raises(ResultError, match=r"cells differ along y: 6 in \[0, 3\] in a, 3 in"):
        compare(run, record(c[..., ::2], grid=coarse))
    shifted = Grid((0.5, 0.0), (4.5, 3.0), (8, 6))
    with pytest.raises(ResultError, match="cells differ along x"):
        compare(run, record(c, grid=shifted))
    with pytest.raises(ResultError, match="a: a result is needed"):
        compare(c, run)  # type: ignore[arg-type]
    with pytest.raises(ResultError, match="b: copy_number was not recorded"):
        compare(run, run.drop_vars(["copy_number", "concentration"]))
