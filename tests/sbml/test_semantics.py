"""Meaning of SBML by level: rules, time, conversion factors, stoichiometries, units."""

import math
import pickle
import warnings

import libsbml
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from support.networks import sbml

import hybridrd as hrd

BOX = hrd.Box(x=(0, 3))
V = 3.0
K = {"k": 0.6, "k2": 0.25}


def imported(path, **options):
    return hrd.from_sbml(path, **{"domain": BOX, "D": 1.0, "radius": 0.1, **options})


def rule(name, formula):
    """Add a parameter set by an assignment rule, or set a species by one."""

    def change(model):
        if model.getElementBySId(name) is None:
            one = model.createParameter()
            one.setId(name)
            one.setConstant(False)
        one = model.createAssignmentRule()
        one.setVariable(name)
        one.setMath(libsbml.parseL3Formula(formula))

    return change


def assign(name, formula):
    def change(model):
        one = model.createInitialAssignment()
        one.setSymbol(name)
        if formula is not None:
            one.setMath(libsbml.parseL3Formula(formula))

    return change


def all_of(*changes):
    def change(model):
        for one in changes:
            one(model)

    return change


def written(tmp_path, reactants, products, law, reversible=False, **options):
    species = options.pop("species", {"A": 10, "B": 4, "C": 2, "X_fixed": 7})
    reaction = ("R", reactants, products, law, reversible)
    return sbml(tmp_path / "m.xml", [reaction], species, K, **options)


def equations(system):
    return {r.equation: r.k for r in system.reactions}


# ----------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("rules", "law", "expected"),
    [
        ({"p": "2*k"}, "p*A", {"A -> B": 1.2}),
        ({"p": "q/2", "q": "k + k2"}, "p*A", {"A -> B": 0.425}),  # in any order
        ({"p": "k*C"}, "p*A", {"C + A -> C + B": 0.6 * V}),
        ({"p": "k*X_fixed"}, "p*A", {"A -> B": 4.2}),
        ({"p": "acos(-1)"}, "p*A", {"A -> B": math.pi}),
        ({"p": "piecewise(k, k > 1, k2)"}, "p*A", {"A -> B": 0.25}),
        ({"p": "A/(1 + B)"}, "k*A", {"A -> B": 0.6}),  # only reports
        ({"p": "q*q", "q": "exp(A)"}, "k*A", {"A -> B": 0.6}),
        ({"total": "B + C"}, "k*A*total", {"B + A -> 2 B": 0.6 * V, "C + A -> C + B": 0.6 * V}),
        ({"X_fixed": "2*C"}, "k*X_fixed*A", {"C + A -> C + B": 1.2 * V}),  # a species
    ],
)
def test_assignment_rules(rules, law, expected, tmp_path):
    change = all_of(*(rule(name, formula) for name, formula in rules.items()))
    system = imported(written(tmp_path, {"A": 1}, {"B": 1}, law, change=change))
    assert equations(system) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"p": "q", "q": "p"}, "reaction R: p depends on itself: p -> q -> p"),
        ({"p": "delay(A, 2)"}, "reaction R: .*delays are not supported"),
        ({"p": "k", "A": "3"}, "A is changed by the reaction and set by a rule"),
    ],
)
def test_rules_that_a_law_cannot_have(rules, words, tmp_path):
    change = all_of(*(rule(name, formula) for name, formula in rules.items()))
    with pytest.raises(hrd.ModelError, match=words):
        imported(written(tmp_path, {"A": 1}, {"B": 1}, "p*A", change=change))


def test_a_value_set_twice(tmp_path):
    change = all_of(rule("p", "2"), assign("p", "3"))
    with pytest.raises(hrd.ModelError, match="p is set by 2 rules or initial assignments"):
        imported(written(tmp_path, {"A": 1}, {"B": 1}, "p*A", change=change))


