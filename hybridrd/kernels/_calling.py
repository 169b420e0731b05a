"""Calls of functions within a kernel: arrays and tuples are handed over in one piece.

Numba takes them apart into numbers, up to 11 for an array, and puts them together again. It also
checks each call for exceptions, which most functions cannot raise.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm
from numba import types
from numba.core import cgutils


class Arguments:
    """The arguments of a function, of given types."""

    def __init__(self, context: Any, kinds: Any) -> None:
        packer = context.call_conv._get_arg_packer
        self._packers = [None if _is_whole(kind) else packer((kind,)) for kind in kinds]
        self.types: list[Any] = []
        for kind, each in zip(kinds, self._packers, strict=True):
            self.types += each.argument_types if each else [context.get_value_type(kind)]

    def give(self, builder: Any, values: Any) -> Any:
        """What is handed over for values."""
        given = list[Any]()
        for value, packer in zip(values, self._packers, strict=True):
            if packer:
                given += packer.as_arguments(builder, (value,))
            else:
                given.append(_fit(builder, value, self.types[len(given)]))
        return given

    def take(self, builder: Any, given: Any) -> Any:
        """The values for which something was handed over."""
        rest, values = iter(given), list[Any]()
        for packer in self._packers:
            parts = [next(rest) for _ in packer.argument_types] if packer else [next(rest)]
            values += packer.from_arguments(builder, parts) if packer else parts
        return values


def _is_whole(kind: Any) -> bool:
    filled = isinstance(kind, types.BaseTuple) and len(kind) > 0
    return filled or isinstance(kind, types.Array)


def _fit(builder: Any, value: Any, kind: Any) -> Any:
    """The same parts as another kind of tuple: that of equal types is an array."""
    if value.type == kind:
        return value
    found = llvm.Constant(kind, llvm.Undefined)
    for place, part in enumerate(kind.elements):
        given = _fit(builder, builder.extract_value(value, place), part)
        found = builder.insert_value(found, given, place)
    return found


def declare(context: Any, module: Any, fndesc: Any) -> Any:
    """A function that takes its arguments this way."""
    usual = context.call_conv.get_function_type(fndesc.restype, ())
    given = Arguments(context, fndesc.argtypes).types
    kind = llvm.FunctionType(usual.return_type, [*usual.args, *given])
    function = cgutils.get_or_insert_function(module, kind, fndesc.mangled_name)
    for place in function.args[:2]:
        for attribute in "noalias", "captures(none)":
            place.add_attribute(attribute)
    if fndesc.inline:
        function.attributes.add("alwaysinline")
    return function


def make_caller(fndesc: Any, libraries: Any, raises: bool) -> Any:
    """What writes a call of such a function; an exception is handed on to the caller's caller."""

    def call(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        function, convention = declare(context, builder.module, fndesc), context.call_conv
        with builder.goto_entry_block():
            place = builder.alloca(convention.get_return_type(fndesc.restype).pointee)
        given = Arguments(context, fndesc.argtypes).give(builder, values)
        code = builder.call(function, [place, builder.function.args[1], *given])
        if raises:
            with cgutils.if_unlikely(builder, builder.icmp_signed("!=", code, code.type(0))):
                builder.ret(code)
        return context.get_returned_value(builder, fndesc.restype, builder.load(place))

    call.signature, call.libs = fndesc.argtypes, tuple(libraries)  # type: ignore[attr-defined]
    return call
