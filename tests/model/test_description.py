"""The description of a system: what its words mean."""

import dataclasses
import math
import pickle

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.model.functions import arguments, evaluate, needs_time

A, B, C = hrd.Species("A", D=0.5), hrd.Species("B", D=0.0), hrd.Species("C", D=1.0)
SQUARE = hrd.Box(x=(0, 2), y=(0, 1))


def system(**changes):
    fields = {"species": [A, B, C], "domain": SQUARE, "particles": hrd.Box(x=(0, 1), y=(0, 1))}
    return hrd.System(**{**fields, "cells": (8, 4), **changes})


def reaction(equation="A + B -> C", k=1.0, radius=0.1, **changes):
    return hrd.Reaction(equation, k=k, radius=radius, **changes)


# --- reactions -----------------------------------------------------------------------------------

READ = {
    "A + B -> C": (("A", "B"), ("C",), None, None),
    "A+B->C": (("A", "B"), ("C",), None, None),
    " fus : A + B -> C": (("A", "B"), ("C",), None, "fus"),
    "A +(0.02) B -> C": (("A", "B"), ("C",), 0.02, None),
    "bind: A +( 2e-2 ) A -> 2 B": (("A", "A"), ("B", "B"), 0.02, "bind"),
    "2 A -> 0": (("A", "A"), (), None, None),
    "2*A -> ": (("A", "A"), (), None, None),
    "0 -> A": ((), ("A",), None, None),
    "∅ -> A + 2 B_1": ((), ("A", "B_1", "B_1"), None, None),
    "A -> 2A": (("A",), ("A", "A"), None, None),
    "A + B -> A + 2 C + B": (("A", "B"), ("A", "C", "C", "B"), None, None),
}


@pytest.mark.parametrize("equation", READ)
def test_equations_are_read(equation):
    reactants, products, radius, name = READ[equation]
    found = hrd.Reaction(equation, k=1.0)
    assert (found.reactants, found.products, found.radius) == (reactants, products, radius)
    assert found.order == len(reactants)
    assert found.label == (name or found.equation)
    # The normal form is read as the same.
    again = dataclasses.replace(found, k=2.0)
    assert (again.reactants, again.products) == (reactants, products)
    assert (again.radius, again.label, again.k) == (radius, found.label, 2.0)


def test_normal_form_of_an_equation():
    assert hrd.Reaction("A+A ->  B +B+C", k=1).equation == "2 A -> 2 B + C"
    assert hrd.Reaction("->A", k=1).equation == "0 -> A"
    assert hrd.Reaction("A +(0.1) B<->C", k=1, k_back=2).equation == "A + B <-> C"
    assert hrd.Reaction("A -> B", k=1, name="decay").label == "decay"


@pytest.mark.parametrize("equation", ["A + B -> 0", "2 A -> 0"])
@pytest.mark.parametrize(
    ("d", "volume"), [(1, 0.4), (2, math.pi * 0.04), (3, 4 / 3 * math.pi * 0.008)]
)
def test_k_and_lambda0_from_each_other(equation, d, volume):
    # k = V lambda0, for like reactants too: every unordered pair reacts at lambda0.
    by_k = hrd.Reaction(equation, k=3.0, radius=0.2)
    by_lambda = hrd.Reaction(equation, lambda0=3.0, radius=0.2)
    assert by_k.rates(d) == {"k": 3.0, "lambda0": pytest.approx(3.0 / volume), "radius": 0.2}
    assert by_lambda.rates(d) == {"k": pytest.approx(3.0 * volume), "lambda0": 3.0, "radius": 0.2}


def test_rates_that_cannot_be_shown_from_each_other():
    def k(t):
        return t

    assert hrd.Reaction("A + B -> 0", k=1.0).rates(2)["lambda0"] is None
    assert reaction(k=k).rates(2) == {"k": k, "lambda0": None, "radius": 0.1}


def test_a_reversible_reaction_is_two_channels():
    both = system(reactions=[reaction("A + B <-> C", k_back=0.5), hrd.Reaction("C -> 0", k=0.1)])
    assert [(c.reactants, c.products, c.back) for c in both.channels] == [
        (("A", "B"), ("C",), False),
        (("C",), ("A", "B"), True),
        (("C",), (), False),
    ]
    assert [c.macroscopic(2) for c in both.channels] == [1.0, 0.5, 0.1]


# --- functions -----------------------------------------------------------------------------------

AT = {"x": np.array([0.0, 1.0, 2.0]), "y": np.array([5.0, 6.0, 7.0])}


