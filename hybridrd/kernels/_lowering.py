"""Numba's step from typed code to LLVM's, with less code for the same.

LLVM would remove what is left out here, but it has to be written, read and removed for every
statement: copies of a whole array to read one element, memory for values that have one name, counts
of references to arrays that belong to the caller, and the division of a range by a step of one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from typing import Any, ClassVar

from llvmlite import ir as llvm
from llvmlite.ir.instructions import InsertValue, Ret
from numba import carray  # type: ignore[attr-defined]
from numba.core import cgutils, errors, ir, types
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.ir_utils import find_callname, guard
from numba.core.lowering import Lower
from numba.core.runtime.nrtdynmod import incref_decref_ty
from numba.np.arrayobj import fix_integer_index, load_item, store_item

from hybridrd.kernels._calling import Arguments, declare
from hybridrd.kernels.bundles import Bundle, read_word

RAISES = "raises"  # in a function's metadata: whether it may return with an exception


def _is_tuple(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple)


def _each(kind: Any) -> Any:
    """The types of a tuple, or the one of anything else."""
    return tuple(kind) if _is_tuple(kind) else (kind,)


class _Builder(llvm.IRBuilder):  # type: ignore[misc]
    """A writer of code that takes nothing out of a tuple twice, nor what it has just put in."""

    def __init__(self, block: Any) -> None:
        super().__init__(block)
        self._taken = dict[Any, Any]()

    def extract_value(self, agg: Any, idx: Any, name: str = "") -> Any:
        """A member of a tuple."""
        at = tuple(idx) if isinstance(idx, tuple | list) else (idx,)
        while at and isinstance(agg, InsertValue):
            into = tuple(agg.indices)
            if at[: len(into)] == into:
                agg, at = agg.value, at[len(into) :]
            elif into[: len(at)] == at:
                break
            else:
                agg = agg.aggregate
        if not at:
            return agg
        block, _, found = self._taken.get((id(agg), at), (None, None, None))
        if block is not self.block:  # elsewhere it may not have been taken
            found = super().extract_value(agg, at, name)
            self._taken[id(agg), at] = self.block, agg, found
        return found


class _Array(ABC):
    """An array, of which only what is needed is read."""

    def __init__(self, context: Any, kind: Any) -> None:
        self.context, self.kind = context, kind
        self.model = context.data_model_manager[kind]

    @abstractmethod
    def part(self, builder: Any, name: str, *axis: int) -> Any:
        """A part of what Numba holds of an array: an address, or a number, of an axis."""

    def item(self, builder: Any, indices: Any) -> Any:
        """The address of an element, or where a row of elements begins."""
        kind, data = self.kind, self.part(builder, "data")
        if kind.layout == "C":
            place = indices[0]
            for a in range(1, kind.ndim):
                place = builder.mul(place, self.part(builder, "shape", a))
                place = builder.add(place, indices[a]) if a < len(indices) else place
            return builder.gep(data, [place])
        shape, strides = (
            [self.part(builder, name, a) for a in range(len(indices))]
            for name in ("shape", "strides")
        )
        return cgutils.get_item_pointer2(self.context, builder, data, shape, strides, "A", indices)

    def whole(self, builder: Any) -> Any:
        """All of it, as functions take it."""
        at, d = self.model.get_field_position, self.kind.ndim
        value = llvm.Constant(self.context.get_value_type(self.kind), llvm.Undefined)
        for name in ("meminfo", "parent", "itemsize", "data"):
            value = builder.insert_value(value, self.part(builder, name), at(name))
        size = None
        for a in range(d):
            shape, stride = self.part(builder, "shape", a), self.part(builder, "strides", a)
            size = shape if size is None else builder.mul(size, shape, flags=["nsw"])
            value = builder.insert_value(value, shape, (at("shape"), a))
            value = builder.insert_value(value, stride, (at("strides"), a))
        return builder.insert_value(value, size, at("nitems"))


class _Whole(_Array):
    """One that is there as a whole."""

    def __init__(self, context: Any, kind: Any, value: Any) -> None:
        super().__init__(context, kind)
        self._value = value

    def part(self, builder: Any, name: str, *axis: int) -> Any:
        return builder.extract_value(self._value, (self.model.get_field_position(name), *axis))

    def whole(self, builder: Any) -> Any:  # noqa: ARG002
        return self._value


class _Member(_Array):
    """One in a bundle, see `hybridrd.kernels.bundles`."""

    def __init__(self, context: Any, kind: Any, address: Any, place: int) -> None:
        super().__init__(context, kind)
        self._address, self._place = address, place
        self._block, self._read = None, dict[Any, Any]()

    def part(self, builder: Any, name: str, *axis: int) -> Any:
        if self._block is not builder.block:  # elsewhere it may not have been read
            self._block, self._read = builder.block, {}
        if (name, *axis) not in self._read:
            self._read[name, *axis] = self._find(builder, name, *axis)
        return self._read[name, *axis]

    def _find(self, builder: Any, name: str, *axis: int) -> Any:
        word, item = types.intp, self.context.get_data_type(self.kind.dtype)
        if axis:
            place = self._place + 1 + axis[0] + (self.kind.ndim if name == "strides" else 0)
            return read_word(self.context, builder, self._address, place, word)
        if name == "data":
            data = read_word(self.context, builder, self._address, self._place, word)
            return builder.inttoptr(data, item.as_pointer())
        if name == "itemsize":
            return self.context.get_constant(word, self.context.get_abi_sizeof(item))
        at = self.model.get_field_position(name)
        return llvm.Constant(self.context.get_value_type(self.kind).elements[at], None)


class _Row(_Array):
    """Part of another, at given indices of its first axes."""

    def __init__(self, kind: Any, of: _Array, data: Any) -> None:
        super().__init__(of.context, kind)
        self._of, self._data = of, data

    def part(self, builder: Any, name: str, *axis: int) -> Any:
        if name == "data":
            return self._data
        skipped = self._of.kind.ndim - self.kind.ndim
        return self._of.part(builder, name, *(a + skipped for a in axis))


class LeanLower(Lower):
    """Code for a function, from its typed statements."""

    _counted: ClassVar[dict[Any, bool]] = {}

    def setup_function(self, fndesc: Any) -> None:
        """Begin to write."""
        self.function = self._declare(fndesc)
        self.entry_block = self.function.append_basic_block("entry")
        self.builder = _Builder(self.entry_block)
        self.call_helper = self.call_conv.init_call_helper(self.builder)

    def _declare(self, fndesc: Any) -> Any:
        return self.context.declare_function(self.module, fndesc)

    def lower_function_body(self) -> Any:
        """All blocks, in an order in which what is used has been written."""
        for offset in self.blocks:
            self.blkmap[offset] = self.function.append_basic_block(f"B{offset}")
        self.pre_lower()
        tail = self.builder.basic_block
        for offset in self._order:
            self.builder.position_at_end(self.blkmap[offset])
            self.lower_block(self.blocks[offset])
        self.post_lower()
        ends = [
            b.terminator.operands for b in self.function.blocks if isinstance(b.terminator, Ret)
        ]
        self.metadata[RAISES] = any(getattr(code, "constant", 1) != 0 for (code,) in ends)
        return tail

    def lower_block(self, block: Any) -> None:
        """One block, as Numba does it, but for what it would say of each statement."""
        self.pre_block(block)
        inst = None
        try:
            for inst in block.body:
                self.loc = inst.loc
                if isinstance(inst, ir.Assign):
                    self._assign(inst)
                elif isinstance(inst, ir.Del):
                    self.delvar(inst.value)
                elif isinstance(inst, ir.StaticSetItem) and self._is_array(inst.target):
                    kinds = self.fndesc.calltypes[inst]
                    self.lower_setitem(inst.target, inst.index_var, inst.value, kinds)
                else:
                    self.lower_inst(inst)
        except errors.NumbaError as error:
            error.add_context(f'lowering "{inst}" at {self.loc}')
            raise
        self.post_block(block)

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        """The value of an expression."""
        if expr.op == "static_getitem" and expr.index_var and self._is_array(expr.value):
            kinds = self.fndesc.calltypes[expr]
            return self.lower_getitem(resty, expr, expr.value, expr.index_var, kinds)
        if expr.op == "getattr" and expr.attr == "shape" and self._is_array(expr.value):
            array = self._array(expr.value.name)
            sizes = [array.part(self.builder, "shape", a) for a in range(array.kind.ndim)]
            return self.context.make_tuple(self.builder, resty, sizes)
        if expr.op == "getiter" and self._steps_by_one(expr.value):
            return self._count_up(resty, expr.value)
        if expr.op == "call" and isinstance(resty, types.RangeType) and self._is_range(expr):
            return self._range(resty, expr)
        if expr.op == "iternext" and isinstance(
            self.typeof(expr.value.name), types.iterators.RangeIteratorType
        ):
            return self._next(resty, expr.value)
        if expr.op in ("pair_first", "pair_second") and not self._is_counted(resty):
            place = 0 if expr.op == "pair_first" else 1
            return self.builder.extract_value(self.loadvar(expr.value.name), place)
        return super().lower_expr(resty, expr)

    def _assign(self, statement: Any) -> None:
        """Give a name to the value of an expression."""
        name, value = statement.target.name, statement.value
        kind = self.typeof(name)
        array, lent = self._find_array(kind, value), name in self._lent
        if array is not None and lent and name in self._singly_assigned_vars:
            self._arrays[name] = array
            return
        if array is not None:
            found = array.whole(self.builder)
            if not lent:
                self.incref(kind, found)
        else:
            found = self._lend(kind, statement) if lent else self.lower_assign(kind, statement)
        self.storevar(found, name, 1 if isinstance(value, ir.Arg) else None)

    # Names

    def _find_singly_assigned_variable(self) -> None:
        """Find the names that stand for one value wherever they are used, and those lent."""
        cfg = compute_cfg_from_blocks(self.blocks)
        self._order, before = cfg.topo_order(), cfg.dominators()
        made, used, elsewhere = defaultdict[str, Any](list), defaultdict[str, Any](set), set[str]()
        for label in self._order:
            here = set[str]()
            for inst in self.blocks[label].body:
                if isinstance(inst, ir.Del):
                    continue
                assigned = isinstance(inst, ir.Assign)
                value = inst.value if assigned else inst
                if isinstance(value, ir.Var):
                    names = [value.name]
                elif isinstance(value, ir.Inst):
                    names = [v.name for v in value.list_vars()]
                else:
                    names = []
                for name in names:
                    used[name].add(label)
                    if name not in here:
                        elsewhere.add(name)
                if assigned:
                    made[inst.target.name].append((label, inst.value))
                    here.add(inst.target.name)
        self._lent = self._find_lent({n: [v for _, v in found] for n, found in made.items()})
        self._singly_assigned_vars, self._blk_local_varmap = set[str](), dict[str, Any]()
        self._arrays, self._made = dict[str, Any](), dict[str, Any]()
        for name, ((label, _), *others) in made.items():
            free = name in self._lent or not self._is_counted(self.typeof(name))
            first = all(label in before[to] and (to != label) for to in used[name])
            if not others and (name not in elsewhere or (free and first)):
                self._singly_assigned_vars.add(name)

    def _find_lent(self, made: Any) -> Any:
        """Names of values that somebody else keeps until the function returns."""
        lent = {n for n in made if self._is_counted(self.typeof(n))}
        while True:
            own = {n for n in lent if not all(self._is_lent(n, v, lent) for v in made[n])}
            if not own:
                return lent
            lent -= own

    def _is_lent(self, name: str, value: Any, lent: Any) -> bool:
        """Whether a value is one of the caller's, or part of one."""
        kind = self.typeof(name)
        if isinstance(value, ir.Arg):
            return bool(self.typeof(f"arg.{value.name}") == kind)
        if isinstance(value, ir.Var):
            return value.name in lent and bool(self.typeof(value.name) == kind)
        op = value.op if isinstance(value, ir.Expr) else None
        if op in ("build_tuple", "call"):
            return self._is_tuple_of(kind, value, lent)
        if op not in ("getattr", "static_getitem", "getitem", "exhaust_iter"):
            return False
        of, known = self.typeof(value.value.name), value.value.name in lent
        if isinstance(of, Bundle):
            return True
        if isinstance(of, types.Array):
            return known and self._is_row(kind, value)
        return known and self._place_in(kind, of, value) is not None

    def _is_tuple_of(self, kind: Any, value: Any, lent: Any) -> bool:
        """Whether an expression makes a tuple of what is lent, or of numbers."""
        if value.op == "call":
            called = self.typeof(value.func.name)
            if getattr(called, "typing_key", None) is carray:
                return True
            if not isinstance(called, types.NamedTupleClass) or value.kws or value.vararg:
                return False
        items = value.items if value.op == "build_tuple" else value.args
        if not _is_tuple(kind) or len(items) != len(kind):
            return False
        return all(
            self.typeof(v.name) == t and (v.name in lent or not self._is_counted(t))
            for v, t in zip(items, kind, strict=True)
        )

    @staticmethod
    def _place_in(kind: Any, of: Any, value: Any) -> Any:
        """Which member of a tuple an expression reads, () for all of it; None for another."""
        if value.op == "exhaust_iter":
            return () if kind == of else None
        place = None
        if isinstance(of, types.BaseNamedTuple) and value.op == "getattr":
            place = vars(of)["fields"].index(value.attr)
        elif _is_tuple(of) and value.op == "static_getitem":
            place = value.index if isinstance(value.index, int) else None
        if place is None or tuple(of)[place] != kind:
            return None
        return (place % len(of),)

    def _lend(self, kind: Any, statement: Any) -> Any:
        """A value that is lent: nobody counts it."""
        value = statement.value
        if isinstance(value, ir.Arg):
            return self.fnargs[value.index]
        if isinstance(value, ir.Var):
            return self.loadvar(value.name)
        called = value.op == "call" and isinstance(
            self.typeof(value.func.name), types.NamedTupleClass
        )
        if called or value.op == "build_tuple":
            items = value.args if called else value.items
            found = [self.loadvar(v.name) for v in items]
            return self.context.make_tuple(self.builder, kind, found)
        if value.op != "call":
            of = self.typeof(value.value.name)
            place = None if isinstance(of, Bundle) else self._place_in(kind, of, value)
            if place is not None:
                return self.builder.extract_value(self.loadvar(value.value.name), place)
        return self.lower_assign(kind, statement)

    def loadvar(self, name: str) -> Any:
        """The value of a name."""
        if name not in self._arrays:
            return super().loadvar(name)
        block, found = self._made.get(name, (None, None))
        if block is not self.builder.block:  # elsewhere it may not have been put together
            found = self._arrays[name].whole(self.builder)
            self._made[name] = self.builder.block, found
        return found

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Give a name to a value."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
            return
        kind = self.typeof(name)
        self._alloca_var(name, kind)
        place = self.varmap[name]
        if argidx is None and name not in self._lent and self._is_counted(kind):
            self.decref(kind, self.builder.load(place))
        self.builder.store(value, place)

    def delvar(self, name: str) -> None:
        """Forget a name."""
        if name not in self._lent and self._is_counted(self.typeof(name)):
            super().delvar(name)

    def incref(self, typ: Any, val: Any) -> None:
        """Count a reference."""
        self._count(typ, val, "NRT_incref")

    def decref(self, typ: Any, val: Any) -> None:
        """Count one less."""
        self._count(typ, val, "NRT_decref")

    def _count(self, kind: Any, value: Any, function: str) -> None:
        if _is_tuple(kind):
            for place, t in enumerate(kind):
                if self._is_counted(t):
                    self._count(t, self.builder.extract_value(value, place), function)
        elif isinstance(kind, types.Array):
            called = cgutils.get_or_insert_function(self.builder.module, incref_decref_ty, function)
            for attribute in "noalias", "captures(none)":
                called.args[0].add_attribute(attribute)
            memory = _Whole(self.context, kind, value).part(self.builder, "meminfo")
            self.builder.call(called, [memory])
        elif self._is_counted(kind):
            count = super().incref if function == "NRT_incref" else super().decref
            count(kind, value)

    def _is_counted(self, kind: Any) -> bool:
        """Whether there may be memory in a value that somebody has to free."""
        if kind not in self._counted:
            model = self.context.data_model_manager[kind]
            self._counted[kind] = model.contains_nrt_meminfo()
        return self._counted[kind]

    # Arithmetic

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """Two numbers, or anything else: of numbers it is known what the operator comes to."""
        kinds, function = self.fndesc.calltypes[expr], self.context.typing_context
        function = function._lookup_global(op) or function.resolve_value_type(op)
        constant = expr.static_lhs is not ir.UNDEFINED or expr.static_rhs is not ir.UNDEFINED
        numbers = all(isinstance(t, types.Number | types.Boolean) for t in kinds.args)
        if constant or not numbers or kinds.args not in vars(function)["_impl_keys"]:
            return super().lower_binop(resty, expr, op)
        sides = [
            self.context.cast(self.builder, self.loadvar(x.name), self.typeof(x.name), kind)
            for x, kind in zip((expr.lhs, expr.rhs), kinds.args, strict=True)
        ]
        found = self.context.get_function(function, kinds)(self.builder, sides)
        return self.context.cast(self.builder, found, kinds.return_type, resty)

    # Arrays

    def _is_array(self, name: Any) -> bool:
        return isinstance(self.typeof(name.name), types.Array)

    def _array(self, name: str) -> _Array:
        """An array by its name."""
        if name in self._arrays:
            found: _Array = self._arrays[name]
            return found
        return _Whole(self.context, self.typeof(name), self.loadvar(name))

    def _find_array(self, kind: Any, value: Any) -> _Array | None:
        """The array that an expression reads or cuts from another; None for other expressions."""
        if not isinstance(kind, types.Array):
            return None
        if isinstance(value, ir.Var) and self.typeof(value.name) == kind:
            return self._arrays.get(value.name)
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "getattr" and isinstance(self.typeof(value.value.name), Bundle):
            place = self.typeof(value.value.name).place(value.attr)
            return _Member(self.context, kind, self.loadvar(value.value.name), place)
        if value.op in ("getitem", "static_getitem") and self._is_array(value.value):
            if not self._is_row(kind, value):
                return None
            array = self._array(value.value.name)
            indices = self._indices(array, self._index(value), self.fndesc.calltypes[value].args[1])
            return _Row(kind, array, array.item(self.builder, indices))
        return None

    @staticmethod
    def _index(value: Any) -> Any:
        return value.index_var if value.op == "static_getitem" else value.index

    def _is_row(self, kind: Any, value: Any) -> bool:
        """Whether an expression fixes the first axes of an array, and leaves others."""
        if not isinstance(kind, types.Array) or self._index(value) is None:
            return False
        at = self.fndesc.calltypes[value].args[1]
        of = _each(at)
        fixed = self.typeof(value.value.name).ndim - len(of)
        return fixed == kind.ndim > 0 and all(isinstance(t, types.Integer) for t in of)

    def _indices(self, array: _Array, index: Any, kind: Any) -> Any:
        """Indices by which an array is read, counted from the first."""
        given = self.context.cast(
            self.builder, self.loadvar(index.name), self.typeof(index.name), kind
        )
        each = cgutils.unpack_tuple(self.builder, given) if _is_tuple(kind) else [given]
        return [
            fix_integer_index(
                self.context, self.builder, t, i, array.part(self.builder, "shape", a)
            )
            for a, (t, i) in enumerate(zip(_each(kind), each, strict=True))
        ]

    def lower_getitem(self, resty: Any, expr: Any, value: Any, index: Any, signature: Any) -> Any:
        """An element, or anything else."""
        place = self._element(value, index, signature.args)
        if place is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        found = load_item(self.context, self.builder, self.typeof(value.name), place)
        return self.context.cast(self.builder, found, signature.return_type, resty)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        """Set an element, or anything else."""
        kind, given = self.typeof(target_var.name), self.typeof(value_var.name)
        scalar = isinstance(given, types.Number | types.Boolean)
        place = self._element(target_var, index_var, signature.args) if scalar else None
        if place is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        value, to = self.loadvar(value_var.name), signature.args[2]
        value = self.context.cast(self.builder, value, given, to)
        value = self.context.cast(self.builder, value, to, kind.dtype)
        return store_item(self.context, self.builder, kind, value, place)

    def _element(self, value: Any, index: Any, kinds: Any) -> Any:
        """The address of an element; None if something else is asked for."""
        kind, at = self.typeof(value.name), kinds[1]
        of = _each(at)
        if not isinstance(kind, types.Array) or len(of) != kind.ndim:
            return None
        if not all(isinstance(t, types.Integer) for t in of):
            return None
        array = self._array(value.name)
        return array.item(self.builder, self._indices(array, index, at))

    # Ranges

    def _is_range(self, made: Any) -> bool:
        """Whether an expression is a range of one number or two."""
        called = isinstance(made, ir.Expr) and made.op == "call" and len(made.args) < 3
        return called and guard(find_callname, self.func_ir, made) == ("range", "builtins")

    def _steps_by_one(self, value: Any) -> bool:
        """Whether something is such a range."""
        if not isinstance(self.typeof(value.name), types.RangeType):
            return False
        return self._is_range(guard(self.func_ir.get_definition, value))

    def _range(self, resty: Any, made: Any) -> Any:
        """A range with a step of one."""
        number = self.context.get_value_type(resty.dtype)
        ends = [
            self.context.cast(self.builder, self.loadvar(v.name), self.typeof(v.name), resty.dtype)
            for v in made.args
        ]
        return self._pack(resty, [number(0)] * (2 - len(ends)) + ends + [number(1)])

    def _count_up(self, resty: Any, value: Any) -> Any:
        """An iterator over a range with a step of one."""
        builder, given = self.builder, self.loadvar(value.name)
        first, stop, step = cgutils.unpack_tuple(builder, given, 3)
        zero, number = first.type(0), builder.sub(stop, first)
        some = builder.icmp_signed(">", number, zero)
        at, left = (cgutils.alloca_once(builder, first.type) for _ in range(2))
        builder.store(first, at)
        builder.store(builder.select(some, number, zero), left)
        return self._pack(resty, [at, stop, step, left])

    def _next(self, resty: Any, value: Any) -> Any:
        """The next number of a range, and whether there is one."""
        builder = self.builder
        at, _, step, left = cgutils.unpack_tuple(builder, self.loadvar(value.name), 4)
        number, count = builder.load(at), builder.load(left)
        some = builder.icmp_signed(">", count, count.type(0))
        builder.store(builder.sub(count, count.type(1), flags=["nsw"]), left)
        builder.store(builder.add(number, step), at)
        return self._pack(resty, [number, some])

    def _pack(self, kind: Any, parts: Any) -> Any:
        """A value of several parts."""
        value = llvm.Constant(self.context.get_value_type(kind), llvm.Undefined)
        for place, part in enumerate(parts):
            value = self.builder.insert_value(value, part, place)
        return value


class InnerLower(LeanLower):
    """The same for a function that is called in a kernel."""

    def _declare(self, fndesc: Any) -> Any:
        return declare(self.context, self.module, fndesc)

    def extract_function_arguments(self) -> Any:
        """The values of its arguments."""
        given = Arguments(self.context, self.fndesc.argtypes)
        self.fnargs = given.take(self.builder, self.function.args[2:])
        return self.fnargs
