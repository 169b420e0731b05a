"""Scenes of three dimensions: what is in them, where, and in which colours."""

import numpy as np
import pytest
import pyvista

import hybridrd as hrd

A, B = hrd.Species("A", D=0.5), hrd.Species("B", D=0.2)
ROOM = hrd.Box(x=(0, 2), y=(0, 1), z=(0, 1))
SYSTEM = hrd.System(
    species=[A, B], domain=ROOM, particles=hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1)), cells=(8, 4, 4),
    initial={A: hrd.Patch(lambda x, z: 40 * x + 4 * z), B: hrd.Copies(9, x=(0, 1))},
    units={"length": "um", "time": "s"},
)  # fmt: skip


@pytest.fixture
def plotter():
    made = pyvista.Plotter(off_screen=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def run():
    return hrd.Simulation(SYSTEM, dt=1e-3, seed=1).run(0.002, every=0.001, positions=True)


def mesh(plotter, name):
    return plotter.actors[name].mapper.dataset


def test_particles_are_spheres_where_they_are(run, plotter):
    hrd.plot.scene(run, "B", time=0.0, plotter=plotter, size=0.01)
    assert "particles of A" not in plotter.actors
    rows = run["row_size"].values
    first = rows[0, 0]
    places = run["position"].values[first : first + rows[0, 1]]
    balls = mesh(plotter, "particles of B").split_bodies(label=False)
    centers = np.array([ball.center for ball in balls])
    assert len(centers) == 9
    order = np.argsort(centers[:, 0])
    np.testing.assert_allclose(centers[order], places[np.argsort(places[:, 0])], atol=1e-3)
    assert mesh(plotter, "region").bounds == pytest.approx((0, 1, 0, 1, 0, 1))


def test_slices_show_the_field_where_it_is(plotter):
    pde = hrd.mean_field(SYSTEM, dt=1e-3, until=0.001, every=0.001)
    hrd.plot.scene(pde, A, time=0.0, x=1.4, z=[0.1, 0.9], vmax=60.0, plotter=plotter)
    cut = mesh(plotter, "continuum")
    places = cut.cell_centers().points
    assert set(np.round(places[:, 2][np.abs(places[:, 0] - 1.375) > 1e-6], 6)) == {0.125, 0.875}
    np.testing.assert_allclose(cut["c"], 40 * _middle(places[:, 0]) + 4 * _middle(places[:, 2]))
    assert plotter.actors["continuum"].mapper.scalar_range == (0.0, 60.0)


def _middle(x):
    """The middle of the cell of 0.25 that holds x."""
    return (np.floor(x / 0.25 - 1e-9) + 0.5) * 0.25


def test_obstacles_and_units(plotter):
    rock = SYSTEM.replace(particles=None, obstacles=hrd.Box(x=(1, 1.5), y=(0, 1), z=(0, 0.5)))
    pde = hrd.mean_field(rock, dt=1e-3, until=0.001, every=0.001)
    hrd.plot.scene(pde, A, time=0.0, units={"length": "nm"}, plotter=plotter)
    bounds = 1000.0, 1500.0, 0.0, 1000.0, 0.0, 500.0
    assert mesh(plotter, "obstacles").bounds == pytest.approx(bounds)
    c, places = mesh(plotter, "continuum")["c"], mesh(plotter, "continuum").cell_centers().points
    inside = (places[:, 0] > 1000) & (places[:, 0] < 1500) & (places[:, 2] < 500)
    np.testing.assert_array_equal(np.isnan(c), inside)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"x": 3.0}, "x = 3: the domain reaches from 0 to 2"),
        ({"norm": "sqrt"}, "norm"),
        ({"species": "Z"}, "Z"),
        ({"time": 9.0}, "no record near t = 9"),
        ({"size": 0.0}, "size"),
        ({"vmin": 5.0, "vmax": 1.0}, "vmin must be below"),
    ],
)
def test_refusals(run, plotter, options, words):
    with pytest.raises(hrd.ResultError, match=words):
        hrd.plot.scene(run, plotter=plotter, **options)


def test_fewer_dimensions_are_refused(plotter):
    line = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), initial={A: 1.0})
    pde = hrd.mean_field(line, dt=1e-3, until=0.001)
    with pytest.raises(hrd.ResultError, match="has 1 axes; a scene has three"):
        hrd.plot.scene(pde, plotter=plotter)