def test_initial_assignments_take_initial_values(tmp_path):
    # k = A/10 at time 0, a constant later; B starts at a concentration in a cell of size 2.
    def as_concentration(model):
        model.getSpecies("B").setHasOnlySubstanceUnits(False)

    change = all_of(as_concentration, assign("k", "A/(8 + B)"), assign("B", "k2*4"))
    system = imported(written(tmp_path, {"A": 1}, {"B": 1}, "k*A", size=2.0, change=change))
    assert equations(system) == pytest.approx({"A -> B": 10 / 9})
    assert system.initial["B"] == hrd.Copies(2)


def test_the_rate_of_another_reaction(tmp_path):
    network = [
        ("J", {"A": 1}, {"B": 1}, "k*A", False),
        ("R", {}, {"C": 1}, "J*2", False),
    ]
    system = imported(sbml(tmp_path / "m.xml", network, {"A": 1, "B": 0, "C": 0}, K))
    assert equations(system) == {"A -> B": 0.6, "A -> A + C": 1.2}


# ------------------------------------------------------------------------ time


@pytest.mark.parametrize(
    ("law", "k"),
    [
        ("k*A*time", lambda t: 0.6 * t),
        ("k*A*(1 + sin(3*time))", lambda t: 0.6 * (1 + np.sin(3 * t))),
        ("A*exp(-time/2)", lambda t: np.exp(-t / 2)),
        ("piecewise(k, time < 1.5, k2)*A", lambda t: 0.6 if t < 1.5 else 0.25),
        ("piecewise(k*A, time < 1.5, 3*k2*A)", lambda t: 0.6 if t < 1.5 else 0.75),
        ("A*(time + 1)^0.5", lambda t: np.sqrt(1 + t)),
        ("A/(1 + time)", lambda t: 1 / (1 + t)),
        ("A*piecewise(1/time, time > 1, 2)", lambda t: 1 / t if t > 1 else 2),  # not 1/0
        ("k*A*(2 + time) - k*A*time", lambda t: 1.2 + 0 * t),
    ],
)
def test_laws_in_time(law, k, tmp_path):
    (reaction,) = imported(written(tmp_path, {"A": 1}, {"B": 1}, law)).reactions
    assert reaction.equation == "A -> B"
    rate = reaction.k if callable(reaction.k) else lambda t: reaction.k  # noqa: ARG005
    for t in (0.0, 0.4, 1.0, 1.5, 2.0, 7.3):
        assert rate(t=t) == pytest.approx(k(t), rel=1e-12, abs=1e-15)
    if callable(reaction.k):  # worker processes take it
        assert pickle.loads(pickle.dumps(reaction.k))(2.0) == reaction.k(2.0)


def test_a_rate_in_time_that_becomes_negative_ends_the_run(tmp_path):
    path = written(tmp_path, {"A": 1}, {"B": 1}, "k*A*cos(time)")
    system = imported(path, cells=1)
    with pytest.raises(
        hrd.ModelError, match=r"rate of 'R': the function gives -0\.\d+ at .*t=1\.65"
    ):
        hrd.mean_field(system, dt=0.1, until=2)


def test_a_reversible_law_in_time(tmp_path):
    path = written(tmp_path, {"A": 1}, {"B": 1}, "k*A*(1 + time) - k2*B*time", True)
    forward, back = imported(path).reactions
    assert (forward.equation, back.equation) == ("A -> B", "B -> A")
    assert (forward.k(1.0), back.k(2.0)) == pytest.approx((1.2, 0.5))


