"""Networks from SBML files: rates by algebra, against closed forms and the master equation."""

import math
from pathlib import Path

import libsbml
import numpy as np
import pytest
from scipy.linalg import expm
from support.networks import sbml

import hybridrd as hrd

DATA = Path(__file__).parents[1] / "data"
BOX = hrd.Box(x=(0, 3))
V = 3.0
RING = {"domain": BOX, "particles": BOX, "walls": {"x": hrd.Periodic()}, "cells": 4}


def moments(system, replicas, dt, until, every):
    run = hrd.ensemble(
        system, replicas=replicas, dt=dt, until=until, every=every, seed=1, record=["copy_number"]
    )
    return run.isel(time=slice(1, None))


def agree(run, species, mean, variance, replicas, kurtosis=3.0):
    """Within 4.5 standard errors at each time; that of a variance from the fourth moment."""
    found = run.sel(species=species)
    errors = np.sqrt(np.asarray(variance) / replicas)
    assert np.all(abs(found["copy_number_mean"] - mean) < 4.5 * errors)
    ratio = found["copy_number_var"].values / variance
    assert np.all(abs(ratio - 1) < 4.5 * np.sqrt((kurtosis - 1) / replicas))


def test_immigration_and_death():
    # Poisson at all times, with mean (Alpha/Mu) (1 - exp(-Mu t)).
    system = hrd.from_sbml(DATA / "immigration-death.xml", D=5.0, **RING)
    assert system.reactions == (
        hrd.Reaction("0 -> X", k=5.0 / V, name="Immigration"),
        hrd.Reaction("X -> 0", k=0.1, name="Death"),
    )
    run = moments(system, 300, dt=2.5, until=30.0, every=10.0)
    mean = 50 * (1 - np.exp(-0.1 * run["time"].values))
    agree(run, "X", mean, mean, 300, kurtosis=3.0 + 1 / mean.min())


def test_dimerisation():
    # The master equation of 40 copies of P with the pair rate 0.005 and dissociation at 0.05.
    system = hrd.from_sbml(DATA / "dimerisation.xml", D=5.0, radius=0.15, **RING)
    assert system.reactions == (
        hrd.Reaction(
            "2 P <-> P2", k=0.005 * V, k_back=0.05, radius=0.15, name="Dimerisation/Dissociation"
        ),
    )
    run = moments(system, 200, dt=0.8, until=16.0, every=4.0)
    dimers = np.arange(21)
    forward, back = 0.005 * (40 - 2 * dimers) * (39 - 2 * dimers) / 2, 0.05 * dimers
    generator = np.diag(forward[:-1], 1) + np.diag(back[1:], -1)
    generator -= np.diag(generator.sum(axis=1))
    p = np.array([expm(generator * t)[0] for t in run["time"].values])
    mean = p @ dimers
    central = [(p * (dimers - mean[:, None]) ** k).sum(axis=1) for k in (2, 4)]
    agree(run, "P2", mean, central[0], 200, kurtosis=(central[1] / central[0] ** 2).max())
    agree(run, "P", 40 - 2 * mean, 4 * central[0], 200, kurtosis=3.2)


