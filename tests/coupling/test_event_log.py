"""The log of events: every particle's life can be followed in it, whatever the system."""

import numpy as np
import pytest

import hybridrd as hrd

A, B, C = (hrd.Species(name, D=1.0) for name in "ABC")
LINE = hrd.Box(x=(0, 1))
DECAYS = [
    hrd.Reaction("A -> B + C", k=50.0), hrd.Reaction("B -> 0", k=200.0),
    hrd.Reaction("0 -> B", k=2000.0), hrd.Reaction("C -> C + A", k=20.0),
]  # fmt: skip


def check(result, plain=None):
    """Follow all ids from the first record to the last; compare all sums."""
    log, times, records = hrd.events(result), result.time.values, result.event_count.values
    assert (np.diff(log["time"]) >= 0).all()
    assert records[0] == 0
    assert len(log) == records.sum()
    ends = np.searchsorted(log["time"], times[1:], side="right")
    assert (ends == np.cumsum(records)[1:]).all()
    for r, reaction in enumerate(result.reaction.values if "events" in result else ()):
        found = np.histogram(log["time"][log["what"] == reaction], times)[0]
        np.testing.assert_array_equal(found, result.events.values[1:, r])
    for face in result.face.values:
        for name in result.species.values:
            mine = log[log["species"] == name]["what"]
            net = (mine == f"exit at {face}").sum() - (mine == f"arrival at {face}").sum()
            assert net == result.crossings.sel(face=face, species=name).sum()
    sizes, ids = result.row_size.values.sum(axis=1), result.particle_id.values
    there = set(ids[: sizes[0]].tolist())
    for before, after in zip(log["reactants"], log["products"], strict=True):
        gone = {i for i in before if i >= 0}
        new = {i for i in after if i >= 0}
        assert gone <= there
        there = (there - gone) | new
        assert len({*before, *after}) > 0
    assert there == set(ids[len(ids) - sizes[-1] :].tolist())
    if plain is not None:
        assert result.drop_vars([n for n in result.variables if n[:6] == "event_"]).equals(plain)
    return log


def test_decays_births_and_reservoirs_killed_and_resumed(tmp_path):
    system = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 2)), particles=LINE, cells=20,
        walls={"x-": hrd.Reservoir({A: 200.0})}, initial={A: 100.0}, reactions=DECAYS,
    )  # fmt: skip
    how = {"until": 0.1, "every": 0.02, "positions": True}
    plain = hrd.Simulation(system, dt=1e-3, seed=1).run(**how)
    whole = hrd.Simulation(system, dt=1e-3, seed=1).run(**how, events="log")
    log = check(whole, plain)
    # Who lives within half a step has no id: of B that are born in it 1 - (1 - exp(-x))/x, where
    # x = k dt/2.
    births = log[log["what"].isin(["A -> B + C", "0 -> B"])]["products"]
    short, x = births.map(lambda ids: ids[0] == -2), 0.1
    expected = 1 - (1 - np.exp(-x)) / x
    assert abs(short.mean() - expected) < 4.5 * np.sqrt(expected / len(short))
    first = hrd.Simulation(system, dt=1e-3, seed=1)
    out = {"out": tmp_path / "a.zarr", "checkpoint": tmp_path / "c"}
    first.run(**how, **out, events="log", stop=Halt(0.053))
    twin = hrd.Simulation.restore(tmp_path / "c")
    twin.run(until=0.1, positions=True, events="log", out=tmp_path / "a.zarr")
    resumed = hrd.load(tmp_path / "a.zarr")
    assert hrd.events(resumed).equals(log)
    check(resumed)
    hrd.save(whole, tmp_path / "b.zarr")
    assert hrd.events(hrd.load(tmp_path / "b.zarr")).equals(log)


class Halt:
    """A stop condition between two records."""

    every_step = True

    def __init__(self, time):
        self.time = time

    def __call__(self, sim):
        return sim.time > self.time


def test_pairs_with_partners_beyond_and_complexes():
    system = hrd.System(
        species=[A, B, C], domain=hrd.Box(x=(0, 2), y=(0, 1)), cells=(20, 10),
        particles=hrd.Box(x=(0, 1), y=(0, 1)), initial={A: 150.0, B: 150.0, C: 30.0},
        reactions=[
            hrd.Reaction("A + B <-> C", k=2.0, k_back=20.0, radius=0.08),
            hrd.Reaction("A + C -> A", lambda0=20.0, radius=0.05),
            hrd.Reaction("C -> 0", k=40.0),
        ],
    )  # fmt: skip
    how = {"until": 0.05, "every": 0.01, "positions": True}
    plain = hrd.Simulation(system, dt=1e-3, seed=1).run(**how)
    log = check(hrd.Simulation(system, dt=1e-3, seed=1).run(**how, events="log"), plain)
    binding = log[log["what"] == "A + B <-> C (forward)"]
    assert len(binding) > 30
    assert all(len(ids) == 2 for ids in binding["reactants"])
    stays = log[log["what"] == "A + C -> A"]
    assert [ids[:1] for ids in stays["reactants"]] == list(stays["products"])


