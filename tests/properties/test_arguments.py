"""Arguments of any kind: public names accept them or refuse them with a message that names them."""

import inspect
import warnings
from decimal import Decimal
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import hybridrd as hrd
from hybridrd.errors import AccuracyWarning, HybridrdError
from hybridrd.results.correlations import covariance, pair_correlation

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
DT = 0.01
SYSTEM = {
    "species": [A],
    "domain": LINE,
    "particles": LINE,
    "cells": 5,
    "initial": {"A": 20.0},
}
KILL = hrd.Reaction("A -> 0", k=1.0)
PDE = hrd.mean_field(hrd.System(**SYSTEM), DT, DT, DT)
RUN = hrd.Simulation(hrd.System(**SYSTEM), DT, seed=1).run(DT, DT, positions=True)


def simulation(**changes):
    return hrd.Simulation(**({"system": hrd.System(**SYSTEM), "dt": DT, "seed": 1} | changes))


def stepped(**changes):
    """A short run of what was accepted: finite, and not negative."""
    result = simulation(**changes).run(2 * DT, DT)
    for name in ("concentration", "copy_number", "total", "crossings"):
        assert np.isfinite(result[name]).all(), name
    assert (result["copy_number"] >= 0).all()


def described(**fields):
    made = hrd.System(**fields)
    if made.particles is None:
        values = hrd.mean_field(made, DT, 2 * DT, DT)
        assert np.isfinite(values["concentration"]).all()
    else:
        stepped(system=made)


def with_part(name, make):
    """A system with one part made from the arguments, stepped."""

    def call(**given):
        part = make(**given)
        described(**SYSTEM | name(part))

    return call


def reacting(part):
    others = {*part.reactants, *part.products} - {"A"}
    return {"species": [A, *(hrd.Species(n, 1.0) for n in others)], "reactions": [part]}


def wall(part):
    return {"walls": {"x": part} if isinstance(part, hrd.Periodic) else {"x-": part}}


def start(part):
    return {"initial": {"A": part}}


def scheme(part):
    return {"interface": part, "walls": {"x-": hrd.Reservoir({A: 20.0})}}


def picture(draw, **fixed):
    def call(**given):
        try:
            draw(**fixed | given)
        finally:
            plt.close("all")

    return call