PARAMETERS = {"k": 0.6, "k2": 0.25, "tau": 2.0}
# name: (reactants, products, law, reversible): the reaction (radius 0.1, V = 3, cell of size 2)
LAWS = {
    "creation": ({}, {"A": 1}, "k", False, [("0 -> A", 0.6 / V)]),
    "per volume": ({}, {"A": 1}, "cell * k", False, [("0 -> A", 1.2 / V)]),
    "decay": ({"A": 1}, {}, "A*k", False, [("A -> 0", 0.6)]),
    "half-life": ({"A": 1}, {}, "ln(2)/tau * A", False, [("A -> 0", math.log(2) / 2)]),
    "constants": (
        {"A": 1}, {}, "A*(sqrt(k^2) + exp(0) - root(3, 8)/2 + log10(1) + abs(-k2) - pi + pi)",
        False, [("A -> 0", 0.85)],
    ),
    "birth": ({"A": 1}, {"A": 2}, "k*A", False, [("A -> 2 A", 0.6)]),
    "pair": ({"A": 1, "B": 1}, {"C": 1}, "k*A*B", False, [("A + B -> C", 0.6 * V)]),
    "spelled": ({"A": 1, "B": 1}, {}, "B*(k*A + k2*A) - A*B*k2", False, [("A + B -> 0", 0.6 * V)]),
    "pair per volume": ({"A": 1, "B": 1}, {}, "k*A*B/cell", False, [("A + B -> 0", 0.3 * V)]),
    "propensity": ({"A": 2}, {}, "k*A*(A-1)", False, [("2 A -> 0", 1.2 * V)]),
    "half of it": ({"A": 2}, {}, "k*A*(A-1)/2", False, [("2 A -> 0", 0.6 * V)]),
    "mean field": ({"A": 2}, {"C": 1}, "k*A^2", False, [("2 A -> C", 1.2 * V)]),
    "half mean field": ({"A": 2}, {}, "0.5*k*A*A", False, [("2 A -> 0", 0.6 * V)]),
    "three": ({"A": 2, "B": 1}, {"A": 3}, "k*A^2*B", False, [("2 A + B -> 3 A", 0.6 * V**2)]),
    "three, in whole copies": (
        {"A": 2, "B": 1}, {"A": 3}, "k*A*(A-1)*B/2", False, [("2 A + B -> 3 A", 0.3 * V**2)],
    ),
    "a triple": ({"A": 3}, {}, "k*A*(A-1)*(A-2)", False, [("3 A -> 0", 0.6 * V**2)]),
    "a triple, mean field": ({"A": 3}, {}, "k*A^3", False, [("3 A -> 0", 0.6 * V**2)]),
    "Schloegl": (
        {"A": 2}, {"A": 3}, "k*A^2 - k2*A^3", True,
        [("2 A -> 3 A", 1.2 * V), ("3 A -> 2 A", 0.25 * V**2)],
    ),
    "catalyst": ({"A": 1}, {"C": 1}, "k*A*B", False, [("B + A -> B + C", 0.6 * V)]),
    "autocatalysis": ({"A": 1}, {"B": 1}, "k*A*B", False, [("B + A -> B + B", 0.6 * V)]),
    "gene": ({}, {"A": 1}, "k*B", False, [("B -> B + A", 0.6)]),
    "loss of one of two": ({"A": 2}, {"A": 1}, "k*A*(A-1)/2", False, [("2 A -> A", 0.6 * V)]),
    "bath": ({"E_fixed": 1}, {"A": 1}, "k*E_fixed", False, [("0 -> A", 0.6 * 7 / V)]),
    "to a bath": ({"A": 1, "E_fixed": 1}, {}, "k*A*E_fixed", False, [("A -> 0", 4.2)]),
    "isomers": (
        {"A": 1}, {"B": 1}, "k*A - k2*B", True, [("A -> B", 0.6), ("B -> A", 0.25)],
    ),
    "in and out": ({}, {"A": 1}, "k - k2*A", True, [("0 -> A", 0.6 / V), ("A -> 0", 0.25)]),
    "exchange": (
        {"A": 1, "B": 1}, {"C": 2}, "k*A*B - k2*C*(C-1)/2", True,
        [("A + B -> 2 C", 0.6 * V), ("2 C -> A + B", 0.25 * V)],
    ),
    "reversible in name": ({"A": 1}, {"B": 1}, "k*A", True, [("A -> B", 0.6)]),
    "only back": ({"A": 1}, {"B": 1}, "-k*B", True, [("B -> A", 0.6)]),
    "two to one": ({"A": 2}, {"A": 1}, "k*A^2", True, [("2 A -> A", 1.2 * V)]),
    "propensity, reversible in name": ({"A": 2}, {}, "k*A*(A-1)", True, [("2 A -> 0", 1.2 * V)]),
}  # fmt: skip