def test_a_pair_and_its_product_in_time(tmp_path):
    # Without particles it is exact; between particles there is no detailed balance to keep.
    law = "k*A*B*(1 + sin(time)^2) - k2*C"
    path = written(tmp_path, {"A": 1, "B": 1}, {"C": 1}, law, True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        system = imported(path, cells=1)
    assert [r.equation for r in system.reactions] == ["A + B -> C", "C -> A + B"]
    with pytest.warns(hrd.AccuracyWarning, match="Use constant rates, or particles=None") as seen:
        imported(path, particles=BOX)
    assert seen[0].filename == __file__

    def rates(t, n):
        a, b, c = n
        v = 0.6 * a * b * (1 + np.sin(t) ** 2) - 0.25 * c
        return [-v, -v, v]

    exact = solve_ivp(rates, (0, 2), [10, 4, 2], rtol=1e-10, atol=1e-12).y[:, -1]
    total = hrd.mean_field(system, dt=1e-3, until=2, every=2)["total"].isel(time=-1)
    assert total.values == pytest.approx(exact, rel=2e-4)


# --------------------------------------------------------------- sums of terms


@pytest.mark.parametrize(
    ("reactants", "products", "law", "reversible", "expected"),
    [
        ({"A": 1}, {"B": 1}, "k*A + k2*A*B", False, {"A -> B": 0.6, "B + A -> 2 B": 0.25 * V}),
        ({"A": 2}, {}, "k*A^2 - k*A", False, {"2 A -> 0": 1.2 * V}),  # K A (A - 1), multiplied out
        ({"A": 1}, {"A": 1}, "k*A", False, {}),  # changes nothing
        ({}, {}, "k", False, {}),
        ({"X_fixed": 1}, {}, "k*X_fixed/A", False, {}),
    ],
)
def test_sums_of_terms(reactants, products, law, reversible, expected, tmp_path):
    system = imported(written(tmp_path, reactants, products, law, reversible))
    assert equations(system) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reactants", "products", "law", "k", "k_back"),
    [
        ({"A": 1}, {"A": 2}, "k*A - k2*A^2", 0.5, 0.6),
        ({"A": 1}, {"A": 2}, "k*A - k2*A*(A-1)", 0.5, 0.6),
        ({"A": 1}, {"A": 2}, "k*A - k*A^2", 1.2, 0.6),  # not K A (A - 1), which has one direction
        ({"A": 2}, {"A": 1}, "k*A*(A-1)/2 - k2*A", 0.6, 0.25),
        ({"A": 2}, {"A": 1}, "k*A^2 - k*A", 1.2, 0.6),
    ],
)
def test_both_directions_of_one_species(reactants, products, law, k, k_back, tmp_path):
    (reaction,) = imported(written(tmp_path, reactants, products, law, True)).reactions
    assert reaction.equation == "2 A <-> A"
    assert (reaction.k, reaction.k_back) == pytest.approx((k * V, k_back))


def test_names_of_terms(tmp_path):
    law = "k*A + k2*A*C - k2*B - k*B*C"
    system = imported(written(tmp_path, {"A": 1}, {"B": 1}, law, True))
    assert [r.name for r in system.reactions] == [
        "R (forward 1)", "R (forward 2)", "R (back 1)", "R (back 2)",
    ]  # fmt: skip
    system = imported(written(tmp_path, {"A": 1}, {"B": 1}, "k*A + k2*A*C"))
    assert [r.name for r in system.reactions] == ["R (1)", "R (2)"]


# ---------------------------------------------------------- what a level means


def text_of(level, version, body, attributes=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level{level}'
        + ("" if level == 1 or (level, version) == (2, 1) else f"/version{version}")
        + ("/core" if level == 3 else "")
        + f'" level="{level}" version="{version}"><model id="m" {attributes}>{body}</model></sbml>'
    )


def decay(level, version, fast="", law="", reference="", species="", rules="", compartment=""):
    """A -> 0 with the law 0.5 A, with further attributes."""
    more = 'constant="true" spatialDimensions="3"' if level == 3 else ""
    flags = 'hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"'
    math = (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn>0.5</cn><ci>A</ci>'
        f"{law}</apply></math>"
    )
    constant = 'constant="true"' if level == 3 else ""
    stoichiometry = reference or 'stoichiometry="1"'
    return text_of(
        level,
        version,
        f'<listOfCompartments><compartment id="c" size="2" {more} {compartment}/>'
        f'</listOfCompartments><listOfSpecies><species id="A" compartment="c" initialAmount="8" '
        f"{flags} {species}/></listOfSpecies>{rules}<listOfReactions>"
        f'<reaction id="R" reversible="false" {fast}><listOfReactants><speciesReference '
        f'species="A" {stoichiometry} {constant}/></listOfReactants><kineticLaw>{math}'
        f"</kineticLaw></reaction></listOfReactions>",
    )


