"""Formulas as text: arithmetic that is parsed, never executed as a program."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any, final

import numpy as np

from hybridrd.arguments import shown
from hybridrd.errors import ModelError

LONGEST = 10_000  # characters
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "min": np.minimum,
    "max": np.maximum,
    "where": np.where,
}
ARITIES = {"min": 2, "max": 2, "where": 3}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@final
class Expression:
    """A function given as text, ``"v * K**4 / (K**4 + R**4)"``.

    Numbers, names, ``+ - * / **``, parentheses, the functions of `FUNCTIONS`, and comparisons as
    first argument of ``where(R > 1, a, b)``. The names are its arguments, in order of their first
    appearance; two expressions are equal if their texts are.

    Parameters
    ----------
    text
        The formula.

    Raises
    ------
    ModelError
        If there is anything else in it, naming the part.

    Examples
    --------
    >>> rate = Expression("2 * R / (0.5 + R)")
    >>> rate(R=np.array([0.0, 0.5])), rate.names
    (array([0., 1.]), ('R',))
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise ModelError(f"{shown(text)}: give a formula like '2 * R / (0.5 + R)'")
        if len(text) > LONGEST:
            raise ModelError(f"a formula of {len(text)} characters; at most {LONGEST:,}")
        self.text = text.strip()
        self.__name__ = self.__qualname__ = self.text
        names: list[str] = []
        try:
            body = self._read(_parsed(self.text), names)
        except (RecursionError, MemoryError) as error:
            raise ModelError(f"{shown(text)}: nested too deeply") from error
        self.names = tuple(names)
        parameters = [ast.arg(name) for name in names]
        arguments = ast.arguments([], parameters, None, [], [], None, [])
        tree_of_function = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
        # It contains only nodes that `_read` makes.
        code = compile(tree_of_function, "<formula>", "eval")
        known: dict[str, Any] = {"__builtins__": {}}
        known.update({f"_{name}": function for name, function in FUNCTIONS.items()})
        #: The same as a plain function, which numba can compile.
        self.function: Callable[..., Any] = eval(code, known)
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
        )

    def __call__(self, **values: Any) -> Any:
        return self.function(**values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return repr(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.text,)

    def _read(self, node: ast.expr, names: list[str], choice: bool = False) -> ast.expr:
        """A copy of an allowed node. Raises ModelError for anything else."""
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return ast.Constant(float(value))
        if isinstance(node, ast.Name):
            if node.id not in names:
                names.append(node.id)
            return ast.Name(node.id, ast.Load())
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return ast.UnaryOp(node.op, self._read(node.operand, names))
        if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
            left, right = (self._read(part, names) for part in (node.left, node.right))
            return ast.BinOp(left, node.op, right)
        if choice and isinstance(node, ast.Compare) and len(node.ops) == 1:
            if isinstance(node.ops[0], _COMPARISONS):
                sides = [self._read(part, names) for part in (node.left, *node.comparators)]
                return ast.Compare(sides[0], node.ops, sides[1:])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._function(node, node.func.id, names)
        part = ast.get_source_segment(self.text, node)
        hint = "; write ** for powers" if "^" in self.text else ""
        raise ModelError(
            f"{shown(self.text)}: {shown(part)} is not allowed in a formula; it has numbers, "
            f"names, + - * / **, {', '.join(FUNCTIONS)}, and < <= > >= in where(a < b, c, d){hint}"
        )

    def _function(self, node: ast.Call, name: str, names: list[str]) -> ast.expr:
        if name not in FUNCTIONS:
            raise ModelError(
                f"{shown(self.text)}: there is no function {name}; there are {', '.join(FUNCTIONS)}"
            )
        count = ARITIES.get(name, 1)
        if node.keywords or len(node.args) != count:
            raise ModelError(f"{shown(self.text)}: {name} takes {count} arguments")
        inside = [
            self._read(part, names, choice=name == "where" and k == 0)
            for k, part in enumerate(node.args)
        ]
        return ast.Call(ast.Name(f"_{name}", ast.Load()), inside, [])


@final
class Comparison:
    """A comparison of two formulas, ``"x**2 + y**2 < 1"``; a function with boolean values.

    Raises
    ------
    ModelError
        If the text is anything else.

    Examples
    --------
    >>> Comparison("x < 2 * y")(x=np.array([1.0, 3.0]), y=1.0)
    array([ True, False])
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not isinstance(_parsed(self.text or "?"), ast.Compare):
            raise ModelError(f"{shown(text)}: give a comparison of two formulas, as in 'y < 2 * x'")
        self._choice = Expression(f"where({self.text}, 1, 0)")
        self.__name__ = self.text
        self.__signature__ = self._choice.__signature__

    def __call__(self, **values: Any) -> Any:
        return self._choice(**values) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparison) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Comparison, (self.text,)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"{shown(text)}: not a formula ({error})") from error
