"""Snapshots: every particle of the record where it is, the continuum elsewhere."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from support.recorded import CUBE, LINE, PLANE, SHELL, with_particles

import hybridrd as hrd
from hybridrd.errors import ResultError
from hybridrd.plotting import style
from hybridrd.plotting.dots import on_disc, uniform
from hybridrd.results.view import View

NUMBERS = [[3, 2], [5, 4], [0, 7], [6, 1]]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def dots(ax):
    """Places of the dots by species."""
    found = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections}
    return {name: places for name, places in found.items() if not name.startswith("_")}


def test_the_particles_of_the_record_are_drawn_where_they_are():
    run = with_particles(PLANE, NUMBERS)
    x = run["position"].values
    for time, a, b, c in ((0.0, 0, 3, 5), (0.5, 5, 10, 14), (1.0, 14, 14, 21), (1.5, 21, 27, 28)):
        found = dots(hrd.plot.snapshot(run, time=time))
        np.testing.assert_array_equal(found["A"], x[a:b].reshape(-1, 2))
        np.testing.assert_array_equal(found["B"], x[b:c])
    assert list(dots(hrd.plot.snapshot(run, "B"))) == ["B"]


def test_the_continuum_is_colour_and_the_region_is_left_white():
    run = with_particles(PLANE, NUMBERS)
    ax = hrd.plot.snapshot(run, ["B", "A"], time=0.5)
    image = ax.images[0]
    c = run["concentration"].sel(species="B", time=0.5).values
    shown = image.get_array().T
    assert np.ma.getmaskarray(shown)[:10].all()
    np.testing.assert_array_equal(shown[10:], c[10:])
    assert image.get_clim() == (0.0, pytest.approx(np.percentile(c[10:], 99)))
    assert ax.child_axes[0].get_ylabel() == "concentration of B (1/um²)"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["B", "A"]
    assert ax.get_title() == "B, A, t = 0.5 s"
    assert hrd.plot.snapshot(run, "A", vmax=3.0).images[0].get_clim() == (0.0, 3.0)


def test_shades_fall_evenly_from_white_through_the_colour():
    for colour in style.COLOURS[:6]:
        cmap = style.shades(colour)
        lightness = [style._lightness(np.array(cmap(v)[:3])) for v in np.linspace(0, 1, 50)]
        assert cmap(0.0)[:3] == (1.0, 1.0, 1.0)
        even = np.linspace(lightness[0], lightness[-1], 50)
        assert np.abs(np.array(lightness) - even).max() < 7  # of 100
        distance = [np.abs(np.subtract(cmap(v)[:3], to_rgb(colour))).max() for v in range(256)]
        assert min(distance) < 0.02
    assert style._lightness(np.array([1.0, 1.0, 1.0])) == pytest.approx(100)
    assert style._lightness(np.full(3, 119 / 255)) == pytest.approx(
        50, abs=0.2
    )  # CIE's middle grey


def test_a_line_is_a_strip_with_dots_at_any_height():
    run = with_particles(LINE, [[300, 2]])
    ax = hrd.plot.snapshot(run, "A")
    places = dots(ax)["A"]
    np.testing.assert_array_equal(places[:, 0], run["position"].values[:300, 0])
    assert len(np.unique(places[:, 1])) == 300
    assert ((places[:, 1] > 0) & (places[:, 1] < 1)).all()
    assert list(ax.get_yticks()) == []
    mesh = next(c for c in ax.collections if c.get_label().startswith("_"))
    c = run["concentration"].sel(species="A", time=0.0).values
    np.testing.assert_array_equal(np.ma.compressed(mesh.get_array()), c[10:])
    assert {t.get_text() for t in ax.texts} == {"particles", "continuum"}


def test_a_particle_keeps_its_height_and_direction():
    ids = np.arange(200_000)
    u, v = uniform(ids, 0), uniform(ids, 1)
    np.testing.assert_array_equal(u[1000:], uniform(ids[1000:], 0))
    for values in (u, v):
        assert abs(values.mean() - 0.5) < 4 / np.sqrt(12 * len(ids))
        assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 4 / np.sqrt(len(ids))
        counts = np.histogram(values, 100, (0, 1))[0]
        assert ((counts - 2000) ** 2 / 2000).sum() < 150  # chi square, 99 degrees of freedom
    assert abs(np.corrcoef(u, v)[0, 1]) < 4 / np.sqrt(len(ids))


def test_a_uniform_shell_gives_dots_of_uniform_density():
    rng = np.random.default_rng(1)
    n, thickness = 400_000, 1.0
    r = np.cbrt(rng.uniform(1.0, 27.0, n))[:, None]  # uniform by volume between 1 and 3
    places = on_disc(r, np.arange(n), thickness)
    radius = np.hypot(*places.T)
    edges = np.linspace(1.0, 3.0, 9)
    # Concentration times the thickness times the area of the ring.
    expected = n / (4 / 3 * np.pi * 26) * thickness * np.pi * np.diff(edges**2)
    found = np.histogram(radius, edges)[0]
    assert (np.abs(found - expected) < 4 * np.sqrt(expected)).all()
    angle = np.arctan2(*places.T)
    assert abs(np.exp(1j * angle).mean()) < 4 / np.sqrt(len(places))


def test_a_shell_is_cut_through_its_centre():
    run = with_particles(SHELL, [[900, 2]])
    ax = hrd.plot.snapshot(run, "A")
    r = run["position"].values[:900, 0]
    radius = np.hypot(*dots(ax)["A"].T)
    assert np.abs(radius[:, None] - r).min(axis=1).max() < 1e-14
    assert abs(len(radius) - 450 * np.log(3)) < 60  # the mean of 1/r between 1 and 3
    assert "2 um thick" in ax.get_title()
    thin = dots(hrd.plot.snapshot(run, "A", thickness=0.2))["A"]
    assert len(thin) < 0.2 * len(radius)
    assert ax.get_aspect() == 1.0


def test_three_dimensions_are_a_slice():
    run = with_particles(CUBE, [[4000, 2]])
    x = run["position"].values[:4000]
    ax = hrd.plot.snapshot(run, "A", z=1.0, thickness=0.5)
    chosen = x[(x[:, 2] >= 0.75) & (x[:, 2] < 1.25)]  # about z = 1, the centre of its cell
    np.testing.assert_array_equal(dots(ax)["A"], chosen[:, :2])
    c = run["concentration"].sel(species="A", time=0.0).values[:, :, 2]
    np.testing.assert_array_equal(np.ma.compressed(ax.images[0].get_array().T), c[6:].ravel())
    assert "particles from z = 0.75 to 1.25 um" in ax.get_title()
    # By default as many layers of cells as hold 200: one of ten holds 400.
    assert "z = 1.6 to 2 um" in hrd.plot.snapshot(run, "A").get_title()
    sparse = hrd.plot.snapshot(with_particles(CUBE, [[50, 2]]), "A")
    assert "z = 0 to 4 um" in sparse.get_title()
    assert len(dots(sparse)["A"]) == 50


def test_pure_particles_have_no_colours():
    run = with_particles(PLANE, NUMBERS, region_upper=[10.0, 6.0])
    ax = hrd.plot.snapshot(run)
    assert ax.child_axes == []
    assert len(dots(ax)["A"]) == 6


def test_what_is_not_there_is_refused_with_what_to_do():
    run = with_particles(PLANE, NUMBERS)
    bare = run.drop_vars(["position", "particle_id", "row_size"])
    with pytest.raises(ResultError, match=r"not recorded; run with positions=True"):
        hrd.plot.snapshot(bare)
    with pytest.raises(ResultError, match=r"an ensemble keeps no positions; draw one replica"):
        hrd.plot.snapshot(bare.rename(concentration="concentration_mean").assign_attrs(replicas=3))
    with pytest.raises(ResultError, match="a PDE has no particles"):
        hrd.plot.snapshot(bare.assign_attrs(kind="mean-field"))
    with pytest.raises(ResultError, match="has 28 positions, but its records have 21"):
        hrd.plot.snapshot(run.isel(time=slice(0, 3)))
    with pytest.raises(ResultError, match="z = 1: this result is not drawn as a slice"):
        hrd.plot.snapshot(run, z=1.0)
    with pytest.raises(ResultError, match="z = 1: a shell is cut through its centre"):
        hrd.plot.snapshot(with_particles(SHELL, NUMBERS), z=1.0)
    with pytest.raises(ResultError, match="size = 0: it must be finite and greater"):
        hrd.plot.snapshot(run, size=0)
    with pytest.raises(ResultError, match="alpha = 2: an opacity is from 0"):
        hrd.plot.snapshot(run, alpha=2)
    with pytest.raises(ResultError, match="thickness = -1: it must be finite and greater"):
        hrd.plot.snapshot(with_particles(SHELL, NUMBERS), thickness=-1.0)
    with pytest.raises(ResultError, match=r"species = \[\]"):
        hrd.plot.snapshot(run, [])


def test_it_draws_into_given_axes():
    _, ax = plt.subplots()
    assert hrd.plot.snapshot(with_particles(PLANE, NUMBERS), ax=ax) is ax
    assert View(with_particles(PLANE, NUMBERS), "r").interfaces("x") == [5.0]
    assert [line.get_xdata()[0] for line in ax.lines] == [5.0, 5.0]