@pytest.mark.parametrize(("level", "version"), [(2, 1), (2, 4), (2, 5), (3, 1)])
def test_fast_is_refused_where_it_is_in_force(level, version, tmp_path):
    path = tmp_path / "m.xml"
    path.write_text(decay(level, version, 'fast="true"'))
    with pytest.raises(hrd.ModelError, match="reaction R: it is fast, which is not supported"):
        imported(path, copies_per_amount=1)
    path.write_text(decay(level, version, 'fast="false"'))
    assert equations(imported(path, copies_per_amount=1)) == {"A -> 0": 0.5}


def test_fast_is_no_word_of_level_3_version_2(tmp_path):
    path = tmp_path / "m.xml"
    path.write_text(decay(3, 2))
    assert equations(imported(path)) == {"A -> 0": 0.5}
    path.write_text(decay(3, 2, 'fast="true"'))
    with pytest.raises(hrd.ModelError, match="not SBML, line 1"):
        imported(path)


@pytest.mark.parametrize(
    ("given", "copies"),
    [
        ('substanceUnits="mole"', 6.02214076e23),
        ('substanceUnits="item"', 1.0),
        ('substanceUnits="avogadro"', 6.02214076e23),
        ("", 1.0),
    ],
)
def test_units_of_species_with_none_on_the_model(given, copies, tmp_path):
    path = tmp_path / "m.xml"
    path.write_text(decay(3, 1, 'fast="false"', species=given))
    (initial,) = imported(path).initial.values()
    assert initial.n == pytest.approx(8 * copies)
    assert equations(imported(path)) == pytest.approx({"A -> 0": 0.5})


def test_extents_in_another_unit(tmp_path):
    def change(model):
        model.setExtentUnits("mole")

    path = written(tmp_path, {"A": 1}, {}, "k*A", change=change)
    words = "species in item, reactions in mole.*give copies_per_amount="
    with pytest.raises(hrd.ModelError, match=words):
        imported(path)
    assert equations(imported(path, copies_per_amount=1)) == {"A -> 0": 0.6}


def test_products_of_units(tmp_path):
    # 1e-3 (dimensionless) of 2e-6 mole
    def change(model):
        definition = model.createUnitDefinition()
        definition.setId("nmol")
        for kind, scale, multiplier in (("dimensionless", -3, 1.0), ("mole", -6, 2.0)):
            unit = definition.createUnit()
            unit.setKind(libsbml.UnitKind_forName(kind))
            unit.setExponent(1)
            unit.setScale(scale)
            unit.setMultiplier(multiplier)

    path = written(tmp_path, {}, {"A": 1}, "k", units="nmol", change=change)
    assert imported(path).initial["A"].n == pytest.approx(10 * 2e-9 * 6.02214076e23)


def test_stoichiometries(tmp_path):
    """Two of A by an attribute, an id with an initial assignment, or mathematics of level 2."""
    half = (
        '<listOfInitialAssignments><initialAssignment symbol="s"><math xmlns='
        '"http://www.w3.org/1998/Math/MathML"><apply><plus/><cn>1</cn><cn>1</cn></apply></math>'
        "</initialAssignment></listOfInitialAssignments>"
    )
    path = tmp_path / "m.xml"
    times = "<ci>A</ci><cn>1</cn>"
    for text in (
        decay(3, 1, 'fast="false"', times, 'stoichiometry="2"'),
        decay(3, 1, 'fast="false"', times, 'id="s" stoichiometry="5"', rules=half),
        decay(3, 1, 'fast="false"', "<ci>A</ci><ci>s</ci><cn>0.5</cn>", 'id="s" stoichiometry="2"'),
    ):
        path.write_text(text)
        assert equations(imported(path)) == pytest.approx({"2 A -> 0": V})
    path.write_text(decay(3, 1, 'fast="false"', times, 'id="s"'))
    with pytest.raises(hrd.ModelError, match="the stoichiometry of A is nan"):
        imported(path)


def test_stoichiometry_that_changes(tmp_path):
    def change(model):
        reference = model.getReaction(0).getProduct(0)
        reference.setId("s")
        reference.setConstant(False)
        rule("s", "A")(model)

    with pytest.raises(hrd.ModelError, match="the stoichiometry of B changes"):
        imported(written(tmp_path, {"A": 1}, {"B": 1}, "k*A", change=change))


