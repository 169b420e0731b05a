"""Calls of compiled functions by their addresses.

A function that calls another by name is compiled with all of its code, again and again up to
the outermost caller, and once more for each combination of features of a system. Called by its
address, each is compiled once. Tuples of arrays are passed by address, too
(`hybridrd.kernels.bundles`).
"""

from __future__ import annotations

from typing import Any

from numba import typeof, types
from numba._dispatcher import compute_fingerprint
from numba.core.cgutils import if_unlikely
from numba.extending import intrinsic

from hybridrd.kernels.bundles import by_address


def _call(typingctx, address, args):  # noqa: ARG001
    """Call what `entry` gave the address of, with a tuple of arguments; it returns an int64."""

    def codegen(context, builder, signature, values):
        kinds = signature.args[1].types
        given = [builder.extract_value(values[1], i) for i in range(len(kinds))]
        made = context.call_conv.get_function_type(types.int64, kinds)
        function = builder.inttoptr(values[0], made.as_pointer())
        status, result = context.call_conv.call_function(
            builder, function, types.int64, kinds, given
        )
        with if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return result

    return types.int64(address, args), codegen


call: Any = intrinsic(_call)


def entry(function: Any, *args: Any) -> int:
    """The address of a compiled function for such arguments; compiles it if need be.

    Whoever calls it gives addresses of bundles for tuples of arrays.
    """
    kinds = compute_fingerprint(args)  # types as bytes, 20 times faster than `typeof`
    if (function, kinds) not in _KNOWN:
        signature = tuple(by_address(typeof(a)) for a in args)
        function.compile(signature)
        found = function.overloads[signature]
        if types.unliteral(found.signature.return_type) != types.int64:
            raise TypeError(f"{function.__name__} returns {found.signature.return_type}, not int64")
        address = found.library.get_pointer_to_function(found.fndesc.llvm_func_name)
        if not address:  # which stands for a stage that a system does not have
            raise TypeError(f"{function.__name__} has no machine code under its own name")
        _KNOWN[function, kinds] = int(address)
    return _KNOWN[function, kinds]


_KNOWN: dict[tuple[Any, bytes], int] = {}