def imported(path, **options):
    given = {"domain": BOX, "D": 1.0, "radius": 0.1, **options}
    return hrd.from_sbml(path, **given)


def written(tmp_path, *law, **options):
    given = {"parameters": PARAMETERS, "size": 2.0, **options}
    species = {"A": 10, "B": 4, "C": 2, "E_fixed": 7}
    return sbml(tmp_path / "m.xml", [("R", *law)], species, **given)


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("case", LAWS)
def test_laws(case, level, tmp_path):
    *law, expected = LAWS[case]
    path = written(tmp_path, *law, level=level, change=as_items if level == 2 else None)
    found = imported(path).reactions
    assert [r.equation for r in found] == [hrd.Reaction(e, k=1.0).equation for e, _ in expected]
    assert [r.k for r in found] == pytest.approx([k for _, k in expected])
    assert [r.radius for r in found] == [0.1 if r.order == 2 else None for r in found]
    if len(found) == 1:
        assert found[0].name == "R"
    elif found:
        assert [r.name for r in found] == ["R (forward)", "R (back)"]


# name: (reactants, products, law, its value for copies of A and B)
SATURATING = {
    "Michaelis and Menten": ({"A": 1}, {"B": 1}, "k*A/(k2 + A)", lambda A, _: 0.6 * A / (0.25 + A)),
    "Hill": ({}, {"A": 1}, "k/(1 + (B/3)^2.5)", lambda _, B: 0.6 / (1 + (B / 3) ** 2.5)),
    "root": ({"A": 1}, {}, "k*sqrt(A)", lambda A, _: 0.6 * A**0.5),
    "exponential": ({"A": 1}, {}, "k*A*exp(-k2*B)", lambda A, B: 0.6 * A * np.exp(-0.25 * B)),
    "piecewise": (
        {"A": 1}, {}, "piecewise(k*A, and(A > 3, B <= 5), k2*A, B > 9, 0)",
        lambda A, B: np.where((A > 3) & (B <= 5), 0.6 * A, np.where(B > 9, 0.25 * A, 0.0)),
    ),
    "high": ({"A": 1}, {}, "k*A^9/(2 + A^9)", lambda A, _: 0.6 * A**9 / (2 + A**9)),
    "quotients": (
        {"A": 1}, {"A": 2}, "2*A/B*A/(k - A*-3)", lambda A, B: 2 * A / B * A / (0.6 + 3 * A),
    ),
    "ratio of logs": ({"A": 1}, {}, "A*log(10, 1 + B)", lambda A, B: A * np.log10(1 + B)),
}  # fmt: skip


@pytest.mark.parametrize("case", SATURATING)
def test_laws_of_other_kinds(case, tmp_path):
    reactants, products, law, value = SATURATING[case]
    system = imported(written(tmp_path, reactants, products, law, False))
    (reaction,) = system.reactions
    n = np.array([0.0, 1.0, 4.0, 7.0, 20.0])
    A, B = np.meshgrid(n, n[1:], indexing="ij")
    rate = reaction.law.at({"A": A / V, "B": B / V})
    np.testing.assert_allclose(rate, value(A, B) / V, rtol=1e-12)
    assert hrd.System.from_dict(system.to_dict()) == system
    with pytest.raises(hrd.ModelError, match="particles react alone or in pairs"):
        system.replace(particles=BOX)


def test_laws_through_functions_and_rules(tmp_path):
    """A rule that saturates, and an enzyme that is kept, as PDE against the closed balance."""

    def change(model):
        p = model.createParameter()
        p.setId("p")
        p.setConstant(False)
        rule = model.createAssignmentRule()
        rule.setVariable("p")
        rule.setMath(libsbml.parseL3Formula("A/(k2 + A)"))

    path = written(tmp_path, {"A": 1}, {"B": 1}, "k*p*E_fixed", False, change=change)
    system = imported(path)
    run = hrd.mean_field(system, dt=0.01, until=1.0, every=1.0)
    A = float(run["total"].sel(species="A")[-1])
    # k2 ln(A/A0) + A - A0 = - k E t
    assert 0.25 * np.log(A / 10) + A - 10 == pytest.approx(-0.6 * 7, rel=1e-6)