def test_conversion_factors(tmp_path):
    # dA/dt = -2 * 0.6 A, dB/dt = 2 * 0.6 A
    def of_the_model(model):
        parameter = model.createParameter()
        parameter.setId("f")
        parameter.setValue(2.0)
        parameter.setConstant(True)
        model.setConversionFactor("f")
        model.setExtentUnits("mole")  # the factor takes it to items

    def of_species(model):
        of_the_model(model)
        model.unsetConversionFactor()
        model.unsetExtentUnits()
        for name in "AB":
            model.getSpecies(name).setConversionFactor("f")

    for change in (of_the_model, of_species):
        path = written(tmp_path, {"A": 1}, {"B": 1}, "k*A", change=change)
        assert equations(imported(path)) == {"A -> B": 1.2}
    # C, which has another factor, is a reactant and a product: it does not change.
    path = written(tmp_path, {"A": 1, "C": 1}, {"B": 1, "C": 1}, "k*A*C", change=of_species)
    assert equations(imported(path)) == pytest.approx({"C + A -> C + B": 1.2 * V})


def test_formulas_that_are_not_there(tmp_path):
    # From level 3 version 2 on a rule, an initial assignment or an event without one does nothing.
    nothing = (
        '<listOfParameters><parameter id="p" value="3" constant="false"/></listOfParameters>'
        '<listOfInitialAssignments><initialAssignment symbol="A"/></listOfInitialAssignments>'
        '<listOfRules><assignmentRule variable="p"/></listOfRules>'
    )
    path = tmp_path / "m.xml"
    path.write_text(decay(3, 2, law="<ci>p</ci>", rules=nothing))
    system = imported(path)
    assert equations(system) == {"A -> 0": 1.5}
    assert system.initial["A"] == hrd.Copies(8)


def test_a_compartment_that_changes(tmp_path):
    def change(model):
        cell = model.getCompartment("cell")
        cell.setConstant(False)
        model.getSpecies("A").setHasOnlySubstanceUnits(False)
        rule("cell", "1 + time")(model)

    with pytest.raises(hrd.ModelError, match="the size of its compartment cell changes"):
        imported(written(tmp_path, {"B": 1}, {}, "k*B", change=change))


def test_level_1(tmp_path):
    # Symbols of species are concentrations; a rational stoichiometry; a rule in text.
    path = tmp_path / "m.xml"
    path.write_text(
        text_of(
            1,
            2,
            '<listOfCompartments><compartment name="c" volume="2"/></listOfCompartments>'
            '<listOfSpecies><species name="A" compartment="c" initialAmount="8"/></listOfSpecies>'
            '<listOfParameters><parameter name="k" value="0.5"/><parameter name="p"/>'
            '</listOfParameters><listOfRules><parameterRule name="p" formula="2*k"/></listOfRules>'
            '<listOfReactions><reaction name="R" reversible="false"><listOfReactants>'
            '<speciesReference species="A" stoichiometry="4" denominator="2"/></listOfReactants>'
            '<kineticLaw formula="c*p*A*A"/></reaction></listOfReactions>',
        ).replace(' id="m" ', "")
    )
    system = imported(path, copies_per_amount=1)
    assert equations(system) == {"2 A -> 0": 2 * 0.5 * V}  # 2 (1/2)² n² = n²/2, twice that a pair
    assert system.initial["A"] == hrd.Copies(8)
    path.write_text(
        path.read_text().replace('reversible="false"', 'reversible="false" fast="true"')
    )
    with pytest.raises(hrd.ModelError, match="it is fast"):
        imported(path, copies_per_amount=1)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ('timeUnits="minute"', "its kinetic law is in minute, not in the model's unit of time"),
        ('substanceUnits="item"', "law is in item, not in the model's unit of substance"),
        ('timeUnits="time"', None),
        ('timeUnits="second"', None),
    ],
)
def test_units_of_a_law_in_level_2_version_1(unit, words, tmp_path):
    path = tmp_path / "m.xml"
    minute = (
        '<listOfUnitDefinitions><unitDefinition id="minute"><listOfUnits><unit kind="second" '
        'multiplier="60"/></listOfUnits></unitDefinition></listOfUnitDefinitions>'
    )
    text = decay(2, 1).replace("<kineticLaw>", f"<kineticLaw {unit}>")
    path.write_text(text.replace("<listOfComp", minute + "<listOfComp"))
    if words is None:
        assert equations(imported(path, copies_per_amount=1)) == {"A -> 0": 0.5}
    else:
        with pytest.raises(hrd.ModelError, match=words):
            imported(path, copies_per_amount=1)


