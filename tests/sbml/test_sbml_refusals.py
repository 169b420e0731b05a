"""Refusals of SBML that is not mass action in one volume, by name."""

import sys

import libsbml
import pytest
from support.networks import sbml

import hybridrd as hrd

BOX = hrd.Box(x=(0, 3))
# name: (reactants, products, law, reversible, words)
LAWS = {
    "floor": ({"A": 1}, {}, "k*floor(A)", False, "floor together with copy numbers"),
    "time beside copies": (
        {"A": 1},
        {},
        "k*A/(time + A)",
        False,
        "time together with copy numbers",
    ),
    "unknown": ({"A": 1}, {}, "kk*A", False, "kk has no value"),
    "no law": ({"A": 1}, {}, None, False, "no kinetic law"),
    "infinite": ({"A": 1}, {}, "A*k/0", False, "divides by 0"),
    "logarithm of 0": ({"A": 1}, {}, "A*ln(0)", False, "has no value"),
    "negative": ({"A": 1}, {}, "-k*A", False, "negative term, k A"),
    "difference": ({"A": 1}, {"B": 1}, "k*A - k2*B", False, "negative term, k B"),
    "constant loss": ({"A": 1}, {}, "k", False, "does not contain the reactant A"),
    "half a pair": ({"A": 2}, {}, "k*A", False, "the reactant A often enough"),
    "wrong way back": ({"A": 1}, {"B": 1}, "k*A - k2*C", True, "does not contain the product B"),
    "not pairs": ({"A": 2}, {}, "k*A^2 - k2*A", False, r"neither K A \(A - 1\) nor two directions"),
    "both orders": ({"A": 2}, {}, "k*A^2 + k*A", False, "the reactant A often enough"),
    "either way in time": ({"A": 1}, {"B": 1}, "k*A*B*time", True, "either direction"),
    "delayed": ({"A": 1}, {}, "k*delay(A, 1)", False, "delays are not supported"),
    "derivative": ({"A": 1}, {}, "k*rateOf(B)", False, "rateOf is not supported"),
    "no branch": ({"A": 1}, {}, "piecewise(k*A, k > 1)", False, "none of its conditions holds"),
    "undefined": ({"A": 1}, {}, "f(A)", False, "the function f has no definition"),
    "to the infinity": ({"A": 1}, {}, "k*A^INF", False, "is a power of inf"),
    "to no number": ({"A": 1}, {}, "k*A^NaN", False, "is a power of nan"),
    "a third": ({"A": 0.5}, {}, "k*A", False, "stoichiometry of A is 0.5; a whole number"),
}


def imported(path, **options):
    return hrd.from_sbml(path, **{"domain": BOX, "D": 1.0, "radius": 0.1, **options})


def written(tmp_path, *law, **options):
    law = law or ({"A": 1}, {}, "k*A", False)
    species = {"A": 10, "B": 4, "C": 2}
    return sbml(tmp_path / "m.xml", [("R", *law)], species, {"k": 0.6, "k2": 0.25}, **options)


@pytest.mark.parametrize("case", LAWS)
def test_laws(case, tmp_path):
    *law, words = LAWS[case]
    with pytest.raises(hrd.ModelError, match=rf"m\.xml: reaction R: .*{words}"):
        imported(written(tmp_path, *law))


def test_every_reaction_is_named(tmp_path):
    network = [(name, {"A": 1}, {}, "k*delay(A, 1)", False) for name in ("first", "second")]
    path = sbml(tmp_path / "m.xml", network, {"A": 1, "B": 1}, {"k": 1.0})
    with pytest.raises(hrd.ModelError) as raised:
        imported(path)
    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        "reaction first",
        "reaction second",
    ]


def rule_of_rate(model):
    one = model.createRateRule()
    one.setVariable("k")
    one.setMath(libsbml.parseL3Formula("2*A"))


def event(model):
    one = model.createEvent()
    one.setId("dose")
    one.setUseValuesFromTriggerTime(True)
    trigger = one.createTrigger()
    trigger.setInitialValue(True)
    trigger.setPersistent(True)
    trigger.setMath(libsbml.parseL3Formula("time > 3"))


def constraint(model):
    model.createConstraint().setMath(libsbml.parseL3Formula("A > 3"))


def compartments(model):
    one = model.createCompartment()
    one.setId("nucleus")
    one.setConstant(True)
    model.getSpecies("B").setCompartment("nucleus")


def kilograms(model):
    model.getSpecies("B").setSubstanceUnits("kilogram")


def mixed(model):
    model.getSpecies("B").setSubstanceUnits("mole")


def squared(model):
    definition = model.createUnitDefinition()
    definition.setId("pairs")
    unit = definition.createUnit()
    unit.setKind(libsbml.UnitKind_forName("item"))
    unit.setExponent(2)
    unit.setScale(0)
    unit.setMultiplier(1.0)
    model.getSpecies("B").setSubstanceUnits("pairs")


def no_size(model):
    model.getCompartment("cell").unsetSize()
    model.getSpecies("A").setHasOnlySubstanceUnits(False)


def two_units(model):
    squared(model)
    unit = model.getUnitDefinition("pairs").createUnit()
    unit.setKind(libsbml.UnitKind_forName("second"))
    unit.setExponent(1)
    unit.setScale(0)
    unit.setMultiplier(1.0)


def no_units(model):
    model.createUnitDefinition().setId("pairs")
    model.getSpecies("B").setSubstanceUnits("pairs")


def size_of(size):
    def change(model):
        model.getCompartment("cell").setSize(size)
        model.getSpecies("A").setHasOnlySubstanceUnits(False)

    return change


