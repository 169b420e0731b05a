"""Net flux through planes: against a count of every particle, and against known fluxes."""

import numpy as np
import pytest

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.4)
LINE = hrd.Box(x=(0, 1))


def passed(result, plane):
    """Net numbers that passed a plane since the record before, ``(records - 1, species)``."""
    elapsed = np.diff(result.time.values)[:, None]
    return np.rint(result.plane_flux.sel(plane=plane).values[1:] * elapsed)


def rows(result, axis):
    """Positions and ids of the particles by record and species."""
    sizes = result.row_size.values
    ends = np.cumsum(sizes.ravel())[:-1]
    x, ids = np.split(result.position.sel(axis=axis).values, ends), result.particle_id.values
    return [dict(zip(i, y, strict=True)) for i, y in zip(np.split(ids, ends), x, strict=True)]


def above(result, axis, place):
    """Numbers above a plane, ``(records, species)``."""
    counts = [sum(v > place for v in row.values()) for row in rows(result, axis)]
    return np.array(counts, np.int64).reshape(result.row_size.shape)


def followed(result, axis, place, period=0.0):
    """What passed a plane from record to record, of those that were there at both."""
    all_rows, species = rows(result, axis), result.sizes["species"]
    found = np.zeros(len(all_rows) - species, np.int64)
    for k, (before, after) in enumerate(zip(all_rows, all_rows[species:], strict=False)):
        for i in before.keys() & after.keys():
            ends = np.array([before[i], after[i]]) - place
            if period:
                ends[1] -= period * np.rint((ends[1] - ends[0]) / period)
                found[k] += np.diff(np.floor(ends / period))[0]
            else:
                found[k] += np.diff((ends > 0).astype(int))[0]
    return found.reshape(-1, species)


def test_every_particle_across_a_periodic_axis():
    plane = hrd.Box(x=(0, 1), y=(0, 0.5))
    system = hrd.System(
        species=[A, B], domain=plane, particles=plane,
        walls={"x": hrd.Periodic(), "y+": hrd.Reservoir({A: 300.0, B: 100.0})},
        initial={A: 300.0, B: 200.0},
    )  # fmt: skip
    planes = {"p": hrd.Plane(x=0.3), "seam": hrd.Plane(x=0.0)}
    sim = hrd.Simulation(system, dt=1e-3, seed=2)
    result = sim.run(until=0.03, every=1e-3, positions=True, planes=planes)
    for name, place in (("p", 0.3), ("seam", 0.0)):
        expected = followed(result, "x", place, 1.0)
        assert abs(expected).sum() > 50
        # Those that leave through y at the end of a step may have passed in it.
        assert abs(passed(result, name) - expected).sum() <= 0.3 * abs(expected).sum()


def check_balance(result, plane, axis, place, face):
    """Where nothing reacts: what passed is what left beyond the plane, and what is more above."""
    left = result.crossings.sel(face=face).values[1:]
    change = np.diff(above(result, axis, place), axis=0)
    assert abs(change).sum() > 20
    np.testing.assert_array_equal(passed(result, plane), change + left)


@pytest.mark.parametrize("scheme", [None, hrd.ExactPlane()], ids=["layer", "exact"])
def test_a_line_between_reservoirs(scheme):
    walls = {"x-": hrd.Reservoir({A: 2000.0}), "x+": hrd.Reservoir({A: 1000.0, B: 100.0})}
    more = {} if scheme is None else {"interface": scheme}
    system = hrd.System(
        species=[A, B], domain=LINE, particles=LINE, walls=walls, initial={A: 1500.0}, **more
    )  # fmt: skip
    planes = {"middle": hrd.Plane(x=0.5), "edge": hrd.Plane(x=0.002)}
    sim = hrd.Simulation(system, dt=1e-4, seed=8)
    result = sim.run(until=0.05, every=0.005, positions=True, planes=planes)
    check_balance(result, "middle", "x", 0.5, "x+")
    check_balance(result, "edge", "x", 0.002, "x+")
    assert np.isnan(result.plane_flux[0]).all()
    plain = hrd.Simulation(system, dt=1e-4, seed=8).run(until=0.05, every=0.005, positions=True)
    assert result.drop_vars(["plane_flux", "plane"]).equals(plain)


def test_a_shell_and_reactions_pass_nothing():
    shell = hrd.Shell(inner=1.0, outer=3.0)
    walls = {"inner": hrd.PartiallyAbsorbing(kappa=20.0), "outer": hrd.Reservoir({A: 5.0})}
    system = hrd.System(
        species=[A], domain=shell, particles=shell, walls=walls, initial={A: 5.0}
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=2e-3, seed=8)
    planes = {"sphere": hrd.Plane(r=2.0)}
    check_balance(
        sim.run(until=0.1, every=0.02, positions=True, planes=planes), "sphere", "r", 2.0, "outer"
    )  # fmt: skip
    still = hrd.System(
        species=[hrd.Species("S", D=0.0)], domain=LINE, particles=LINE,
        reactions=[hrd.Reaction("S -> 0", k=5.0), hrd.Reaction("0 -> S", k=100.0)],
        initial={"S": 100.0},
    )  # fmt: skip
    result = hrd.Simulation(still, dt=1e-2, seed=1).run(until=0.5, planes={"p": hrd.Plane(x=0.4)})
    assert result.events.sum() > 100
    assert (result.plane_flux[1:] == 0).all()


