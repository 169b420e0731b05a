"""What a description refuses, and in which words."""

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


# What is given, and what the message must name.
REFUSED = {
    "name with a digit": (lambda: hrd.Species("2A", D=1), ["'2A'", "letters"]),
    "name with a space": (lambda: hrd.Species("A B", D=1), ["'A B'"]),
    "name that is no text": (lambda: hrd.Species(3, D=1), ["3", "letters"]),
    "infinite D": (lambda: hrd.Species("A", D=INF), ["species A: D = inf", "finite"]),
    "width beyond all floats": (lambda: hrd.Layer(width=10**400), ["width=inf", "finite"]),
    "text for D": (lambda: hrd.Species("A", D="1"), ["species A: D = '1'", "number"]),
    "truth for D": (lambda: hrd.Species("A", D=True), ["species A: D = True"]),
    "falling box": (lambda: hrd.Box(x=(1, 0)), ["Box(x=...)", "(1, 0)", "rise"]),
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
    "third order": (lambda: hrd.Reaction("3 A -> 0", k=1), ["3 reactants", "at most two"]),
    "no rate": (lambda: hrd.Reaction("A -> 0"), ["'A -> 0'", "give the rate k"]),
    "no pair rate": (lambda: reaction(k=None), ["'A + B -> C'", "k or lambda0"]),
    "negative rate": (lambda: reaction(k=-1), ["'A + B -> C': k = -1", "at least 0"]),
    "rate that is not a number": (lambda: reaction(k=NAN), ["k = nan", "finite"]),
    "both rates": (lambda: reaction(lambda0=1.0), ["k and lambda0", "not both"]),
    "lambda0 alone": (lambda: reaction(k=None, radius=None, lambda0=1), ["needs the Doi radius"]),
    "lambda0 of one": (
        lambda: hrd.Reaction("A -> 0", lambda0=1, radius=0.1),
        ["'A -> 0'", "pair's rate"],
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
    "reversible conversion": (
        lambda: hrd.Reaction("A <-> B", k=1, k_back=1),
        ["'A <-> B'", "two reactions"],
    ),
    "empty reservoir": (lambda: hrd.Reservoir({}), ["Reservoir({})", "a value per species"]),
    "reservoir of a number": (lambda: hrd.Reservoir(3.0), ["Reservoir(3.0)", "per species"]),
    "negative reservoir": (lambda: hrd.Reservoir({A: -1}), ["Reservoir: value of A = -1"]),
    "reservoir of a list": (lambda: hrd.Reservoir({3: 1}), ["3 is not a species"]),
    "negative influx": (lambda: hrd.Influx({A: -2}), ["Influx: value of A = -2"]),
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
    "patch that falls": (lambda: hrd.Patch(1, x=(1, 0)), ["Patch(x=...)", "rise"]),
    "half a disc": (lambda: hrd.Patch(1, radius=1), ["both center= and radius="]),
    "disc and box": (lambda: hrd.Patch(1, x=(0, 1), center=(0,), radius=1), ["either"]),
    "disc of no size": (lambda: hrd.Patch(1, center=(0, 0), radius=0), ["radius = 0"]),
    "disc about a number": (lambda: hrd.Patch(1, center=3, radius=1), ["center = 3"]),
    "half a copy": (lambda: hrd.Copies(1.5), ["n = 1.5", "whole number"]),
    "fewer than no copies": (lambda: hrd.Copies(-1), ["n = -1", "at least 0"]),
    "points of text": (lambda: hrd.Points(["a"]), ["array of numbers"]),
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
    "cells of another dimension": (lambda: system(cells=(8, 4, 2)), ["(8, 4, 2)", "one an axis"]),
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
        ["'A -> A'", "changes nothing"],
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


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ModelError) as refused:
        system(coupling="?", initial={"Q": 1}, reactions=[reaction("A -> A", radius=None)])
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    for word in ("'?'", "'Q'", "'A -> A'"):
        assert sum(word in line for line in lines) == 1
