"""Quantities with units: converted once to the system's, refused where dimensions are wrong."""

import pickle
import sys

import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

UNITS = {"length": "um", "time": "s"}
N_A = 6.02214076e23


def cube(**changes):
    A, B = hrd.Species("A", D="0.5 um**2/s"), hrd.Species("B", D="3e-9 cm^2/s")
    box = hrd.Box(x=(0, "10 um"), y=(0, 10), z=("0 nm", "1e4 nm"))
    given = {
        "species": [A, B], "domain": box, "particles": box, "cells": 10, "units": UNITS,
        "reactions": [
            hrd.Reaction("A + B -> 0", k="1e6 1/M/s", radius="5 nm"),
            hrd.Reaction("A -> B", k="6 / minute"),
            hrd.Reaction("0 -> B", k="2 nM/s"),
            hrd.Reaction("A <-> 2 B", k="1/s", k_back="1 um^3/s") if "odd" in changes else
            hrd.Reaction("B -> A", k=0.25),
        ],
        "walls": {
            "x-": hrd.Reservoir({A: "1 uM"}), "x+": hrd.Influx({A: "3 / um^2 / ms"}),
            "y-": hrd.PartiallyAbsorbing("2 mm/s"),
            "y+": hrd.Leaky({A: "1 um/s"}, outside={A: hrd.Bath("1 pL", "1 nM")}),
        },
        "initial": {A: "1 nM", B: [hrd.Copies(3), hrd.Patch("2/um^3", x=(0, "1 um"))]},
    }  # fmt: skip
    return hrd.System(**(given | changes))


def test_everything_is_converted_to_the_units_of_the_system():
    system = cube()
    assert [s.D for s in system.species] == [0.5, 0.3]
    assert system.domain == hrd.Box(x=(0, 10), y=(0, 10), z=(0, 10))
    M = N_A * 1e-15  # copies in um^3
    k = [r.k for r in system.reactions]
    assert k == pytest.approx([1e6 / M, 0.1, 2e-9 * M, 0.25], rel=1e-12)
    assert system.reactions[0].radius == 0.005
    assert system.walls["x-"].concentrations["A"] == pytest.approx(1e-6 * M, rel=1e-12)
    assert system.walls["x+"].fluxes["A"] == 3000.0
    assert system.walls["y-"].kappa == 2000.0
    bath = system.walls["y+"].outside["A"]
    assert (bath.volume, bath.initial) == pytest.approx((1000.0, 1e-9 * M), rel=1e-12)
    assert system.initial["A"] == pytest.approx(1e-9 * M, rel=1e-12)
    assert system.initial["B"][1] == hrd.Patch(2.0, x=(0, 1))
    plain = system.to_dict()
    assert hrd.System.from_dict(plain) == system == pickle.loads(pickle.dumps(system))
    assert {type(r["k"]) for r in plain["reactions"]} == {float}


def test_other_units_are_the_same_system():
    system = cube(units={"length": "nm", "time": "ms"}, domain=hrd.Box(x=(0, "10 um")),
                  particles=None, walls={}, reactions=[], initial={"A": "5/um"})  # fmt: skip
    assert system.species[0].D == 500.0
    assert system.domain.x == (0.0, 10000.0)
    assert system.initial["A"] == 0.005


def test_quantities_of_pint():
    import pint

    unit = pint.UnitRegistry()
    A = hrd.Species("A", D=0.5 * unit.um**2 / unit.s)
    line = hrd.Box(x=(0, 2 * unit.um))
    system = hrd.System(
        species=[A], domain=line, units=UNITS, initial={A: 30 / unit.um}, walls={
            "x-": hrd.Influx({A: 2 / unit.s})},
    )  # fmt: skip
    assert (system.species[0].D, system.domain.x, system.initial["A"]) == (0.5, (0.0, 2.0), 30.0)


WRONG = {
    "diffusion": (
        {"species": [hrd.Species("A", D="3 um/s"), hrd.Species("B", D=1)]},
        "species[0].D = '3 um/s': its dimension is length/time, length^2/time is needed",
    ),
    "order": (
        {"reactions": [hrd.Reaction("A -> B", k="1e6 1/M/s")]},
        "reactions[0].k = '1e6 1/M/s': its dimension is length^3/time, 1/time is needed",
    ),
    "two dimensions": (
        {"domain": hrd.Box(x=(0, 1), y=(0, 1)), "particles": None, "walls": {},
         "reactions": [], "initial": {"A": "1 nM"}},
        "initial[A] = '1 nM': its dimension is 1/length^3, 1/length^2 is needed in 2 dimensions",
    ),
    "no units": ({"units": {}}, "needs units of the system; give units={'length': 'um'"),
    "a strange unit": ({"units": {"length": "um", "time": "beats"}}, "units: time = 'beats': "),
    "not of time": ({"units": {"length": "um", "time": "m"}}, "it is no unit of time"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_dimensions_are_refused(what):
    changes, words = WRONG[what]
    with pytest.raises(ModelError) as error:
        cube(**changes)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9 apples", "cannot be read as a quantity"),
        ("3 kg", r"has \[mass\]; only length, time and copies"),
        ("-1 um^2/s", "at least 0"),
        ("1.5", "a number at least 0 is needed"),
        ("fast", "a number at least 0 is needed"),
    ],
)
def test_text_that_is_no_such_quantity(text, words):
    with pytest.raises(ModelError, match=words):
        hrd.Species("A", D=text)


def test_in_a_file(tmp_path):
    text = (
        '[system]\ndomain = { x = [0, "10 um"] }\nunits = { length = "um", time = "s" }\n'
        '[system.walls]\nx- = { influx = { A = "30/s" } }\n'
        '[[species]]\nname = "A"\nD = "5e-9 cm**2/s"\ninitial = { concentration = "2/um", '
        'x = [0, "1000 nm"] }\n[[reactions]]\nreaction = "A -> 0"\nk = "60/min"\n'
    )
    (tmp_path / "a.toml").write_text(text)
    system = hrd.System.from_toml(tmp_path / "a.toml")
    assert system.species[0].D == 0.5
    assert system.walls["x-"].fluxes["A"] == 30.0
    assert system.reactions[0].k == 1.0
    assert system.initial["A"] == hrd.Patch(2.0, x=(0, 1))
    (tmp_path / "b.toml").write_text(text.replace("cm**2/s", "cm/s").replace("60/min", "6 bananas"))
    with pytest.raises(ModelError) as error:
        hrd.System.from_toml(tmp_path / "b.toml")
    assert "species[0].D = '5e-9 cm/s': its dimension is length/time" in str(error.value)
    assert "reactions[0].k = '6 bananas': cannot be read as a quantity" in str(error.value)


def test_without_pint_the_extra_is_named(monkeypatch):
    from hybridrd.model import quantity

    quantity._registry.cache_clear()
    monkeypatch.setitem(sys.modules, "pint", None)
    with pytest.raises(ModelError, match=r"need pint .*pip install hybridrd\[units\]"):
        hrd.Species("A", D="7 um**2/s")
    quantity._registry.cache_clear()
