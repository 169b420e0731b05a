"""The page of names has every public name, and nothing that does not exist."""

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

import hybridrd as hrd

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^   ([A-Za-z]\w*(?:\.\w+)*)$", PAGE, re.M)
MODULES = {"plot", "theory", "examples", "interface", "shapes", "pair_kernels"}
PARTS = [f"theory.{name}" for name in hrd.theory.__all__]
# Schemes and their base stand under the package's own name; Context is a type alias.
ELSEWHERE = {"interface": {n for n in NAMES if "." not in n} | {"Context"}}


def module_of(part):
    """A module by its public name; ``plot`` is `hybridrd.plotting`."""
    elsewhere = ("plot", "pair_kernels")
    return getattr(hrd, part) if part in elsewhere else import_module(f"hybridrd.{part}")


def public(module):
    """``__all__``, or where there is none, the functions and classes defined there."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return set(names)
    own = (n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__)
    return {n for n in own if not n.startswith("_") and callable(vars(module)[n])}


def test_every_name_of_the_package_is_there():
    assert set(hrd.__all__) - MODULES - {"__version__"} <= set(NAMES)


@pytest.mark.parametrize("part", ["plot", "examples", "interface", *PARTS])
def test_every_name_of_a_module_is_there(part):
    names = public(module_of(part))
    shown = {n.removeprefix(f"{part}.") for n in NAMES if n.startswith(f"{part}.")}
    assert names - shown - ELSEWHERE.get(part, set()) == set()


def test_modules_of_theory_have_a_line_each():
    assert set(PARTS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_name_exists(name):
    module = name.rpartition(".")[0]
    if module and module[0].islower():
        module_of(module)
    assert attrgetter(name)(hrd) is not None


def test_no_name_stands_twice():
    assert len(NAMES) == len(set(NAMES))