def test_functions_take_their_arguments_by_name():
    assert arguments(lambda t, y, x: x + y + t, "k") == ("t", "y", "x")
    np.testing.assert_array_equal(evaluate(lambda y, t: y + t, AT, 2.0, "k"), [7, 8, 9])
    np.testing.assert_array_equal(evaluate(lambda t: t, AT, 2.0, "k"), [2, 2, 2])
    np.testing.assert_array_equal(evaluate(lambda y, a=3.0: a + 0 * y, AT, 2.0, "k"), [3, 3, 3])
    np.testing.assert_array_equal(evaluate(1.5, AT, 2.0, "k"), [1.5, 1.5, 1.5])
    assert needs_time(lambda x, t: x + t)
    assert not needs_time(lambda x: x)
    assert not needs_time(3.0)


BAD_FUNCTIONS = {
    "negative": (lambda x: 1 - x, ["rate of A", "-1 at x=2, y=7, t=3", "at least 0"]),
    "not finite": (lambda x: np.where(x > 0, np.inf, 1.0), ["inf at x=1"]),
    "scalar": (lambda x: math.sqrt(x), ["failed on arrays", "TypeError", "numpy"]),
    "shape": (lambda x: np.ones((2, len(x))), ["shape (2, 3)", "3 points"]),
    "no number": (lambda x: str(x), ["text", "real numbers"]),
    "stars": (lambda *x: x, ["by name", "x, y, z, r, t"]),
}


@pytest.mark.parametrize("case", BAD_FUNCTIONS)
def test_bad_values_of_functions_are_refused_with_their_place(case):
    function, words = BAD_FUNCTIONS[case]
    with pytest.raises(ModelError) as refused:
        evaluate(function, AT, 3.0, "rate of A")
    for word in words:
        assert word in str(refused.value)


# --- the whole -----------------------------------------------------------------------------------


def test_names_stand_for_species_and_axes_for_both_walls():
    found = system(
        walls={"y": hrd.Absorbing(), "x+": hrd.Reservoir({"A": 2.0})},
        initial={A: 1.0, "C": hrd.Copies(3)},
    )
    assert list(found.walls) == ["x+", "y-", "y+"]
    assert found.walls["x+"] == hrd.Reservoir({A: 2.0})
    assert list(found.initial) == ["A", "C"]
    assert found.index(B) == found.index("B") == 1
    assert found.names == ("A", "B", "C")


def test_default_cells_and_one_number_for_all_axes():
    line, cube = hrd.Box(x=(0, 1)), hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    for domain, cells in ((line, (100,)), (SQUARE, (100, 100)), (cube, (22, 22, 22))):
        assert hrd.System(species=A, domain=domain).cells == cells
    assert hrd.System(species=[A], domain=cube, cells=5).cells == (5, 5, 5)
    assert system().grid.spacing == (0.25, 0.25)


def test_what_is_hybrid():
    assert system().is_hybrid
    assert not system(particles=None).is_hybrid
    assert not system(particles=SQUARE).is_hybrid


def test_replace_changes_one_field_and_checks_the_whole():
    one = system(reactions=[reaction()])
    other = one.replace(cells=(16, 4))
    assert (one.cells, other.cells) == ((8, 4), (16, 4))
    assert other.replace(cells=(8, 4)) == one
    assert other != one
    with pytest.raises(ModelError, match="unknown species 'A'"):
        one.replace(species=[B, C])
    with pytest.raises(ModelError, match="cell face of 7 cells"):
        one.replace(cells=7)


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (A, "D"),
        (SQUARE, "x"),
        (reaction(), "k"),
        (hrd.Reservoir({A: 1.0}), "concentrations"),
        (hrd.Patch(1.0), "c"),
        (hrd.Copies(2), "n"),
        (hrd.Points([[0.0]]), "positions"),
        (hrd.Layer(), "width"),
        (system(), "cells"),
    ],
)
def test_descriptions_are_frozen(thing, field):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, field, getattr(thing, field))


def test_positions_are_copied_and_cannot_be_written():
    mine = np.array([[0.5, 0.5]])
    points = hrd.Points(mine)
    mine[:] = 7.0
    assert points.positions.tolist() == [[0.5, 0.5]]
    with pytest.raises(ValueError, match="read-only"):
        points.positions[0, 0] = 1.0


def test_a_system_can_be_sent_to_another_process():
    whole = system(
        reactions=[reaction("A + B <-> C", k_back=1.0)],
        walls={"x-": hrd.Reservoir({A: 1.0}), "y": hrd.Periodic()},
        interface=hrd.ExactPlane(),
        initial={A: [hrd.Patch(1.0, center=(1, 0.5), radius=0.25), np.ones((8, 4))]},
    )
    assert pickle.loads(pickle.dumps(whole)) == whole
