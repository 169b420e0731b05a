"""Tables as functions of time, in Python and in files, to particles and to the PDE."""

import pickle

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

PULSE = hrd.Table([0.0, 0.1, 0.2], [0.0, 400.0, 0.0], between="steps")
RAMP = hrd.Table(t=[0, 2], values=[10, 50])


def line(**changes):
    A, box = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    return hrd.System(**({"species": [A], "domain": box, "particles": box, "cells": 10} | changes))


def test_values_between_and_beyond():
    assert hrd.Table([0.0, 0.7], [1, 2], "steps")(7 * 0.1 - 1e-16) == 2
    assert [RAMP(t) for t in (-1.0, 0.5, 2.0, 9.0)] == [10.0, 20.0, 50.0, 50.0]
    assert PULSE(np.array([-1.0, 0.0, 0.0999, 0.1, 0.1999, 0.2, 5.0])).tolist() == [
        0.0, 0.0, 0.0, 400.0, 400.0, 0.0, 0.0,
    ]  # fmt: skip


def test_a_pulse_of_influx_to_particles_and_pde():
    system = line(walls={"x-": hrd.Influx({"A": PULSE})})
    run = {"dt": 0.02, "until": 0.3, "every": 0.1}
    pde = hrd.mean_field(system, **run)["total"].values[:, 0]
    np.testing.assert_allclose(pde, [0.0, 0.0, 40.0, 40.0], atol=1e-9)  # 400 for 0.1
    many = hrd.ensemble(system, replicas=60, seed=3, **run)
    mean = many["copy_number_mean"].values[:, 0]
    assert abs(mean[1] - 4) < 4.5 * np.sqrt(4 / 60)  # a jump acts in halves of its two steps
    assert abs(mean[3] - 40) < 4.5 * np.sqrt(40 / 60)
    assert abs(many["copy_number_var"].values[3, 0] - 40) < 4.5 * 40 * np.sqrt(2 / 60)  # Poisson


def test_rates_and_reservoirs_follow_it():
    A = hrd.Species("A", D=1.0)
    fade = hrd.Reaction("A -> 0", k=hrd.Table([0, 1, 2], [4.0, 0.0, 2.0], between="steps"))
    decay = line(species=[A], reactions=[fade], initial={A: hrd.Copies(4000)})
    run = hrd.Simulation(decay, dt=0.25, seed=1).run(until=3.0, every=1.0)
    n = run["copy_number"].values[:, 0]
    for before, after, k in ((0, 1, 4.0), (2, 3, 2.0)):
        p = np.exp(-k)
        assert abs(n[after] - n[before] * p) < 4.5 * np.sqrt(n[before] * p * (1 - p))
    assert n[2] == n[1]
    # A ramp of the reservoir, slow against diffusion: c follows it, half the square of L behind.
    open_line = line(species=[A], walls={"x": hrd.Reservoir({A: RAMP})}, initial={A: 10.0})
    c = hrd.mean_field(open_line, dt=1e-3, until=1.0, every=1.0)["concentration"][-1, 0]
    x = c["x"].values
    np.testing.assert_allclose(c, 30.0 - 20.0 * x * (1 - x) / 2, atol=0.05)  # c = R - R' x(1-x)/2D


def everywhere():
    return line(
        species=[hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)],
        reactions=[
            hrd.Reaction("A -> 0", k=PULSE),
            hrd.Reaction("A <-> B", k=1.0, k_back=RAMP, name="turn"),
        ],
        walls={
            "x-": hrd.Influx({"A": hrd.Table([0, 1], [5.0, -5.0]), "B": 2.0}),
            "x+": hrd.Leaky({"A": 1.0, "B": 1.0}, outside={"A": RAMP, "B": hrd.Bath(2.0)}),
        },
    )