def test_a_shell_a_mask_and_particles_put_in():
    shell = hrd.Shell(inner=1.0, outer=3.0)
    walls = {"inner": hrd.PartiallyAbsorbing(kappa=20.0), "outer": hrd.Reservoir({A: 5.0})}
    radial = hrd.System(
        species=[A, B], domain=shell, particles=shell, walls=walls, initial={A: 3.0},
        reactions=[hrd.Reaction("0 -> B", k=3.0), hrd.Reaction("B -> A", k=5.0)],
    )  # fmt: skip
    sim = hrd.Simulation(radial, dt=2e-3, seed=8)
    check(sim.run(until=0.1, every=0.02, positions=True, events="log"))
    ids = sim.insert(A, [1.5, 2.5])
    sim.remove(A, ids[:1])
    log = check(sim.run(until=0.2, every=0.02, positions=True, events="log"))
    # Uniform by volume: <r> = (3/4) (81 - 1)/(27 - 1), sd 0.55.
    births = log[log["what"] == "0 -> B"]["r"]
    assert abs(births.mean() - 2.3077) < 4.5 * 0.55 / np.sqrt(len(births))
    plane = hrd.Box(x=(0, 2), y=(0, 2))
    ball = hrd.Ball(center=(1, 1), radius=0.6)
    mask = hrd.System(
        species=[A, B], domain=plane, particles=ball, cells=20, initial={A: 200.0},
        reactions=[hrd.Reaction("A -> B", k=3.0)],
    )  # fmt: skip
    log = check(
        hrd.Simulation(mask, dt=1e-3, seed=8).run(
            until=0.03, every=0.01, positions=True, events="log"
        )
    )
    assert (log["what"] == "exit at interface:x+").sum() > 10


def test_first_passages_of_those_there_and_those_born():
    system = hrd.System(
        species=[A, B], domain=LINE, particles=LINE, walls={"x+": hrd.Absorbing()},
        initial={A: hrd.Points(np.zeros(400))}, reactions=[hrd.Reaction("A -> B", k=2.0)],
    )  # fmt: skip
    result = hrd.Simulation(system, dt=2e-3, seed=3).run(until=4.0, every=1.0, events="log")
    passed, log = hrd.first_passage(result), hrd.events(result)
    assert len(passed) == 400 == len(set(passed["id"]))
    as_a = passed[passed["species"] == "A"]
    assert (as_a["start"] == 0).all()
    as_b = passed[passed["species"] == "B"]
    assert (as_b["start"] > 0).all()
    # In all 1/(2 D); an exit does not care about its name.
    whole = passed["start"] + passed["time"]
    assert abs(whole.mean() - 0.5) < 4 * whole.sem()
    turned = hrd.first_passage(result, what="A -> B")
    assert len(turned) == len(as_b) == (log["what"] == "A -> B").sum()
    with pytest.raises(hrd.ModelError, match="exit at x-"):
        hrd.first_passage(result, what="exit at y+")


def test_what_has_no_log_is_refused():
    line = hrd.System(species=[A], domain=LINE, particles=LINE, initial={A: 10.0})
    result = hrd.Simulation(line, dt=1e-3).run(until=0.01)
    for read in (hrd.events, hrd.first_passage):
        with pytest.raises(hrd.ResultError, match="run with events='log'"):
            read(result)
    with pytest.raises(hrd.ModelError, match="events = 'all'"):
        hrd.Simulation(line, dt=1e-3).run(until=0.01, events="all")
    cells = hrd.System(species=[A], domain=LINE, particles=None, fluctuations="discrete", cells=4)
    with pytest.raises(hrd.ModelError, match="there are no particles"):
        hrd.Simulation(cells, dt=1e-3).run(until=0.01, events="log")
    moving = hrd.System(
        species=[A], domain=LINE, cells=50, initial={A: 500.0},
        particles=hrd.Adaptive(low=5, high=10, every=0.01),
    )  # fmt: skip
    with pytest.raises(hrd.ModelError, match="the region moves"):
        hrd.Simulation(moving, dt=1e-4).run(until=0.01, events="log")