def test_functions_see_their_arguments_only(tmp_path):
    # k in the function is its argument, not the parameter.
    options = {"functions": {"f": "lambda(x, k, x*k)", "g": "lambda(x, f(x, 2))"}}
    system = imported(written(tmp_path, {"A": 1}, {}, "g(A)", **options))
    assert equations(system) == {"A -> 0": 2.0}
    options = {"functions": {"f": "lambda(x, x*k)"}}
    with pytest.raises(hrd.ModelError, match="k has no value in the function f"):
        imported(written(tmp_path, {"A": 1}, {}, "f(A)", **options))


def test_a_mean_field_in_moles_has_the_numbers_of_the_file(tmp_path):
    # 2 A -> 0 with k c² in litres and moles: n' = -2 cell k (n/cell)²; n = 10/(1 + 20 k t/cell)
    path = written(
        tmp_path, {"A": 2}, {}, "cell*k*A^2", size=2.0, amounts=False, units="mole"
    )  # fmt: skip
    result = hrd.mean_field(imported(path, cells=1), dt=1e-3, until=2, every=1)
    moles = result["total"].sel(species="A").values / 6.02214076e23
    exact = 10 / (1 + 20 * 0.6 * result["time"].values / 2)
    assert moles == pytest.approx(exact, rel=1e-6)


def test_references_to_one_species_add_up(tmp_path):
    # 2 A - A + ... as reactants, B + B as products: A -> 2 B.
    def change(model):
        reaction = model.getReaction(0)
        for create, name, times in (
            (reaction.createReactant, "A", -1),
            (reaction.createProduct, "B", 1),
        ):
            reference = create()
            reference.setSpecies(name)
            reference.setStoichiometry(times)
            reference.setConstant(True)

    path = written(tmp_path, {"A": 2}, {"B": 1}, "k*A", change=change)
    assert equations(imported(path)) == {"A -> 2 B": 0.6}


def test_names_that_a_reaction_hides(tmp_path):
    # Parameters of a law hide a species, the compartment and the reaction itself.
    def change(model):
        law = model.getReaction(0).getKineticLaw()
        for name, value in (("C", 3.0), ("cell", 5.0), ("R", 7.0)):
            parameter = law.createLocalParameter()
            parameter.setId(name)
            parameter.setValue(value)

    path = written(tmp_path, {"A": 1}, {}, "A*C*cell*R", size=2.0, change=change)
    assert equations(imported(path)) == {"A -> 0": 105.0}
    path = written(tmp_path, {"A": 1}, {}, "A*R")
    with pytest.raises(hrd.ModelError, match="R depends on itself"):
        imported(path)


def test_a_rate_in_time_is_known_to_a_checkpoint(tmp_path):
    def system(law):
        path = written(tmp_path, {"A": 1}, {"B": 1}, law)
        return imported(path, particles=BOX, cells=3)

    first = system("k*A*(1 + sin(time))")
    assert first == system("k*(sin(time) + 1)*A")
    assert first != system("k*A*(1 + sin(2*time))")
    run = hrd.Simulation(first, dt=0.1, seed=3)
    run.run(until=0.5, checkpoint=tmp_path / "state")
    expected = run.run(until=1.0)["copy_number"].values[-1]
    again = hrd.Simulation.restore(tmp_path / "state", first)
    assert (again.run(until=1.0)["copy_number"].values[-1] == expected).all()
    with pytest.raises(hrd.ResultError, match=r"the system has changed in reactions"):
        hrd.Simulation.restore(tmp_path / "state", system("k*A*(1 + sin(2*time))"))