def test_a_law_of_0_is_mentioned(tmp_path):
    path = written(tmp_path, {"A": 1}, {"B": 1}, "0*k*A", False)
    with pytest.warns(hrd.AccuracyWarning, match="reaction R: its law is 0; it is left out"):
        assert imported(path).reactions == ()


def test_moles_that_are_most_likely_copies(tmp_path):
    path = sbml(tmp_path / "m.xml", [], {"A": 10}, level=2)
    with pytest.warns(hrd.AccuracyWarning, match=r"A starts with 6\.02e\+24 copies.*=1 they are"):
        imported(path)
    assert imported(path, copies_per_amount=1).initial == {"A": hrd.Copies(10)}
    path = sbml(tmp_path / "m.xml", [], {"A": 10}, level=2, change=as_items)
    assert imported(path).initial == {"A": hrd.Copies(10)}


def as_items(model):
    definition = model.createUnitDefinition()
    definition.setId("substance")
    unit = definition.createUnit()
    unit.setKind(unit_kind("item"))
    unit.setExponent(1)
    unit.setScale(0)
    unit.setMultiplier(1.0)


def unit_kind(name):
    return libsbml.UnitKind_forName(name)


@pytest.mark.parametrize(
    ("reactants", "law", "equation", "k"),
    [
        # c = n/2 per volume in a cell of size 2; laws are amounts per time.
        ({}, "cell*k", "0 -> C", 1.2 / V),
        ({"A": 1}, "cell*k*A", "A -> C", 0.6),
        ({"A": 1, "B": 1}, "cell*k*A*B", "A + B -> C", 0.6 / 2 * V),
        ({"A": 2}, "cell*k*A^2", "2 A -> C", 2 * 0.6 / 2 * V),
        ({"A": 2}, "cell*k*A*(A - 1/cell)", "2 A -> C", 2 * 0.6 / 2 * V),
    ],
)
@pytest.mark.parametrize("units", ["item", "mole"])
def test_laws_of_concentrations(reactants, law, equation, k, units, tmp_path):
    if units == "mole" and "1/cell" in law:
        law = "cell*k*A*(A - 1/(cell*6.02214076e23))"
    path = written(tmp_path, reactants, {"C": 1}, law, False, amounts=False, units=units)
    (reaction,) = imported(path).reactions
    assert reaction.equation == equation
    copies = {"item": 1.0, "mole": 6.02214076e23}[units]
    assert reaction.k == pytest.approx(k * copies ** (1 - reaction.order), rel=1e-12)


def test_a_pair_and_its_product_forth_and_back(tmp_path):
    # As one reaction, as two, and with the product first.
    one = [("R", {"A": 1, "B": 1}, {"C": 1}, "k*A*B - k2*C", True)]
    two = [
        ("off", {"C": 1}, {"B": 1, "A": 1}, "k2*C", False),
        ("on", {"A": 1, "B": 1}, {"C": 1}, "k*A*B", False),
    ]
    back = [("R", {"C": 1}, {"A": 1, "B": 1}, "k2*C - k*A*B", True)]
    for name, network in (("R", one), ("on/off", two), ("R", back)):
        path = sbml(tmp_path / "m.xml", network, {"A": 1, "B": 1, "C": 1}, PARAMETERS)
        expected = hrd.Reaction("A + B <-> C", k=0.6 * V, k_back=0.25, radius=0.1, name=name)
        assert imported(path).reactions == (expected,)


def test_two_reactions_with_one_way_back(tmp_path):
    network = [
        ("fast", {"A": 1, "B": 1}, {"C": 1}, "k*A*B", False),
        ("slow", {"A": 1, "B": 1}, {"C": 1}, "k2*A*B", False),
        ("off", {"C": 1}, {"A": 1, "B": 1}, "k2*C", False),
    ]
    path = sbml(tmp_path / "m.xml", network, {"A": 1, "B": 1, "C": 1}, PARAMETERS)
    assert [r.name for r in imported(path).reactions] == ["fast/off", "slow"]


