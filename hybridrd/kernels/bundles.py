"""Bundles: tuples of arrays that compiled functions receive as a single address.

To compiled code a `NamedTuple` of 25 arrays is some 200 values, which are passed, packed and
unpacked at every call: most of the code that the compiler has to read. A bundle is the same tuple
laid out in memory; a kernel reads the members that it names. Kernels accept either; they name
members and do not unpack them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numba import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, models, register_model
from numba.np.arrayobj import make_array, populate_array

_WORD = 8  # bytes


class Bundle(types.Type):
    """The type of the address of a bundle."""

    def __init__(self, members: types.NamedTuple) -> None:
        self.members = members
        layout = hashlib.sha256(_layout(members).encode()).hexdigest()[:16]
        super().__init__(name=f"Bundle({members.instance_class.__name__} {layout})")

    def member(self, name: str) -> Any:
        """The type of a member; None if there is none of this name."""
        if name not in self.members.fields:
            return None
        return by_address(self.members.types[self.members.fields.index(name)])

    def place(self, name: str) -> int:
        """Where a member begins, in words."""
        return sum(_size(t) for t in self.members.types[: self.members.fields.index(name)])


def _layout(kind: Any) -> str:
    """Names and types of all members: kernels kept for others must not be taken for this."""
    if not isinstance(kind, types.NamedTuple):
        return str(kind)
    members = zip(kind.fields, kind.types, strict=True)
    return f"{kind.instance_class}({', '.join(f'{n}: {_layout(t)}' for n, t in members)})"


def by_address(kind: Any) -> Any:
    """The type by which stages take an argument: tuples of arrays by address."""
    return Bundle(kind) if _holds_arrays(kind) else kind


def bundle(members: Any) -> np.ndarray:
    """A tuple of arrays laid out in memory; it is good while both it and the tuple are there."""
    return np.array(_words(members), np.int64)


def _words(value: Any) -> list[int]:
    """What represents a member in memory."""
    if isinstance(value, np.ndarray):
        return [value.ctypes.data, *value.shape, *value.strides]
    if isinstance(value, tuple):
        return [word for member in value for word in _words(member)]
    if value is None:
        return [0]
    return [int(np.asarray(value).astype(_held_as(value)).view(np.int64))]


def _held_as(value: Any) -> Any:
    """The type of a number in memory: of all whole numbers the same."""
    return np.float64 if isinstance(value, float) else np.uint64 if value >= 0 else np.int64


def _holds_arrays(kind: Any) -> bool:
    members: Any = kind.types if isinstance(kind, types.NamedTuple) else ()
    return any(isinstance(t, types.Array) or _holds_arrays(t) for t in members)


def _size(kind: Any) -> int:
    """How many words a member takes."""
    if isinstance(kind, types.Array):
        return 1 + 2 * int(kind.ndim)
    return sum(_size(t) for t in kind) if _is_tuple(kind) else 1


def _is_tuple(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple)


def read_word(context: Any, builder: Any, address: Any, place: int, kind: Any) -> Any:
    """Read one word, which stays what it is while a kernel runs."""
    to = context.get_data_type(kind).as_pointer()
    at = builder.add(address, address.type(_WORD * place))
    read = builder.load(builder.inttoptr(at, to))
    read.set_metadata("invariant.load", builder.module.add_metadata([]))
    return context.data_model_manager[kind].from_data(builder, read)


def _read(context: Any, builder: Any, address: Any, place: int, kind: Any) -> Any:
    """Read a member."""

    def whole(at: int) -> Any:
        return read_word(context, builder, address, at, types.intp)

    if isinstance(kind, Bundle):
        return builder.add(address, address.type(_WORD * place))
    if isinstance(kind, types.Array):
        array, d = make_array(kind)(context, builder), kind.ndim
        data = builder.inttoptr(whole(place), context.get_data_type(kind.dtype).as_pointer())
        shape, strides = ([whole(place + k + a) for a in range(d)] for k in (1, 1 + d))
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        populate_array(array, data, shape, strides, size, meminfo=None)
        return array._getvalue()
    if _is_tuple(kind):
        read = []
        for t in kind:
            read.append(_read(context, builder, address, place, t))
            place += _size(t)
        return context.make_tuple(builder, kind, read)
    if isinstance(kind, types.NoneType):
        return context.get_dummy_value()
    return read_word(context, builder, address, place, kind)


@register_model(Bundle)
class _Address(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, manager[types.intp].get_value_type())


@infer_getattr
class _Members(AttributeTemplate):
    key = Bundle

    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]
        return value.member(attr)


@lower_getattr_generic(Bundle)
def _get_member(context: Any, builder: Any, kind: Any, address: Any, name: str) -> Any:
    return _read(context, builder, address, kind.place(name), kind.member(name))