# What is called, and with which arguments: all right, and each of them replaced below.
CALLS = {
    "Species": (
        with_part(lambda s: {"species": [s], "initial": {s: 20.0}}, hrd.Species),
        {"name": "A", "D": 1.0},
    ),
    "Box": (
        with_part(lambda b: {"domain": b, "particles": b}, hrd.Box),
        {"x": (0, 1), "y": None, "z": None},
    ),
    "Shell": (
        with_part(lambda b: {"domain": b, "particles": b}, hrd.Shell),
        {"inner": 1.0, "outer": 3.0},
    ),
    "Patch": (with_part(start, hrd.Patch), {"c": 20.0, "x": (0, 0.5), "y": None, "z": None}),
    "Patch of a ball": (
        with_part(start, hrd.Patch),
        {"c": 20.0, "center": (0.5,), "radius": 0.1},
    ),
    "Copies": (with_part(start, hrd.Copies), {"n": 5, "x": (0, 0.5)}),
    "Points": (with_part(start, hrd.Points), {"positions": [[0.5]]}),
    "Reaction": (
        with_part(reacting, hrd.Reaction),
        {"equation": "A -> 0", "k": 1.0, "lambda0": None, "radius": None, "k_back": None},
    ),
    "Reaction of a pair": (
        with_part(reacting, hrd.Reaction),
        {"equation": "A + B <-> C", "k": 0.01, "radius": 0.05, "k_back": 1.0, "name": "bind"},
    ),
    "Reservoir": (with_part(wall, hrd.Reservoir), {"concentrations": {"A": 20.0}}),
    "Reservoir of A": (with_part(wall, lambda c: hrd.Reservoir({"A": c})), {"c": 20.0}),
    "Influx of A": (with_part(wall, lambda J: hrd.Influx({"A": J})), {"J": 20.0}),
    "Influx": (with_part(wall, hrd.Influx), {"fluxes": {"A": 20.0}}),
    "Leaky": (
        with_part(wall, hrd.Leaky),
        {"kappa": {"A": 2.0}, "outside": {"A": 20.0}, "partition": 0.5},
    ),
    "Leaky for A": (
        with_part(wall, lambda k, c, K: hrd.Leaky({"A": k}, {"A": c}, {"A": K})),
        {"k": 2.0, "c": 20.0, "K": 0.5},
    ),
    "Bath": (
        with_part(wall, lambda **b: hrd.Leaky({"A": 1.0}, {"A": hrd.Bath(**b)})),
        {"volume": 2.0, "initial": 20.0},
    ),
    "PartiallyAbsorbing": (with_part(wall, hrd.PartiallyAbsorbing), {"kappa": 1.0}),
    "Absorbing": (with_part(wall, lambda species: hrd.Absorbing(species)), {"species": "A"}),
    "Layer": (with_part(scheme, hrd.Layer), {"width": 0.1}),
    "CalibratedLayer": (with_part(scheme, hrd.CalibratedLayer), {"width": 0.1, "offset": None}),
    "System": (
        described,
        SYSTEM
        | {
            "reactions": [KILL],
            "walls": {},
            "interface": None,
            "coupling": "two-way",
            "fluctuations": None,
            "units": {},
        },
    ),
    "Simulation": (
        stepped,
        {"system": hrd.System(**SYSTEM), "dt": DT, "seed": 1, "replica": 0, "threads": 1}
        | {"solver": "auto", "continuum": None, "plan": None},
    ),
    "run": (
        lambda **given: simulation().run(**given),
        {"until": 2 * DT, "every": DT, "record": ["total"], "positions": False, "progress": None}
        | {"observe": {}, "stop": None, "out": None, "checkpoint": None},
    ),
    "observe": (
        lambda value: simulation().run(DT, DT, observe={"seen": lambda _: value}),
        {"value": 1.0},
    ),
    "stop": (lambda value: simulation().run(DT, DT, stop=lambda _: value), {"value": False}),
    "mean_field": (
        hrd.mean_field,
        {"system": hrd.System(**SYSTEM), "dt": DT, "until": 2 * DT, "every": DT}
        | {"record": None, "solver": "auto", "progress": None},
    ),
    "PDE": (
        lambda until, every, **given: hrd.PDE(**given).run(until, every),
        {"system": hrd.System(**SYSTEM), "dt": DT, "solver": "auto", "until": DT, "every": DT},
    ),
    "ensemble": (
        hrd.ensemble,
        {"system": hrd.System(**SYSTEM), "replicas": 2, "dt": DT, "until": DT, "every": DT}
        | {"seed": 1, "record": None, "threads": 1, "progress": None, "covariance": ()}
        | {"quantiles": (), "keep": (), "resume": None},
    ),
    "SteadyState": (
        lambda **given: simulation().run(2 * DT, DT, stop=hrd.SteadyState(**given)),
        {"tolerance": 0.1, "over": DT},
    ),
    "WallTime": (
        lambda **given: simulation().run(DT, DT, stop=hrd.WallTime(**given)),
        {"seconds": 100.0},
    ),
    "pair_correlation": (
        pair_correlation,
        {"positions": [[0.2, 0.4]] * 3, "box": LINE, "r_edges": [0.0, 0.1], "other": None}
        | {"periodic": True},
    ),
    "covariance": (
        covariance,
        {"counts": [[1, 2], [2, 1], [0, 3]], "volume": 1.0, "partner": None},
    ),
    "compare": (hrd.compare, {"a": RUN, "b": PDE}),
    "profile": (
        picture(hrd.plot.profile),
        {"result": RUN, "species": "A", "time": 0.0, "reference": PDE, "axis": "x"},
    ),
    "counts": (picture(hrd.plot.counts), {"result": RUN, "species": "A", "reference": PDE}),
    "kymograph": (picture(hrd.plot.kymograph), {"result": RUN, "species": "A"}),
    "snapshot": (picture(hrd.plot.snapshot), {"result": RUN, "time": 0.0}),
    "overview": (picture(hrd.plot.overview), {"result": RUN, "times": [0.0], "reference": PDE}),
}


