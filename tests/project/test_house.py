"""Rules of the house that a reader relies on: short functions, small kernels, docstrings."""

import ast

import pytest
from support.imports import ROOT, modules, name_of

TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in modules()}
LONGEST, MOST = 60, 10  # lines of a function without its docstring; parameters of a kernel
# Longer functions, each with the reason.
LONG = {
    "continuum._mass_action._integrate": "compiled: the stages of one integrator, in order",
    "ensembles.ensemble.ensemble": "a public signature, and one check for each of its arguments",
}
# Files outside those that define walls, domains and schemes that ask for the class of one.
ASKED = {
    "model.forms": "a wall is a Wall: what a user gave may be anything",
    "model.checks": "a scheme is an InterfaceScheme: what a user gave may be anything",
    "results.correlations": "a box is a Box: an argument",
}
KINDS = {
    "Wall", "Reflecting", "Absorbing", "PartiallyAbsorbing", "Reservoir", "Influx", "Periodic",
    "Leaky", "Box", "Shell", "InterfaceScheme", "Layer", "CalibratedLayer", "ExactPlane",
}  # fmt: skip
DEFINED = {"model.walls", "model.geometry", "model.shell", "toml"}


def definitions(node, prefix):
    """(name, node) of the functions and classes of a module, methods included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}"
            yield name, child
            if isinstance(child, ast.ClassDef):
                yield from definitions(child, name)


ALL = [pair for module, tree in TREES.items() for pair in definitions(tree, module)]


def length(function):
    """Lines of a function without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    return lines - (first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0)


def test_functions_are_short():
    long = {n for n, d in ALL if isinstance(d, ast.FunctionDef) and length(d) > LONGEST}
    assert long == set(LONG)


def test_kernels_have_few_parameters():
    many = {
        name: len(d.args.args)
        for name, d in ALL
        if name.startswith("kernels.") and isinstance(d, ast.FunctionDef)
        if len(d.args.args) > MOST
    }
    assert many == {}


def repeats(function):
    """Whether it only states a type, as the members of a protocol do: a body of ``...``."""
    return ast.unparse(function.body[-1]) == "..." and len(function.body) == 1


@pytest.mark.parametrize("module", TREES)
def test_all_that_is_public_has_a_docstring(module):
    tree = TREES[module]
    assert not tree.body or ast.get_docstring(tree), module
    bare = [
        name
        for name, d in definitions(tree, module)
        if "._" not in f".{name.removeprefix(module + '.')}"
        and not ast.get_docstring(d)
        and not repeats(d)
    ]
    assert bare == []


def test_no_object_is_asked_what_it_is():
    asked = set()
    for module, tree in TREES.items():
        if module in DEFINED or module.startswith(("toml.", "interface")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                asked |= {module} if names & KINDS else set()
    assert asked == set(ASKED)
    assert len(ASKED) <= 5


def test_no_class_makes_another_and_no_module_is_called():
    methods = {name for name, d in ALL if name.endswith((".__new__", ".__class__"))}
    assert methods == set()
    called = [m for m, t in TREES.items() if "sys.modules[__name__]" in ast.unparse(t)]
    assert called == []


def test_the_top_of_the_package_is_empty():
    top = {path.name for path in ROOT.glob("*.py")}
    assert top == {
        "__init__.py", "__main__.py", "_version.py", "arguments.py", "arrays.py", "errors.py",
    }  # fmt: skip
