"""Comparisons and kymographs show the numbers of the datasets and their exact errors."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from support.recorded import CUBE, LINE, PLANE, SHELL, with_particles
from test_pictures import assert_no_text_overlaps, ensemble, record

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.model.grid import Grid

AT = {"species": "A", "time": 0.5}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def label(ax):
    return ax.get_title().splitlines()[-1]


def test_four_images_hold_both_their_difference_and_z():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    axes = hrd.plot.compare(many, pde, "A", time=0.5, bins=1)
    a, b = many["concentration_mean"].sel(AT).values, pde["concentration"].sel(AT).values
    error = many["concentration_sem"].sel(AT).values
    shown = [np.asarray(ax.images[0].get_array()).T for ax in axes]
    for found, expected in zip(shown, (a, b, a - b, (a - b) / error), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert axes[0].images[0].get_clim() == axes[1].images[0].get_clim()
    low, high = axes[2].images[0].get_clim()
    assert low == -high
    assert [label(ax) for ax in axes[:3]] == ["mean of 7 replicas", "PDE", "difference"]
    share = 100 * np.mean(np.abs((a - b) / error)[:10] > 2)
    assert label(axes[3]) == f"z; {share:.0f} % of particle cells beyond 2"
    assert_no_text_overlaps(axes[0].figure)


def test_bins_average_both_and_their_errors_in_the_region():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    axes = hrd.plot.compare(many, pde, "A", time=0.5, bins=5)
    # Ten by twelve cells of particles: two bins of five along x, two of six along y.
    first = slice(0, 5), slice(0, 6)
    a, b = many["concentration_mean"].sel(AT).values, pde["concentration"].sel(AT).values
    error = np.sqrt((many["concentration_sem"].sel(AT).values[first] ** 2).sum()) / 30
    z = (a[first].mean() - b[first].mean()) / error
    shown = [np.asarray(ax.images[0].get_array()).T for ax in axes]
    np.testing.assert_allclose(shown[1][first], b[first].mean(), rtol=1e-13)
    np.testing.assert_allclose(shown[3][first], z, rtol=1e-12)
    np.testing.assert_allclose(shown[2][10:], (a - b)[10:], rtol=1e-13)


def test_runs_without_errors_have_no_z():
    run, pde = record(PLANE), record(PLANE, "mean-field", seed=5)
    axes = hrd.plot.compare(run, pde, "A")
    assert [label(ax) for ax in axes] == ["hybrid", "PDE", "difference"]
    axes = hrd.plot.compare(record(LINE), record(LINE, "mean-field", seed=5), "A")
    assert len(axes) == 2


def test_a_run_scatters_as_the_replicas_beside_it():
    run, many = record(LINE, seed=9), ensemble(LINE)
    axes = hrd.plot.compare(run, many, "A", time=0.5)
    error = many["concentration_sem"].sel(AT).values * np.sqrt(1 + 7)
    difference = run["concentration"].sel(AT) - many["concentration_mean"].sel(AT)
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), difference, rtol=1e-13)
    np.testing.assert_allclose(axes[2].lines[0].get_ydata(), difference / error, rtol=1e-13)
    corners = axes[1].collections[0].get_paths()[0].vertices[:, 1]
    for value in (*(2 * error), *(-2 * error)):
        assert np.isclose(corners, value, rtol=1e-12).any()
    assert len(axes[0].collections) == 1  # the band of the reference
    assert_no_text_overlaps(axes[0].figure)


def test_cells_that_agree_in_all_replicas_have_no_z():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    many["concentration_sem"][:, :, 10:] = 0.0
    axes = hrd.plot.compare(many, pde, "A", bins=1)
    hidden = np.ma.getmaskarray(axes[3].images[0].get_array()).T
    assert hidden[10:].all()
    assert not hidden[:10].any()


def test_three_dimensions_are_cut_or_averaged():
    many, pde = ensemble(CUBE), record(CUBE, "mean-field", seed=5)
    axes = hrd.plot.compare(many, pde, "A", time=0.5, bins=1, z=1.0)
    expected = pde["concentration"].sel(AT).values[:, :, 2]
    np.testing.assert_array_equal(np.asarray(axes[1].images[0].get_array()).T, expected)
    lines = hrd.plot.compare(many, pde, "A", time=0.5, axis="z")
    means = [d.sel(AT).mean(("x", "y")) for d in (many["concentration_mean"], pde["concentration"])]
    np.testing.assert_allclose(lines[1].lines[0].get_ydata(), means[0] - means[1], rtol=1e-12)


def test_axes_can_be_given():
    many, pde = ensemble(PLANE), record(PLANE, "mean-field", seed=5)
    _, given = plt.subplots(1, 4)
    axes = hrd.plot.compare(many, pde, "A", ax=given)
    assert all(a is b for a, b in zip(axes, given, strict=True))
    assert axes[0].get_title().startswith("A, t = 1.5 s")
    with pytest.raises(ResultError, match="has 4 panels; give a list of 4 axes"):
        hrd.plot.compare(many, pde, "A", ax=given[:2])


def test_comparisons_that_cannot_be_are_refused():
    many, pde = ensemble(LINE), record(LINE, "mean-field")
    with pytest.raises(ResultError, match="the axes differ"):
        hrd.plot.compare(many, record(PLANE, "mean-field"), "A")
    with pytest.raises(ResultError, match="reference: unknown species 'B'"):
        hrd.plot.compare(many, record(LINE, "mean-field", names=("A",)), "B")
    with pytest.raises(ResultError, match="bins = 2: only for images"):
        hrd.plot.compare(many, pde, "A", bins=2)
    with pytest.raises(ResultError, match="bins = 0"):
        hrd.plot.compare(many, pde, "A", bins=0)


# Kymographs


def test_a_kymograph_has_every_record_in_its_place():
    run = record(LINE)
    ax = hrd.plot.kymograph(run, "B", bins=1)
    mesh = ax.collections[0]
    np.testing.assert_array_equal(mesh.get_array(), run["concentration"].sel(species="B"))
    x, t = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    np.testing.assert_allclose(x, np.linspace(1, 11, 21))
    np.testing.assert_allclose(t, [0.0, 0.25, 0.75, 1.25, 1.5])
    assert [list(line.get_xdata()) for line in ax.lines] == [[6.0, 6.0]] * 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (um)", "time (s)")
    assert {text.get_text() for text in ax.texts} == {"particles", "continuum"}
    assert ax.child_axes[0].get_ylabel() == "concentration of B (1/um)"
    assert_no_text_overlaps(ax.figure)


def test_a_kymograph_in_more_dimensions_is_a_mean():
    run = record(CUBE)
    for axis, others in (("x", ("y", "z")), ("z", ("x", "y"))):
        ax = hrd.plot.kymograph(run, "A", axis, bins=1)
        expected = run["concentration"].sel(species="A").mean(others)
        np.testing.assert_allclose(ax.collections[0].get_array(), expected, rtol=1e-13)
        assert ax.get_title() == f"A, hybrid, mean over {others[0]} and {others[1]}"
        assert len(ax.lines) == (2 if axis == "x" else 0)


def test_bins_of_a_shell_weigh_cells_by_their_volume():
    run = with_particles(SHELL, [[3, 2]] * 4)
    ax = hrd.plot.kymograph(run, "A", bins=4)
    c = run["concentration"].sel(species="A").values
    v = SHELL.volumes
    found = np.asarray(ax.collections[0].get_array())
    np.testing.assert_allclose(found[2, :4], (c[2] * v)[:4].sum() / v[:4].sum(), rtol=1e-13)
    np.testing.assert_array_equal(found[:, 8:], c[:, 8:])
    assert ax.get_title().endswith("particles averaged over 4 cells")


def test_kymographs_that_cannot_be_are_refused():
    run = record(LINE)
    with pytest.raises(ResultError, match="has one record"):
        hrd.plot.kymograph(run.isel(time=[0]), "A")
    with pytest.raises(ResultError, match="axis = 'y': it is one of x"):
        hrd.plot.kymograph(run, "A", "y")
    with pytest.raises(ResultError, match=r"bins = 1\.5"):
        hrd.plot.kymograph(run, "A", bins=1.5)
    empty = xr.zeros_like(run).assign_attrs(run.attrs)
    assert hrd.plot.kymograph(empty, "A").collections[0].get_clim() == (0.0, 1.0)


def test_bins_by_default_hold_fifty_particles_where_there_is_a_z():
    grid = Grid((0.0, 0.0), (10.0, 10.0), (200, 200))
    pde = record(grid, "mean-field")
    for result, n in ((record(grid), 6), (ensemble(grid), 50)):
        c = result[next(iter(result.data_vars))].sel(species="A", time=1.5).values[:100]
        samples = c.sum() * 0.05**2 * result.attrs.get("replicas", 1)
        cells = min(np.ceil(np.sqrt(n * c.size / samples)), 12)
        axes = hrd.plot.compare(result, pde, "A")
        assert f"in bins of {cells:.0f} cells" in axes[0].figure.get_suptitle()
