"""Particles inserted and removed by hand: others never notice, and the balance knows."""

import numpy as np
import pytest

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.3)
PLACES = np.random.default_rng(1).uniform(0.1, 0.9, (40, 2))


def sim(initial):
    plane = hrd.Box(x=(0, 2), y=(0, 1))
    half = hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(
        species=[A, B], domain=plane, particles=half, cells=(20, 10), initial=initial,
        reactions=[hrd.Reaction("A -> B", k=2.0)],
    )  # fmt: skip
    return hrd.Simulation(system, dt=1e-3, seed=1)


def test_inserted_particles_are_those_of_an_initial_state():
    there, put = sim({A: hrd.Points(PLACES)}), sim({})
    assert (put.insert(A, PLACES) == np.arange(40)).all()
    assert there.run(until=0.05).equals(put.run(until=0.05))


def test_those_that_stay_go_on_as_if_nothing_had_happened():
    ball = hrd.Shell(inner=1.0, outer=3.0)
    system = hrd.System(
        species=[A], domain=ball, particles=ball,
        walls={"inner": hrd.PartiallyAbsorbing(kappa=20.0)},
        initial={A: hrd.Points(np.linspace(1.01, 3, 30))},
    )  # fmt: skip
    one, other = (hrd.Simulation(system, dt=1e-2, seed=3) for _ in range(2))
    for each in (one, other):
        each.step(20)
    gone = other.particles["A"].id[::3]
    other.remove("A", gone)
    other.insert("A", [1.5, 2.5])
    for each in (one, other):
        each.step(20)
    where = dict(zip(one.particles["A"].id, one.particles["A"].positions[:, 0], strict=True))
    new = dict(zip(other.particles["A"].id, other.particles["A"].positions[:, 0], strict=True))
    assert {i: x for i, x in new.items() if i < 30} == {
        i: x for i, x in where.items() if i not in gone
    }


def test_total_and_diagnostics_know_after_a_restart(tmp_path):
    one = sim({A: hrd.Copies(30, x=(0, 1)), B: hrd.Copies(20, x=(0, 1))})
    before, total = one.copy_number, one.total.sum()
    one.insert("B", PLACES)
    one.step(30)
    one.remove(A, one.particles["A"].id[:5])
    assert one.total.sum() == pytest.approx(total + 35, rel=1e-12)
    one.checkpoint(tmp_path / "half.npz")
    two = hrd.Simulation.restore(tmp_path / "half.npz")
    results = [each.run(until=0.05) for each in (one, two)]
    assert results[0].equals(results[1])
    for result in results:
        books = result.attrs["diagnostics"]["particles"]
        assert books["B"]["created"]["insert()"] == 40
        assert books["A"]["removed"]["remove()"] == 5
        for s, name in enumerate("AB"):
            change = sum(books[name]["created"].values()) - sum(books[name]["removed"].values())
            assert before[s] + change == result["copy_number"][-1, s]


@pytest.mark.parametrize(
    ("what", "given", "words"),
    [
        ("insert", [[0.5, 0.5], [1.5, 0.5]], r"\(1.5, 0.5\) is outside the particle region"),
        ("insert", [[0.5, np.nan]], "outside"),
        ("insert", [0.5, 0.5], r"shape \(2,\); give an array \(n, 2\)"),
        ("insert", "here", "text"),
        ("remove", [3, 999], "no particle of A with the id 999"),
        ("remove", [3, 3], "each id once"),
        ("remove", [0.5], "whole numbers"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(what, given, words):
    one = sim({A: hrd.Points(PLACES)})
    with pytest.raises(hrd.ModelError, match=words):
        getattr(one, what)(A, given)
    assert one.total.tolist() == [40, 0]
    assert one.particles["A"].id.tolist() == list(range(40))


def test_not_without_particles_nor_from_an_observer():
    line = hrd.Box(x=(0, 1))
    cells = hrd.System(species=[A], domain=line, particles=None, fluctuations="discrete", cells=4)
    with pytest.raises(hrd.ModelError, match="no particle region"):
        hrd.Simulation(cells, dt=1e-3).insert(A, [0.5])
    with pytest.raises(hrd.HybridrdError, match="running"):
        sim({}).run(until=0.01, observe={"n": lambda s: len(s.insert(A, PLACES))})
