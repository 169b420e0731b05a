"""SBML files of small networks, written from formulas."""

import libsbml


def sbml(
    path, reactions, species, parameters=None, size=1.0, level=3, units="item", amounts=True,
    functions=None, change=None,
):  # fmt: skip
    """Write a model.

    ``reactions``: (id, reactants, products, law, reversible); ``species``: initial amounts by id;
    ``amounts``: whether they stand for amounts in laws, not concentrations; ``change``: a function
    that changes the model at the end.
    """
    document = libsbml.SBMLDocument(level, 1 if level == 3 else 4)
    model = document.createModel()
    if level == 3 and units:
        model.setSubstanceUnits(units)
        model.setExtentUnits(units)
    cell = model.createCompartment()
    cell.setId("cell")
    cell.setConstant(True)
    cell.setSpatialDimensions(3)
    if size is not None:
        cell.setSize(size)
    for name, amount in species.items():
        one = model.createSpecies()
        one.setId(name)
        one.setCompartment("cell")
        one.setInitialAmount(amount)
        one.setHasOnlySubstanceUnits(amounts)
        one.setBoundaryCondition(name.endswith("_fixed"))
        one.setConstant(False)
    for name, value in (parameters or {}).items():
        one = model.createParameter()
        one.setId(name)
        one.setValue(value)
        one.setConstant(True)
    for name, formula in (functions or {}).items():
        one = model.createFunctionDefinition()
        one.setId(name)
        one.setMath(libsbml.parseL3Formula(formula))
    for name, reactants, products, law, reversible in reactions:
        _reaction(model, name, reactants, products, law, reversible)
    if change is not None:
        change(model)
    assert libsbml.writeSBMLToFile(document, str(path))
    return path


def _reaction(model, name, reactants, products, law, reversible):
    one = model.createReaction()
    one.setId(name)
    one.setReversible(reversible)
    one.setFast(False)
    for side, create in ((reactants, one.createReactant), (products, one.createProduct)):
        for species, count in side.items():
            reference = create()
            reference.setSpecies(species)
            reference.setStoichiometry(count)
            reference.setConstant(True)
    if law is not None:
        kinetic = one.createKineticLaw()
        math = libsbml.parseL3Formula(law)
        assert math is not None, libsbml.getLastParseL3Error()
        kinetic.setMath(math)
