"""Estimated memory of runs: given in figures, and refused if it does not fit."""

import re

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.ensembles import requests
from hybridrd.errors import CapacityError
from hybridrd.particles import memory
from hybridrd.particles.memory import FreeMemory
from hybridrd.particles.particles import Particles
from hybridrd.results.dataset import EVENTS
from hybridrd.simulation import sizes
from hybridrd.simulation.sizes import plan_that_fits

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
LINE = {"x": (0, 2)}
SQUARE = {"x": (0, 1), "y": (0, 1)}
CUBE = SQUARE | {"z": (0, 1)}
GB = 1e9


def alone(sides=LINE, species=(A,), **more):
    """Particles alone."""
    box = hrd.Box(**sides)
    return hrd.System(species=list(species), domain=box, particles=box, **more)


def hybrid(cells, sides=SQUARE, **more):
    half = sides | {"x": (0, 0.5)}
    return hrd.System(
        species=[A], domain=hrd.Box(**sides), particles=hrd.Box(**half), cells=cells, **more
    )


def wall(kind, value, **more):
    return alone(walls={"x+": kind({A: value})}, **more)


def made(system, dt=1e-3):
    return hrd.Simulation(system, dt=dt, seed=1)


@pytest.fixture
def free(monkeypatch):
    """Sets how much memory there is to be."""

    def set_to(size):
        for name in ("shared_memory", "own_memory", "free_memory"):
            monkeypatch.setattr(memory, name, lambda: FreeMemory(float(size), "on this machine"))
        monkeypatch.setattr(
            "hybridrd.particles.particles.free_memory", lambda: FreeMemory(float(size), "here")
        )

    set_to(10 * GB)
    return set_to