def test_round_trips():
    system = everywhere()
    tables = system.to_dict()
    assert tables["reactions"][0]["k"] == {
        "t": [0.0, 0.1, 0.2], "values": [0.0, 400.0, 0.0], "between": "steps",
    }  # fmt: skip
    assert hrd.System.from_dict(tables) == system == pickle.loads(pickle.dumps(system))
    assert hash(hrd.System.from_dict(tables)) == hash(system)
    assert system != system.replace(reactions=())
    assert "k = table of 3 values, t = 0 to 0.2" in repr(system)
    result = hrd.Simulation(system, dt=0.01, seed=1).run(until=0.02, every=0.02)
    assert hrd.System.from_dict(result.attrs["system"]) == system


def test_in_a_file(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[system]\ndomain = { x = [0, 1] }\nparticles = "domain"\n'
        "walls.x- = { influx = { A = { t = [0, 0.1, 0.2], values = [0, 400, 0], "
        'between = "steps" } } }\n[[species]]\nname = "A"\nD = 1.0\n'
    )
    system = hrd.System.from_toml(tmp_path / "a.toml")
    assert system.walls["x-"] == hrd.Influx({"A": PULSE})


def test_mistakes_in_a_file_have_their_places():
    reaction = {"reaction": "A -> 0", "k": {"t": [0, 1], "vals": [1, 1]}}
    falling = {"reaction": "A -> 0", "k": {"t": [1, 0], "values": [1, 1]}, "name": "again"}
    wall = {"reservoir": {"A": {"t": [0], "values": [-1]}}, "influx": {"A": "much"}}
    data = {
        "system": {"domain": {"x": [0, 1]}, "walls": {"x-": wall}},
        "species": [{"name": "A", "D": 1}], "reactions": [reaction, falling],
    }  # fmt: skip
    with pytest.raises(ModelError) as error:
        hrd.System.from_dict(data)
    said = str(error.value)
    for words in (
        "reactions[0].k.vals: unknown, did you mean values?",
        "reactions[1].k: Table: t[0] = 1 and t[1] = 0: times must increase",
        "system.walls.x-.influx.A = 'much': a number is needed",
    ):
        assert words in said


def test_columns_of_a_file(tmp_path):
    path = tmp_path / "pulse.csv"
    path.write_text("time,temperature,rate\n0,300,0\n# a pulse\n0.1,301,400\n0.2,302,0\n")
    assert hrd.Table.from_csv(path, "time", "rate", between="steps") == PULSE
    assert hrd.Table.from_csv(path).values.tolist() == [300.0, 301.0, 302.0]
    path.write_text("0;5\n1;7\n")
    assert hrd.Table.from_csv(path, separator=";")(0.5) == 6.0
    path.write_text("time,rate\n0,1\n1,fast\n")
    with pytest.raises(ModelError, match="line 3: 'fast' is not a number"):
        hrd.Table.from_csv(path)
    with pytest.raises(ModelError, match="no column 'k'; there are time, rate"):
        hrd.Table.from_csv(path, value="k")
    with pytest.raises(ModelError, match="cannot be read"):
        hrd.Table.from_csv(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([0, 1], [1]), r"t has shape \(2,\) and values \(1,\)"),
        (([], []), "at least one"),
        (([0, 0], [1, 2]), r"t\[0\] = 0 and t\[1\] = 0: times must increase; for a jump"),
        (([0, np.nan], [1, 2]), r"t\[1\] = nan: not finite"),
        (([0], ["a"]), "real numbers are needed"),
        (([0], [1], "cubic"), "it is one of linear, steps"),
    ],
)
def test_refused(given, words):
    with pytest.raises(ModelError, match=words):
        hrd.Table(*given)


def test_negative_values_are_refused_where_they_cannot_be():
    below = hrd.Table([0, 3], [1.0, -2.0])
    with pytest.raises(ModelError, match=r"value of A: the table has -2 at t = 3.*at least 0"):
        hrd.Reservoir({"A": below})
    with pytest.raises(ModelError, match="k: the table has -2 at t = 3"):
        hrd.Reaction("A -> 0", k=below)
    assert hrd.Influx({"A": below}).law("A").influx is below