# Made anew for each call: generators are used up.
VALUES = {
    "None": lambda: None,
    "True": lambda: True,
    "numpy's True": lambda: np.True_,
    "text": lambda: "what",
    "no text": lambda: "",
    "a name": lambda: "A",
    "bytes": lambda: b"A",
    "0": lambda: 0,
    "-1": lambda: -1,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "smallest": lambda: 5e-324,
    "largest": lambda: 1.7e308,
    "1e-150": lambda: 1e-150,
    "1e150": lambda: 1e150,
    "10**400": lambda: 10**400,
    "2**64": lambda: 2**64,
    "complex": lambda: 1j,
    "numpy's complex": lambda: np.complex64(1),
    "float32": lambda: np.float32(0.02),
    "Decimal": lambda: Decimal("0.02"),
    "Fraction": lambda: Fraction(1, 50),
    "[]": lambda: [],
    "[nan]": lambda: [float("nan")],
    "(1, 2)": lambda: (1, 2),
    "(2, 1)": lambda: (2, 1),
    "(True, 2)": lambda: (True, 2),
    "a dict": lambda: {"A": 1.0},
    "a dict of None": lambda: {None: None},
    "a set": lambda: {1, 2},
    "a generator": lambda: (i for i in (1, 2)),
    "an array": lambda: np.array([1.0, 2.0]),
    "an array of truth": lambda: np.array([True]),
    "an array of objects": lambda: np.array([None, 1.0]),
    "an array of text": lambda: np.array(["A"]),
    "a nested list": lambda: [[1.0], [1.0, 2.0]],
    "an object": object,
    "a class": lambda: hrd.Species,
    "a species": lambda: A,
    "a box": lambda: hrd.Box(x=(0, 0.5)),
    "a result": lambda: RUN,
    "a dataset": lambda: xr.Dataset(),
    "no arguments": lambda: lambda: 1.0,
    "any arguments": lambda: lambda *_: 1.0,
    "of w": lambda: lambda w: w,
    "of x": lambda: lambda x: x,
    "complex of x": lambda: lambda x: x + 1j,
    "truth of x": lambda: lambda x: x > 0,
    "None of x": lambda: lambda x: None,  # noqa: ARG005
    "negative of x": lambda: lambda x: -1 - x,
    "too many of x": lambda: lambda x: np.ones(len(x) + 1),
    "failing of x": lambda: lambda x: 1 / 0,  # noqa: ARG005
}


def outcome(name, changes):
    """None if the call is fine, else its refusal; anything else is raised."""
    call, given = CALLS[name]
    given = given | {key: VALUES[value]() for key, value in changes.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", AccuracyWarning)
        try:
            call(**given)
        except HybridrdError as error:
            return str(error)
    return None


def readable(said):
    return bool(said) and all(0 < len(line) <= 1000 for line in said.splitlines())


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_right(name):
    assert outcome(name, {}) is None


@pytest.mark.usefixtures("in_a_folder")
@pytest.mark.parametrize("name", CALLS)
def test_an_argument_of_any_kind_is_taken_or_refused(name):
    wrong = []
    for key in CALLS[name][1]:
        for value in VALUES:
            try:
                said = outcome(name, {key: value})
                if said is not None and not readable(said):
                    wrong.append(f"{key} = {value}: says {said[:100]!r}")
            except Exception as error:
                wrong.append(f"{key} = {value}: {type(error).__name__}: {str(error)[:100]}")
    assert not wrong, "\n".join(wrong)


CURVES = {
    "half_line_reservoir": {"c_R": 1.0, "c_0": 0.0},
    "half_line_absorbing": {"kappa": 1.0, "c_0": 1.0},
    "half_line_influx": {"J": 1.0},
    "patch_on_line": {"a": 0.0, "b": 1.0, "c": 1.0},
    "profile": {"sigma": 1.0, "kappa": 1.0, "R": 2.0},
    "shell_profile": {"sigma": 1.0, "kappa": 1.0, "R": 2.0},
    "time_profile": {"sigma": 1.0, "kappa": 1.0},
    "mean_first_passage": {"sigma": 1.0, "kappa": 1.0, "R": 2.0},
}


@pytest.mark.parametrize("name", CURVES)
def test_an_argument_of_theory_is_taken_or_refused(name):
    made = getattr(hrd.theory.diffusion, name, None) or getattr(hrd.theory.smoluchowski, name)
    usual = {"x": 1.5, "r": 1.5, "r0": 1.5, "t": 0.1, "D": 1.0} | CURVES[name]
    usual = {key: v for key, v in usual.items() if key in inspect.signature(made).parameters}
    assert np.isfinite(made(**usual)).all()
    wrong = []
    for key in usual:
        for value in set(VALUES) - {"Decimal", "largest"}:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    made(**usual | {key: VALUES[value]()})
                except HybridrdError as error:
                    if not readable(str(error)):
                        wrong.append(f"{key} = {value}: says {error}")
                except Exception as error:
                    wrong.append(f"{key} = {value}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


@st.composite
def several(draw):
    name = draw(st.sampled_from(sorted(CALLS)))
    keys = draw(st.sets(st.sampled_from(sorted(CALLS[name][1])), min_size=1, max_size=4))
    return name, {key: draw(st.sampled_from(sorted(VALUES))) for key in sorted(keys)}


@given(several())
@settings(max_examples=100)
def test_several_arguments_of_any_kind_are_taken_or_refused(case):
    name, changes = case
    if {"out", "checkpoint", "resume"} & set(changes):
        return  # they would make files
    said = outcome(name, changes)
    assert said is None or readable(said)


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