# A system, numbers expected of each species, particles created in a step, and what brings most.
CROWDS = {
    "copies": (alone(initial={A: hrd.Copies(700)}), [700], 0, "the initial state"),
    "both add up": (
        alone(species=(A, B), initial={A: hrd.Copies(30), B: 4.0}), [30, 8], 0, "the initial state"
    ),
    "reservoir": (
        wall(hrd.Reservoir, 50.0, initial={A: 3.0}), [100], 0, "the reservoir of A at x+"
    ),
    "reservoir below the start": (
        wall(hrd.Reservoir, 5.0, initial={A: 30.0}), [60], 0, "the initial state"
    ),
    "reservoir in time": (
        wall(hrd.Reservoir, lambda t: 7.0 + t), [14], 0, "the reservoir of A at x+"
    ),
    "reservoir along a face": (  # 4 cells along y: their largest value, at y = 7/8
        alone(
            SQUARE, cells=(4, 4), walls={"x+": hrd.Reservoir({A: lambda y, t: 800 * y * (1 + t)})}
        ),
        [700], 0, "the reservoir of A at x+",
    ),
    "influx": (wall(hrd.Influx, 4e3), [4], 0, "one step of the influx of A at x+"),
    "influx along a face": (  # the mean of y over the face, 1/2
        alone(SQUARE, cells=(4, 4), walls={"x+": hrd.Influx({A: lambda y: 6e3 * y})}),
        [3], 0, "one step of the influx of A at x+",
    ),
    "creation": (  # k V dt
        alone(reactions=[hrd.Reaction("0 -> A", k=5e3)]), [10], 10, "one step of '0 -> A'"
    ),
    "creation of two": (
        alone(species=(A, B), reactions=[hrd.Reaction("0 -> A + B", k=5e3)], initial={B: 1.0}),
        [10, 12], 20, "one step of '0 -> A + B'",
    ),
    "creation in space": (  # the integral of 1e3 x over (0, 2), times dt
        alone(reactions=[hrd.Reaction("0 -> A", k=lambda x: 1e3 * x)], cells=8),
        [2], 2, "one step of '0 -> A'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("system", "numbers", "created", "cause"), CROWDS.values(), ids=CROWDS)
def test_expected_particles(system, numbers, created, cause):
    found = plan_that_fits(system, 1e-3).memory.crowd
    assert found.numbers == pytest.approx(numbers)
    assert found.created == pytest.approx(created)
    assert found.cause == cause


MEET = [hrd.Reaction("A + B -> B", k=1e-6, radius=0.01)]


@pytest.mark.parametrize(
    ("sides", "reactions", "each"),
    [
        (LINE, [], [18, 18]),
        (SQUARE, [hrd.Reaction("A -> B", k=1.0)], [26, 26]),
        (CUBE, [], [34, 34]),
        (CUBE, MEET, [80, 80]),
        (SQUARE, [hrd.Reaction("2 A -> 0", k=1e-6, radius=0.01)], [64, 26]),
    ],
)
def test_bytes_of_a_particle(sides, reactions, each):
    system = alone(sides, (A, B), reactions=reactions)
    tables = plan_that_fits(system, 1e-6).tables
    assert sizes.particle_bytes(system, tables) == pytest.approx([1.25 * b for b in each])


def test_a_particle_takes_as_much_as_its_arrays():
    for d in (1, 2, 3):
        group = Particles(d)
        group.reserve(10**5)
        held = group.x.nbytes + group.ids.nbytes + group.gone.nbytes + group.marks.nbytes
        assert held / group.ids.size == 8 * d + 10


def test_records_are_counted_in_numbers():
    system = alone(
        SQUARE,
        (A, B),
        cells=(10, 20),
        reactions=[hrd.Reaction("A -> B", k=1), hrd.Reaction("B -> A", k=1)],
    )
    result = made(system).run(until=5e-3, every=1e-3)
    numbers = sizes.record_numbers(system, faces=4)
    log = {n: numbers.pop(n) for n in EVENTS}  # only as many as there are
    assert set(log.values()) == {0}
    assert numbers == {
        "concentration": 400, "copy_number": 2, "total": 2, "flux": 8, "crossings": 8, "events": 2,
        "bath": 0, "mask": 200, "particle_share": 1, "plane_flux": 0,
    }  # fmt: skip
    recorded = {n: v[0].size for n, v in result.data_vars.items()}
    assert recorded == {n: numbers[n] for n in recorded}
    assert numbers.keys() - recorded.keys() == {"bath", "mask", "particle_share", "plane_flux"}
    part = sizes.record_part(numbers, ["concentration", "total"], 10**6)
    assert part.bytes == 1e6 * (16 * 402 + 2 * 120)


REFUSED = {
    "many records": (
        lambda: made(alone(CUBE, cells=(100, 100, 100))).run(until=1.0, every=1e-3),
        ["about 16 GB", "10 GB are free", "records (1,001 of concentration, copy_number",
         "held already: cells (1,000,000 cells", "write them to disk (out=)", "record="],
    ),
    "small records": (
        lambda: made(alone()).run(until=1e5, every=1e-3, record=["copy_number"]),
        ["about 13.6 GB", "records (100,000,001 of copy_number)"],
    ),
    "records of a PDE": (
        lambda: hrd.mean_field(
            hrd.System(species=[A], domain=hrd.Box(**SQUARE), cells=(1000, 1000)),
            dt=1e-9, until=1.0, every=1e-9,
        ),
        ["records (1,000,000,001 of concentration", "1.6e+07 GB", "continuum (2 linear systems of "
         "1,000,000 cells, solver transform) 1.44 GB", "(out=), record less often (every=)"],
    ),
    "positions": (
        lambda: made(alone(initial={A: hrd.Copies(10**5)})).run(
            until=10.0, every=1e-3, record=["total"], positions=True
        ),
        ["positions (1e+05 particles in 10,001 records) 32 GB", "or no positions", "held already"],
    ),
    "positions of particles to come": (
        lambda: made(wall(hrd.Reservoir, 5e6)).run(until=1.0, every=1e-3, positions=True),
        ["positions (1e+07 particles in 1,001 records) 320 GB", "particles still to come"],
    ),
    "a factorisation": (
        lambda: hrd.mean_field(
            hrd.System(species=[A], domain=hrd.Box(**CUBE), cells=(70, 70, 70)),
            dt=1e-5, until=1e-5, solver="splu",
        ),
        ["343,000 cells, solver splu, 14.8 GB of them for factors", "solver='cg'"],
    ),
    "a factorisation beside particles": (
        lambda: hrd.Simulation(hybrid((90, 90, 90), CUBE), dt=1e-5, solver="splu"),
        ["364,500 cells, solver splu", "cells (729,000 cells", "particles (about 0 particles"],
    ),
    "a function as reservoir": (
        lambda: made(wall(hrd.Reservoir, lambda t: 1e12 + t)),
        ["2e+12 particles, most by the reservoir of A at x+", "4.5e+04 GB"],
    ),
    "creations": (
        lambda: made(alone(reactions=[hrd.Reaction("0 -> A", k=1e12)])),
        ["creations (2e+09 particles in a step) 120 GB", "one step of '0 -> A'", "or dt"],
    ),
    "all together": (  # none of them alone
        lambda: made(hybrid((2000, 2000), initial={A: 6e8}), dt=1e-7),
        ["particles (about 3e+08", "9.75 GB", "continuum (2 linear systems of 2,000,000 cells",
         "4.88 GB", "cells (4,000,000 cells of 1 species) 0.448 GB", "about 15.1 GB"],
    ),
    "many cells": (
        lambda: made(alone(cells=10**9)), ["cells (1,000,000,000 cells", "72 GB", "fewer cells"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("free")
def test_refused_with_figures(what, words):
    with pytest.raises(CapacityError) as told:
        what()
    for word in words:
        assert word in str(told.value)


def test_what_is_written_to_disk_does_not_count(free, tmp_path):
    system = alone(CUBE, cells=(20, 20, 20), initial={A: hrd.Copies(1000)})
    free(3e6)
    run = {"until": 0.1, "every": 1e-3, "positions": True}
    with pytest.raises(
        CapacityError, match=r"positions \(1e\+03 particles in 101 records\) 0\.006"
    ):
        made(system).run(**run)
    assert made(system).run(**run, out=tmp_path / "a.zarr").sizes["time"] == 101


def test_what_fits_is_not_refused(free):
    # 1e7 particles in 3D: 34 bytes each, 42.5 with room, as benchmarks run it.
    system = alone(CUBE, initial={A: hrd.Copies(10**7)})
    free(0.43 * GB)
    assert sum(part.bytes for part in plan_that_fits(system, 1e-6).memory.parts) < 0.43 * GB
    free(0.42 * GB)
    with pytest.raises(CapacityError, match=r"1e\+07 particles, most by the initial state"):
        plan_that_fits(system, 1e-6)
    assert plan_that_fits(system, 1e-6, here=False).memory.crowd.numbers == (1e7,)


# Ensembles


@pytest.mark.usefixtures("free")
def test_each_worker_counts():
    system = alone(CUBE, initial={A: hrd.Copies(10**7)})
    run = {"dt": 1e-6, "until": 1e-6, "record": ["total"]}
    with pytest.raises(CapacityError) as told:
        hrd.ensemble(system, 100, **run, workers=30)
    assert "30 workers with particles (about 1e+07 particles, most by" in str(told.value)
    assert "12.8 GB" in str(told.value)
    assert "30 programs 7.5 GB" in str(told.value)
    remedy = "use fewer workers, or use a smaller particle region, concentration or flux"
    assert str(told.value).endswith(remedy)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, ["records (101 of concentration", "statistics of all replicas 5.66 GB"]),
        ({"covariance": ["concentration"]}, ["statistics of all replicas 10.5 GB"]),
    ],
)
@pytest.mark.usefixtures("free")
def test_statistics_count(asked, words):
    # 2 species on 500,000 cells, 101 records: 0.808 GB a replica.
    system = alone(SQUARE, (A, B), cells=(1000, 500))
    record = ["concentration"]
    with pytest.raises(CapacityError) as told:
        hrd.ensemble(system, 3, dt=1e-3, until=0.1, record=record, **asked)
    for word in words:
        assert word in str(told.value)


def test_kept_replicas_and_shared_fields_count(monkeypatch):
    system = hybrid((100, 100), coupling="mean-field")
    plan = plan_that_fits(system, 1e-4)
    wanted = requests.Requests.checked(plan, 2, 10, 1, ["concentration"], (), (), ["concentration"])
    shown = []
    monkeypatch.setattr(memory, "check_fits", lambda parts, *_, **__: shown.append(parts))
    requests.check_memory(plan, wanted, 2, 11, 0, window=3e8)
    parts = {re.sub(r" \(.*", "", part.what): part.bytes for part in shown[0]}
    each = 8 * 11 * 10_000
    assert parts["the shared mean field"] == 3e8
    assert parts["replicas to keep"] == 2 * 2 * each
    assert parts["sums of a block"] == 5 * each
    assert parts["statistics of all replicas"] == 7 * each
    assert "continuum" not in parts
    requests.check_memory(plan, wanted, 2, 11, 0, window=None)
    assert "continuum" in {part.what.split(" ")[0] for part in shown[1]}
    # Elsewhere only what comes back is of this machine.
    requests.check_memory(plan, wanted, 2, 11, 0, window=3e8, elsewhere=True)
    assert [p.what for p in shown[2]] == ["statistics of all replicas", "replicas to keep"]
    requests.check_memory(plan, wanted, 2, 11, 4, window=3e8)
    assert [sum(p.bytes for p in shown[4] if p.what.startswith("4 "))] == pytest.approx(
        [4 * (sum(p.bytes for p in shown[3]) + requests.PROGRAM_BYTES)]
    )


# Growth


def test_particles_without_room_are_refused(free):
    group = Particles(1, "A")
    group.append(np.zeros((1, 10)), np.arange(10, dtype=np.uint64))
    free(17.9e7)
    with pytest.raises(CapacityError) as told:
        group.reserve(10**7)
    assert str(told.value) == (
        "A has 10 particles, and 10,000,000 more come; all together need 0.18 GB anew, but "
        "0.179 GB are free here"
    )
    assert group.n == 10
    group.reserve(10**6)  # asks nobody
    assert group.ids.size > 10**6


def test_arrays_that_the_system_does_not_give(monkeypatch):
    group = Particles(2, "B")
    x, before = group.x, group.ids.size

    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(np, "zeros", refuse)
    with pytest.raises(CapacityError, match=r"^B has 0 particles, and 500 more .* does not give$"):
        group.reserve(500)
    assert np.shares_memory(group.x, x)
    assert group.x.shape == x.shape
    assert len(group.gone) == len(group.marks) == before