def amount_of(amount):
    return lambda model: model.getSpecies("A").setInitialAmount(amount)


def elsewhere(model):
    for k in range(model.getNumSpecies()):
        model.getSpecies(k).setCompartment("nowhere")


def conversion_of_a_species(model):
    model.getSpecies("A").setConversionFactor("k")
    product = model.getReaction(0).createProduct()
    product.setSpecies("B")
    product.setStoichiometry(1)
    product.setConstant(True)


def all_fixed(model):
    for k in range(model.getNumSpecies()):
        model.getSpecies(k).setConstant(True)


def no_amount(model):
    model.getSpecies("A").unsetInitialAmount()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rule_of_rate, "rate rule for k is not supported"),
        (event, "the event dose is not supported"),
        (constraint, "constraints are not supported"),
        (compartments, "several compartments, cell, nucleus"),
        (kilograms, "'kilogram': give copies_per_amount"),
        (mixed, "different units, species in item, species in mole.*give copies_per_amount="),
        (squared, "'pairs' is not a unit of an amount"),
        (no_size, "A is a concentration, but its compartment cell has no size"),
        (all_fixed, "no species whose number changes"),
        (two_units, "'pairs' is not a unit of an amount"),
        (no_units, "'pairs' is not a unit of an amount"),
        (size_of(0.0), "compartment cell has the size 0; it must be positive"),
        (size_of(-2.0), "compartment cell has the size -2; it must be positive"),
        (amount_of(-1.0), "A starts with -1 copies"),
        (amount_of(float("inf")), "A starts with inf copies"),
        (elsewhere, "A is in a compartment that does not exist, 'nowhere'"),
        (conversion_of_a_species, "different conversion factors, 0.6 of A, 1 of B"),
        (no_amount, "A has no initial amount; give it as initial="),
    ],
)
def test_features(change, words, tmp_path):
    with pytest.raises(hrd.ModelError, match=words):
        imported(written(tmp_path, change=change))


def test_two_reactions_of_one_id(tmp_path):
    path = sbml(
        tmp_path / "m.xml",
        [("first", {"A": 1}, {}, "k*A", False), ("second", {"A": 1}, {}, "k*A", False)],
        {"A": 1},
        {"k": 1.0},
    )
    path.write_text(path.read_text().replace('id="second"', 'id="first"'))
    with pytest.raises(hrd.ModelError, match="2 things have the id 'first'"):
        imported(path)


def test_a_reactant_that_is_not_there(tmp_path):
    path = sbml(tmp_path / "m.xml", [("R", {"X": 1}, {}, "k", False)], {"A": 1}, {"k": 1.0})
    with pytest.raises(hrd.ModelError, match="reaction R: 'X' is not a species"):
        imported(path)


@pytest.mark.parametrize("operator", ["minus", "divide", "power", "ln", "root"])
def test_operators_without_arguments(operator, tmp_path):
    path = written(tmp_path)
    text = path.read_text()
    start, end = text.index("<apply>"), text.rindex("</math>")
    path.write_text(f"{text[:start]}<apply><{operator}/></apply>{text[end:]}")
    with pytest.raises(hrd.ModelError, match=r"m\.xml: reaction R: .* has 0 arguments"):
        imported(path)


def test_levels_that_do_not_exist(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace('level="3"', 'level="4"'))
    with pytest.raises(hrd.ModelError, match="level '4'; there are levels 1, 2 and 3"):
        imported(path)


def test_several_at_once(tmp_path):
    def change(model):
        rule_of_rate(model)
        event(model)

    with pytest.raises(hrd.ModelError) as raised:
        imported(written(tmp_path, change=change))
    assert len(str(raised.value).splitlines()) == 2


def test_packages_that_change_the_meaning(tmp_path):
    path = written(tmp_path)
    text = path.read_text().replace(
        'level="3"',
        'level="3" xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" '
        'comp:required="true"',
    )
    path.write_text(text)
    with pytest.raises(hrd.ModelError, match="needs the SBML package 'comp'"):
        imported(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"D": {"A": 1.0}}, "D has no value for B, C"),
        ({"D": {"A": 1.0, "X": 1.0}}, "D: 'X' is not one of the species: A, B, C"),
        ({"D": -1.0}, "species A: D = -1"),
        ({"radius": {"S": 0.1}}, "radius: 'S' is not one of the reactions of two reactants"),
        ({"copies_per_amount": 0.0}, "copies_per_amount = 0"),
        ({"domain": None}, "domain = None: give a Box or Shell"),
        ({"initial": 3.0}, "initial = 3.0: give a dict"),
        ({"species": []}, "species are those of"),
        ({"reactions": []}, "reactions are those of"),
        ({"initial": {"X": 1.0}}, "X"),
        ({"radius": None, "particles": BOX}, "radius"),
    ],
)
def test_arguments(options, words, tmp_path):
    path = written(tmp_path, {"A": 1, "B": 1}, {}, "k*A*B", False)
    with pytest.raises(hrd.ModelError, match=words):
        imported(path, **options)


def test_files(tmp_path):
    with pytest.raises(hrd.ModelError, match="no such file"):
        imported(tmp_path / "none.xml")
    for text in ("", "<sbml", "<html/>", "domain = 3"):
        path = tmp_path / "m.xml"
        path.write_text(text)
        with pytest.raises(hrd.ModelError, match=r"m\.xml: not (XML|SBML)"):
            imported(path)


def test_a_missing_library(tmp_path, monkeypatch):
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "libsbml", None)
    with pytest.raises(hrd.ModelError, match=r"pip install hybridrd\[sbml\]"):
        imported(path)
