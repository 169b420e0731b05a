"""Refusals of descriptions, and their messages."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

A, B, C = hrd.Species("A", D=0.5), hrd.Species("B", D=0.0), hrd.Species("C", D=1.0)
SQUARE = hrd.Box(x=(0, 2), y=(0, 1))
NAN, INF = float("nan"), float("inf")


def system(**changes):
    fields = {"species": [A, B, C], "domain": SQUARE, "particles": hrd.Box(x=(0, 1), y=(0, 1))}
    return hrd.System(**{**fields, "cells": (8, 4), **changes})


def reaction(equation="A + B -> C", k=1.0, radius=0.1, **changes):
    return hrd.Reaction(equation, k=k, radius=radius, **changes)


KILL, BACK = hrd.Reaction("A -> 0", k=1), hrd.Reaction("B -> A", k=1)
LONG = "A!" * 100_000


def answering(answer):
    """A PDE with a rate that gives what it should not."""
    creation = hrd.Reaction("0 -> A", k=lambda x: answer(x))
    return hrd.mean_field(system(particles=None, reactions=[creation]), dt=1e-3, until=1e-3)


# What is given, and what the message must name.
REFUSED = {
    "numpy's truth for D": (lambda: hrd.Species("A", D=np.True_), ["species A: D = np.True_"]),
    "complex D": (lambda: hrd.Species("A", D=1 + 0j), ["species A: D = (1+0j)"]),
    "numpy's complex D": (lambda: hrd.Species("A", D=np.complex64(1)), ["species A: D = "]),
    "an array for D": (lambda: hrd.Species("A", D=np.array([1.0])), ["species A: D = array"]),
    "a box of truth": (lambda: hrd.Box(x=(True, 2)), ["Box(x=...): bound = True"]),
    "a box of text within": (lambda: hrd.Box(x=("0", "1")), ["Box(x=...): bound = '0'"]),
    "a box of complex numbers": (lambda: hrd.Box(x=(0, 1j)), ["Box(x=...): bound = 1j"]),
    "a box without a length": (lambda: hrd.Box(x=(0, 5e-324)), ["Box(x=...)", "4.94066e-324"]),
    "a box without an end": (lambda: hrd.Box(x=(-1.7e308, 1.7e308)), ["Box(x=...)", "1e+100"]),
    "a box far away": (lambda: hrd.Box(x=(1e16, 1e16 + 2)), ["last digits", "origin"]),
    "a shell without a thickness": (lambda: hrd.Shell(1e-200, 2e-200), ["Shell", "1e-100"]),
    "a patch of text": (lambda: hrd.Patch(1.0, x=("0", "1")), ["Patch(x=...): bound = '0'"]),
    "a centre of truth": (
        lambda: hrd.Patch(1.0, center=(True, 0), radius=1),
        ["Patch: center = True"],
    ),
    "complex points": (lambda: hrd.Points([[1j, 0]]), ["Points: positions: complex numbers"]),
    "points of truth": (lambda: hrd.Points([[True, False]]), ["Points: positions: booleans"]),
    "points in ragged rows": (lambda: hrd.Points([[1, 2], [3]]), ["Points: positions: no array"]),
    "a complex rate": (lambda: answering(lambda x: x + 0j), ["rate of '0 -> A'", "complex"]),
    "a rate of truth": (lambda: answering(lambda x: x > 1), ["rate of '0 -> A'", "booleans"]),
    "a rate of text": (lambda: answering(lambda _: "1"), ["rate of '0 -> A'", "text, '1'"]),
    "a rate of objects": (
        lambda: answering(lambda x: x.astype(object)),
        ["rate of '0 -> A'", "values of type object"],
    ),
    "a rate of None": (lambda: answering(lambda _: None), ["rate of '0 -> A'", "None"]),
    "a rate of masked values": (
        lambda: answering(lambda x: np.ma.masked_greater(x, 1)),
        ["rate of '0 -> A'", "masked"],
    ),
    "an array of truth": (
        lambda: system(initial={"A": np.ones((8, 4), bool)}),
        ["initial['A']: booleans"],
    ),
    "an array of complex numbers": (
        lambda: system(initial={"A": np.ones((8, 4), complex)}),
        ["initial['A']: complex numbers"],
    ),
    "a set of species": (lambda: system(species={A}), ["species: {Species", "give a list"]),
    "species by name": (lambda: system(species={"A": 1}), ["species: {'A': 1} is not a Species"]),
    "a long name": (lambda: hrd.Species(LONG, D=1), ["(200,002 characters)", "letters"]),
    "a long equation": (lambda: hrd.Reaction(LONG, k=1), ["(200,002 characters)", "one arrow"]),
    "a long term": (lambda: hrd.Reaction(f"{LONG} -> 0", k=1), ["characters) ", "cannot read"]),
    "a species too long to be unknown": (
        lambda: system(initial={"A" * 200_000: 1.0}),
        ["unknown species 'AAA", "characters)", "there are A, B, C"],
    ),
    "a long wall": (lambda: system(walls={LONG: hrd.Reflecting()}), ["walls['A!", "x-, x+"]),
    "name with a digit": (lambda: hrd.Species("2A", D=1), ["'2A'", "letters"]),
    "name with a space": (lambda: hrd.Species("A B", D=1), ["'A B'"]),
    "name that is no text": (lambda: hrd.Species(3, D=1), ["3", "letters"]),
    "infinite D": (lambda: hrd.Species("A", D=INF), ["species A: D = inf", "finite"]),
    "width beyond all floats": (lambda: hrd.Layer(width=10**400), ["Layer: width", "finite"]),
    "text for D": (lambda: hrd.Species("A", D="1"), ["species A: D = '1'", "number"]),
    "truth for D": (lambda: hrd.Species("A", D=True), ["species A: D = True"]),
    "falling box": (lambda: hrd.Box(x=(1, 0)), ["Box(x=...)", "(1, 0)", "increasing"]),
    "flat box": (lambda: hrd.Box(x=(0, 1), y=(2, 2)), ["Box(y=...)", "(2, 2)"]),
    "endless box": (lambda: hrd.Box(x=(0, INF)), ["Box(x=...)", "inf", "finite"]),
    "box of three": (lambda: hrd.Box(x=(0, 1, 2)), ["Box(x=...)", "two numbers"]),
    "box of text": (lambda: hrd.Box(x="01"), ["Box(x=...)", "two numbers"]),
    "box of None": (lambda: hrd.Box(x=None), ["Box(x=...) = None"]),
    "box without y": (lambda: hrd.Box(x=(0, 1), z=(0, 1)), ["z", "without y"]),
    "no arrow": (lambda: reaction("A + B"), ["'A + B'", "one arrow"]),
    "two arrows": (lambda: reaction("A -> B -> C"), ["one arrow"]),
    "equation that is no text": (lambda: hrd.Reaction(3, k=1), ["reaction 3", "string"]),
    "bad term": (lambda: reaction("A + ?B -> C"), ["'?B'", "cannot read"]),
    "missing term": (lambda: reaction("A + -> C"), ["''", "cannot read"]),
    "no copies": (lambda: hrd.Reaction("0 A -> B", k=1), ["0 A", "1 to 100"]),
    "too many copies": (lambda: hrd.Reaction("A -> 101 B", k=1), ["101 B", "1 to 100"]),
    "a pair rate of three": (
        lambda: hrd.Reaction("3 A -> 0", lambda0=1, radius=1),
        ["'3 A -> 0'", "the rate of a pair"],
    ),
    "no rate": (lambda: hrd.Reaction("A -> 0"), ["'A -> 0'", "give the rate k"]),
    "no pair rate": (lambda: reaction(k=None), ["'A + B -> C'", "k or lambda0"]),
    "negative rate": (lambda: reaction(k=-1), ["'A + B -> C': k = -1", "at least 0"]),
    "rate that is not a number": (lambda: reaction(k=NAN), ["k = nan", "finite"]),
    "both rates": (lambda: reaction(lambda0=1.0), ["k and lambda0", "not both"]),
    "lambda0 alone": (lambda: reaction(k=None, radius=None, lambda0=1), ["needs the Doi radius"]),
    "lambda0 of one": (
        lambda: hrd.Reaction("A -> 0", lambda0=1, radius=0.1),
        ["'A -> 0'", "the rate of a pair"],
    ),
    "radius of one": (lambda: hrd.Reaction("A -> 0", k=1, radius=1), ["two reactants only"]),
    "negative radius": (lambda: reaction(radius=-0.1), ["radius = -0.1", "greater than 0"]),
    "radius in words": (lambda: reaction("A +(x) B -> C", radius=None), ["(x)", "not a number"]),
    "radius twice": (lambda: reaction("A +(0.2) B -> C"), ["radius is given twice"]),
    "radius between products": (
        lambda: hrd.Reaction("C -> A +(0.2) B", k=1),
        ["'C -> A +(0.2) B'", "between products", "A + B <-> C"],
    ),
    "back rate of one way": (lambda: reaction(k_back=1), ["k_back", "reversible"]),
    "no back rate": (lambda: reaction("A + B <-> C"), ["'A + B <-> C'", "k_back="]),
    "a way back without a rate": (lambda: hrd.Reaction("A <-> B", k=1), ["'A <-> B'", "k_back="]),
    "a pair on the right": (
        lambda: hrd.Reaction("C <-> A + B", k=1, k_back=1),
        ["'C <-> A + B'", "'A + B <-> C'"],
    ),
    "three particles": (
        lambda: system(reactions=[hrd.Reaction("2 A + B -> 3 A", k=1)]),
        ["takes 3 copies at once", "'2 A <-> P'", "'P + B -> 3 A'", "particles=None"],
    ),
    "three particles on the way back": (
        lambda: system(reactions=[hrd.Reaction("A <-> B + 2 C", k=1, k_back=1)]),
        ["'B + 2 C -> A' takes 3 copies", "'B + C <-> P'", "'P + C -> A'"],
    ),
    "three particles at times": (
        lambda: system(reactions=[hrd.Reaction("3 A -> 0", k=lambda x, t: (x > 1) * t)]),
        ["'3 A -> 0' takes 3 copies", "function of position that is 0 in the particle region"],
    ),
    "three particles in a corner": (
        lambda: system(reactions=[hrd.Reaction("3 A -> 0", k=lambda x, y: x < y)]),
        ["booleans"],
    ),
    "a binding that varies": (
        lambda: reaction("A + B <-> C", k=lambda t: 1 + t, k_back=1),
        ["'A + B <-> C'", "two reactions, 'A + B -> C' with its k and 'C -> A + B'"],
    ),
    "an unbinding that varies": (
        lambda: reaction("A + B <-> C", k=1, k_back=lambda t: 1 + t),
        ["'A + B <-> C'", "'C -> A + B' with its own"],
    ),
    "a pair on the way back without a radius": (
        lambda: system(reactions=[hrd.Reaction("C <-> 2 A", k=1, k_back=1, name="split")]),
        ["'2 A <-> C'"],
    ),
    "pairs both ways without a radius": (
        lambda: system(reactions=[hrd.Reaction("A + B <-> 2 C", k=1, k_back=1)]),
        ["radius="],
    ),
    "one way twice": (
        lambda: system(reactions=[hrd.Reaction("A <-> B", k=1, k_back=1), KILL, BACK]),
        ["'B -> A' is given 2 times"],
    ),
    "a name that is no text": (lambda: reaction(name=5), ["name = 5"]),
    "empty reservoir": (lambda: hrd.Reservoir({}), ["Reservoir({})", "a value per species"]),
    "reservoir of a number": (lambda: hrd.Reservoir(3.0), ["Reservoir(3.0)", "per species"]),
    "negative reservoir": (lambda: hrd.Reservoir({A: -1}), ["Reservoir: value of A = -1"]),
    "reservoir of a list": (lambda: hrd.Reservoir({3: 1}), ["3 is not a species"]),
    "infinite influx": (lambda: hrd.Influx({A: float("-inf")}), ["Influx: value of A = -inf"]),
    "no volume of a bath": (lambda: hrd.Bath(0.0), ["Bath: volume = 0"]),
    "outside of a species that does not leak": (
        lambda: hrd.Leaky({A: 1.0}, outside={B: 2.0}),
        ["outside names B", "leaks for A only"],
    ),
    "partition 0": (lambda: hrd.Leaky({A: 1.0}, partition=0.0), ["Leaky: partition = 0"]),
    "negative permeability": (lambda: hrd.Leaky({A: -1.0}), ["Leaky: value of A = -1"]),
    "permeability that is a function": (lambda: hrd.Leaky({A: lambda t: t}), ["Leaky: value of A"]),
    "negative kappa": (lambda: hrd.PartiallyAbsorbing(-1), ["kappa = -1", "at least 0"]),
    "negative kappa of one": (
        lambda: hrd.PartiallyAbsorbing({A: -1}),
        ["PartiallyAbsorbing: value of A = -1"],
    ),
    "kappa that is a function": (
        lambda: hrd.PartiallyAbsorbing({A: lambda t: t}),
        ["PartiallyAbsorbing: value of A"],
    ),
    "negative patch": (lambda: hrd.Patch(-1), ["Patch: concentration = -1"]),
    "patch that falls": (lambda: hrd.Patch(1, x=(1, 0)), ["Patch(x=...)", "increasing"]),
    "half a disc": (lambda: hrd.Patch(1, radius=1), ["both center= and radius="]),
    "disc and box": (lambda: hrd.Patch(1, x=(0, 1), center=(0,), radius=1), ["either"]),
    "disc of no size": (lambda: hrd.Patch(1, center=(0, 0), radius=0), ["radius = 0"]),
    "disc about a number": (lambda: hrd.Patch(1, center=3, radius=1), ["center = 3"]),
    "half a copy": (lambda: hrd.Copies(1.5), ["n = 1.5", "whole number"]),
    "fewer than no copies": (lambda: hrd.Copies(-1), ["n = -1", "at least 0"]),
    "points of text": (lambda: hrd.Points(["a"]), ["Points: positions", "text", "real numbers"]),
    "points nowhere": (lambda: hrd.Points([[NAN, 0]]), ["(1, 2)", "finite"]),
    "points in four dimensions": (lambda: hrd.Points(np.zeros((2, 4))), ["(2, 4)"]),
    "no Box": (lambda: system(domain=(0, 1)), ["domain = (0, 1)", "Box"]),
    "region of a tuple": (lambda: system(particles=(0, 1)), ["particles = (0, 1)"]),
    "region of one axis": (lambda: system(particles=hrd.Box(x=(0, 1))), ["1 axes", "domain 2"]),
    "region outside": (
        lambda: system(particles=hrd.Box(x=(0, 3), y=(0, 1))),
        ["x=(0, 3)", "not inside the domain"],
    ),
    "region off the grid": (
        lambda: system(particles=hrd.Box(x=(0, 1.1), y=(0, 1))),
        ["x = 1.1", "8 cells over (0, 2)", "20 cells along"],
    ),
    "cells of another dimension": (
        lambda: system(cells=(8, 4, 2)),
        ["(8, 4, 2)", "one for each axis"],
    ),
    "no cells": (lambda: system(cells=0), ["cells = 0", "at least 1"]),
    "half a cell": (lambda: system(cells=2.5), ["cells = 2.5", "whole numbers"]),
    "too many cells": (lambda: system(cells=10**5), ["1e+10 cells", "at most 2^31"]),
    "walls in a list": (lambda: system(walls=[hrd.Absorbing()]), ["walls = ", "dict"]),
    "wall of another axis": (lambda: system(walls={"z": hrd.Absorbing()}), ["'z'", "y+"]),
    "wall twice": (
        lambda: system(walls={"x": hrd.Absorbing(), "x+": hrd.Absorbing()}),
        ["x+ is given twice"],
    ),
    "half periodic": (lambda: system(walls={"y+": hrd.Periodic()}), ["y is periodic", "one side"]),
    "wall of another species": (
        lambda: system(walls={"x+": hrd.Reservoir({"Q": 1})}),
        ["walls['x+']", "'Q'", "A, B, C"],
    ),
    "wall that lets a fixed species in": (
        lambda: system(walls={"x-": hrd.Influx({B: 1.0})}),
        ["walls['x-']", "B has D = 0"],
    ),
    "wall that asks for its normal": (
        lambda: system(walls={"x-": hrd.Reservoir({A: lambda x: x})}),
        ["walls['x-']", "value of A", "takes x", "are y"],
    ),
    "rate that asks for z": (
        lambda: system(reactions=[hrd.Reaction("A -> 0", k=lambda z: z)]),
        ["'A -> 0'", "takes z", "are x, y"],
    ),
    "reaction of others": (lambda: system(reactions=[reaction("A + B -> Q")]), ["'Q'", "A, B, C"]),
    "reaction of nothing": (
        lambda: system(reactions=[hrd.Reaction("A -> A", k=1)]),
        ["'A -> A'", "has no effect"],
    ),
    "pair without a radius": (
        lambda: system(reactions=[reaction(radius=None)]),
        ["'A + B -> C'", "give radius="],
    ),
    "radius beyond the domain": (
        lambda: system(reactions=[reaction(radius=0.6)]),
        ["radius 0.6", "extent 1 along y"],
    ),
    "initial in a list": (lambda: system(initial=[1.0]), ["initial = ", "dict"]),
    "initial twice": (lambda: system(initial={A: 1, "A": 2}), ["A is given twice"]),
    "negative initial": (lambda: system(initial={A: -1}), ["initial['A'] = -1"]),
    "array of another shape": (
        lambda: system(initial={A: np.zeros((4, 8))}),
        ["initial['A']", "(4, 8)", "(8, 4)"],
    ),
    "patch outside": (
        lambda: system(initial={A: [1.0, hrd.Patch(1, x=(1, 3))]}),
        ["initial['A']", "Patch x = (1, 3)", "(0, 2)"],
    ),
    "patch along z": (lambda: system(initial={A: hrd.Patch(1, z=(0, 1))}), ["Patch names z"]),
    "copies outside": (lambda: system(initial={A: hrd.Copies(1, y=(0, 2))}), ["Copies y = (0, 2)"]),
    "ball in the plane": (
        lambda: system(initial={A: hrd.Patch(1, center=(0, 0, 0), radius=1)}),
        ["3 coordinates", "the domain 2"],
    ),
    "disc outside": (
        lambda: system(initial={A: hrd.Patch(1, center=(3, 0), radius=0.5)}),
        ["initial['A']", "outside the domain"],
    ),
    "point outside": (
        lambda: system(initial={A: hrd.Points([[0, 0], [0, 2]])}),
        ["point 1", "outside"],
    ),
    "coupling": (lambda: system(coupling="both"), ["'both'", "two-way, mean-field"]),
    "unit of mass": (lambda: system(units={"mass": "kg"}), ["units['mass']", "length and time"]),
    "unit of 3": (lambda: system(units={"time": 3}), ["units['time'] = 3"]),
    "species by a wrong name": (lambda: system().index("Q"), ["'Q'", "A, B, C"]),
    "field of another name": (lambda: system().replace(dt=1, wall=2), ["no field dt, wall"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_by_name(case):
    call, words = REFUSED[case]
    with pytest.raises(ModelError) as refused:
        call()
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) <= 1000


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ModelError) as refused:
        system(coupling="?", initial={"Q": 1}, reactions=[reaction("A -> A", radius=None)])
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    for word in ("'?'", "'Q'", "'A -> A'"):
        assert sum(word in line for line in lines) == 1