def test_local_parameters_and_functions(tmp_path):
    def local(model):
        law = model.getReaction(0).getKineticLaw()
        parameter = law.createLocalParameter()
        parameter.setId("k")
        parameter.setValue(5.0)

    path = written(
        tmp_path, {"A": 1}, {}, "rate(k, A)", False,
        functions={"rate": "lambda(x, y, x*y)"}, change=local,
    )  # fmt: skip
    assert imported(path).reactions[0].k == 5.0


def test_initial_assignments(tmp_path):
    def assign(model):
        for name, formula in (("k", "2*tau"), ("A", "3*tau")):
            one = model.createInitialAssignment()
            one.setSymbol(name)
            one.setMath(libsbml.parseL3Formula(formula))

    path = written(tmp_path, {"A": 1}, {}, "k*A", False, change=assign)
    system = imported(path)
    assert system.reactions[0].k == 4.0
    assert system.initial["A"] == hrd.Copies(6)


def test_the_initial_state(tmp_path):
    path = sbml(tmp_path / "m.xml", [], {"A": 10, "B": 4.5})
    system = imported(path)
    assert system.initial == {"A": hrd.Copies(10), "B": 4.5 / V}
    A = hrd.Species("A", D=1.0)
    assert imported(path, initial={A: 2.0}).initial == {"A": 2.0, "B": 4.5 / V}
    # The same numbers, as concentrations in the file.
    path = sbml(tmp_path / "m.xml", [], {"A": 10}, size=2.0, change=as_concentration)
    assert imported(path).initial == {"A": hrd.Copies(20)}


def as_concentration(model):
    one = model.getSpecies("A")
    one.unsetInitialAmount()
    one.setInitialConcentration(10.0)


def test_amounts_in_moles(tmp_path):
    def femtomole(model):
        definition = model.createUnitDefinition()
        definition.setId("fmol")
        unit = definition.createUnit()
        unit.setKind(unit_kind("mole"))
        unit.setExponent(1)
        unit.setScale(-15)
        unit.setMultiplier(2.0)

    path = sbml(tmp_path / "m.xml", [], {"A": 0.001}, units="fmol", change=femtomole)
    assert imported(path).initial["A"] == pytest.approx(0.001 * 2e-15 * 6.02214076e23 / V)
    assert imported(path, copies_per_amount=5000.0).initial == {"A": hrd.Copies(5)}
    # A level 2 file that says nothing means moles, a level 3 file nothing.
    path = sbml(tmp_path / "m.xml", [], {"A": 1e-20}, level=2)
    assert imported(path).initial["A"] == pytest.approx(6022.14076 / V)
    path = sbml(tmp_path / "m.xml", [], {"A": 3}, units=None)
    assert imported(path).initial == {"A": hrd.Copies(3)}


def test_coefficients_and_radii_by_id(tmp_path):
    network = [
        ("one", {"A": 1, "B": 1}, {}, "k*A*B", False),
        ("two", {"A": 2}, {}, "k*A*A", False),
    ]
    path = sbml(tmp_path / "m.xml", network, {"A": 1, "B": 1}, PARAMETERS)
    A = hrd.Species("A", D=9.0)
    system = imported(path, D={A: 2.0, "B": 0.0}, radius={"one": 0.2})
    assert [s.D for s in system.species] == [2.0, 0.0]
    assert [r.radius for r in system.reactions] == [0.2, None]


def test_in_three_dimensions(tmp_path):
    cube = hrd.Box(x=(0, 2), y=(0, 2), z=(0, 1))
    path = written(tmp_path, {"A": 1, "B": 1}, {}, "k*A*B", False)
    system = imported(path, domain=cube, particles=cube, cells=2, units={"length": "um"})
    assert system.reactions[0].k == pytest.approx(0.6 * 4.0)
    assert system.units == {"length": "um"}
    assert hrd.System.from_dict(system.to_dict()) == system