def test_a_region_of_any_shape():
    plane = hrd.Box(x=(0, 2), y=(0, 2))
    ball = hrd.Ball(center=(1, 1), radius=0.6)
    system = hrd.System(species=[A], domain=plane, particles=ball, cells=20, initial={A: 200.0})
    sim = hrd.Simulation(system, dt=1e-3, seed=8)
    planes = {"middle": hrd.Plane(x=1.0)}
    result = sim.run(until=0.03, every=1e-3, positions=True, planes=planes)
    expected = followed(result, "x", 1.0)
    assert abs(expected).sum() > 40
    # Through the faces above and below the ball's middle some come and go beside the plane.
    assert abs(passed(result, "middle") - expected).sum() <= 0.2 * abs(expected).sum()


def test_killed_and_resumed(tmp_path):
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=LINE, cells=20, initial={A: 200.0}
    )  # fmt: skip
    planes = {"p": hrd.Plane(x=0.25), "q": hrd.Plane(x=0.9)}
    whole = hrd.Simulation(system, dt=1e-3, seed=5).run(until=0.1, every=0.01, planes=planes)
    first = hrd.Simulation(system, dt=1e-3, seed=5)
    first.run(
        until=0.1, every=0.01, planes=planes, out=tmp_path / "a.zarr", checkpoint=tmp_path / "c",
        stop=Halt(0.047),
    )  # fmt: skip
    twin = hrd.Simulation.restore(tmp_path / "c")
    with pytest.raises(hrd.ResultError, match="plane_flux"):
        twin.run(until=0.1, out=tmp_path / "a.zarr")
    twin = hrd.Simulation.restore(tmp_path / "c")
    twin.run(until=0.1, planes=planes, out=tmp_path / "a.zarr")
    resumed = hrd.load(tmp_path / "a.zarr")
    assert resumed.isel(time=slice(1, None)).equals(whole.isel(time=slice(1, None)))


class Halt:
    """A stop condition between two records."""

    every_step = True

    def __init__(self, time):
        self.time = time

    def __call__(self, sim):
        return sim.time > self.time


@pytest.mark.parametrize(
    ("planes", "words"),
    [
        ({"p": 0.5}, r"give a Plane, hrd.Plane\(x=0.5\)"),
        ([hrd.Plane(x=0.5)], "planes by name"),
        ({"p": hrd.Plane(x=1.0)}, "not inside the particle region, x from 0 to 1"),
        ({"p": hrd.Plane(y=0.5)}, "particles have the coordinates x"),
        ({"p/q": hrd.Plane(x=0.5)}, "no result can have the name"),
    ],
)
def test_what_is_no_plane_is_refused(planes, words):
    system = hrd.System(species=[A], domain=LINE, particles=LINE, initial={A: 10.0})
    with pytest.raises(hrd.ModelError, match=words):
        hrd.Simulation(system, dt=1e-3).run(until=0.01, planes=planes)


def test_planes_need_particles_that_stay_and_short_steps():
    planes = {"p": hrd.Plane(x=0.5)}
    cells = hrd.System(species=[A], domain=LINE, particles=None, fluctuations="discrete", cells=4)
    with pytest.raises(hrd.ModelError, match="there are no particles"):
        hrd.Simulation(cells, dt=1e-3).run(until=0.01, planes=planes)
    ring = hrd.System(
        species=[A], domain=LINE, particles=LINE, walls={"x": hrd.Periodic()}, initial={A: 10.0}
    )  # fmt: skip
    with pytest.raises(hrd.StepError, match="half way round"):
        hrd.Simulation(ring, dt=1e-2).run(until=0.01, planes=planes)
    for given in ({}, {"x": 0.5, "y": 0.5}):
        with pytest.raises(hrd.ModelError, match="give one position"):
            hrd.Plane(**given)


def test_replicas_and_sweeps_have_planes(tmp_path):
    walls = {"x-": hrd.Reservoir({A: 200.0}), "x+": hrd.Reservoir({A: 100.0})}
    system = hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=10, walls=walls,
        initial={A: hrd.Patch(lambda x: 200 - 100 * x, x=(0, 1))}, units={"length": "um"},
    )  # fmt: skip
    planes = {"p": hrd.Plane(x="250 nm"), "q": hrd.Plane(x=0.7)}
    steps = {"dt": 0.01, "until": 1.0, "every": 0.5, "seed": 6}
    many = hrd.ensemble(system, 30, planes=planes, keep=["plane_flux"], **steps)
    own = [
        hrd.Simulation(system, 0.01, 6, replica=i).run(1.0, 0.5, planes=planes) for i in range(3)
    ]
    single = np.array([run.plane_flux.values for run in own])
    np.testing.assert_array_equal(many.plane_flux[:3], single)
    # Down a gradient of 100 with D = 1 a hundred pass in a unit of time, anywhere.
    z = (many.plane_flux_mean[1:] - 100.0) / many.plane_flux_sem[1:]
    assert (many.plane_flux_sem[1:] < 8.0).all()
    assert (abs(z) < 4.5).all()
    sweep = {"parameters": {"species[A].D": [0.5, 1.0]}, "replicas": 3, "out": tmp_path / "s.zarr"}
    flat = system.replace(initial={A: 150.0})
    study = hrd.sweep(flat, planes=planes, **sweep, **steps)
    point = hrd.ensemble(flat, 3, planes=planes, resume=tmp_path / "r", **steps)
    found = study.plane_flux_mean.sel({"species[A].D": 1.0})
    np.testing.assert_array_equal(found, point.plane_flux_mean)
    with pytest.raises(hrd.ResultError, match="planes"):
        hrd.ensemble(flat, 3, resume=tmp_path / "r", **steps)
    with pytest.raises(hrd.ResultError, match="planes has changed"):
        hrd.sweep(flat, **sweep, **steps)
