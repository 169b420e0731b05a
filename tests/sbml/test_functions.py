"""Functions of MathML against their definitions by other functions."""

import cmath
import math

import pytest

from hybridrd.errors import ModelError
from hybridrd.sbml.functions import NAMES, apply, check_arguments

X = 0.37
# name: (arguments, value by another way)
VALUES = {
    "divide": ((1.0, 8.0), 0.125),
    "power": ((2.0, 0.5), math.sqrt(2)),
    "exp": ((X,), cmath.exp(X).real),
    "ln": ((math.e**X,), X),
    "log": ((8.0, 2.0), 1 / 3),
    "root": ((3.0, -27.0), -3.0),
    "abs": ((-X,), X),
    "floor": ((-4.6,), -5),
    "ceiling": ((-4.6,), -4),
    "factorial": ((5.0,), 120),
    "max": ((0.1, 2.0, -7.0), 2.0),
    "min": ((0.1, 2.0, -7.0), -7.0),
    "quotient": ((-7.0, 2.0), -3),  # towards 0
    "rem": ((-7.0, 2.0), -1),  # of that quotient
    "sin": ((X,), ((cmath.exp(1j * X) - cmath.exp(-1j * X)) / 2j).real),
    "cos": ((X,), ((cmath.exp(1j * X) + cmath.exp(-1j * X)) / 2).real),
    "tan": ((X,), math.sin(X) / math.cos(X)),
    "sec": ((X,), 1 / math.cos(X)),
    "csc": ((X,), 1 / math.sin(X)),
    "cot": ((X,), math.cos(X) / math.sin(X)),
    "sinh": ((X,), (math.exp(X) - math.exp(-X)) / 2),
    "cosh": ((X,), (math.exp(X) + math.exp(-X)) / 2),
    "tanh": ((X,), 1 - 2 / (math.exp(2 * X) + 1)),
    "sech": ((X,), 2 / (math.exp(X) + math.exp(-X))),
    "csch": ((X,), 2 / (math.exp(X) - math.exp(-X))),
    "coth": ((X,), 1 + 2 / (math.exp(2 * X) - 1)),
    "arcsin": ((math.sin(X),), X),
    "arccos": ((-1.0,), math.pi),
    "arctan": ((math.tan(X),), X),
    "arcsec": ((1 / math.cos(X),), X),
    "arccsc": ((1 / math.sin(X),), X),
    "arccot": ((1 / math.tan(X),), X),
    "arcsinh": ((math.sinh(X),), X),
    "arccosh": ((math.cosh(X),), X),
    "arctanh": ((math.tanh(X),), X),
    "arcsech": ((1 / math.cosh(X),), X),
    "arccsch": ((1 / math.sinh(X),), X),
    "arccoth": ((1 / math.tanh(X),), X),
    "eq": ((2.0, 2.0, 2.0), 1),
    "neq": ((2.0, 2.0), 0),
    "lt": ((1.0, 2.0, 2.0), 0),
    "leq": ((1.0, 2.0, 2.0), 1),
    "gt": ((3.0, 2.0, 1.0), 1),
    "geq": ((3.0, 3.0, 4.0), 0),
    "and": ((1.0, 0.0, 1.0), 0),
    "or": ((0.0, 0.0, 1.0), 1),
    "xor": ((1.0, 1.0, 1.0), 1),
    "not": ((0.0,), 1),
    "implies": ((1.0, 0.0), 0),
}


def test_every_function_is_here():
    assert set(VALUES) == set(NAMES)


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    arguments, expected = VALUES[name]
    assert apply(name, arguments) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_at_the_edges():
    assert apply("arccot", [0.0]) == math.pi / 2
    assert (apply("and", []), apply("or", []), apply("xor", [])) == (1.0, 0.0, 0.0)
    for name, arguments in (
        ("ln", [0.0]),
        ("root", [2.0, -1.0]),
        ("factorial", [1e9]),
        ("exp", [1e4]),
    ):
        with pytest.raises((ValueError, ArithmeticError)):
            apply(name, arguments)
    with pytest.raises(ModelError, match=r"f\(x\) has 3 arguments"):
        check_arguments("divide", 3, "f(x)")
