"""Numba's step from typed code to LLVM's, with less code for the same.

LLVM would remove what is left out here, but it has to be written, read and removed for every
statement: stores to numbers that are no longer used, copies of a whole array to read one element,
and the division of a range by a step of one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba.core import cgutils, errors, ir, types
from numba.core.ir_utils import find_callname, guard
from numba.core.lowering import Lower
from numba.np.arrayobj import fix_integer_index, load_item, store_item

from hybridrd.kernels.bundles import Bundle


class LeanLower(Lower):
    """Code for a function, from its typed statements."""

    _counted: ClassVar[dict[Any, bool]] = {}
    _counts = True

    def lower_function_body(self) -> Any:
        """The body; who makes no arrays, and cuts none out, does not count references to them.

        All that it has are its arguments, to which the caller refers.
        """
        values = [
            (inst.value, self.typeof(inst.target.name))
            for block in self.blocks.values()
            for inst in block.body
            if isinstance(inst, ir.Assign)
        ]
        self._counts = any(
            isinstance(value, ir.Expr | ir.Yield)
            and self._is_counted(kind)
            and not self._is_member(value)
            for value, kind in values
        )
        return super().lower_function_body()

    def lower_block(self, block: Any) -> None:
        """One block, as Numba does it, but for what it would say of each statement."""
        self.pre_block(block)
        inst = None
        try:
            for inst in block.body:
                self.loc = inst.loc
                if isinstance(inst, ir.Assign):
                    found = self.lower_assign(self.typeof(inst.target.name), inst)
                    argument = isinstance(inst.value, ir.Arg)
                    self.storevar(found, inst.target.name, 1 if argument else None)
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
        if expr.op == "getiter" and self._steps_by_one(expr.value):
            return self._count_up(resty, expr.value)
        return super().lower_expr(resty, expr)

    # Names

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:
        """Give a name to a value."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
            return
        kind = self.typeof(name)
        self._alloca_var(name, kind)
        place = self.varmap[name]
        if argidx is None and self._is_counted(kind):
            self.decref(kind, self.builder.load(place))
        self.builder.store(value, place)

    def delvar(self, name: str) -> None:
        """Forget a name."""
        if self._is_counted(self.typeof(name)):
            super().delvar(name)

    def incref(self, typ: Any, val: Any) -> None:
        """Count a reference."""
        if self._is_counted(typ):
            super().incref(typ, val)

    def decref(self, typ: Any, val: Any) -> None:
        """Count one less."""
        if self._is_counted(typ):
            super().decref(typ, val)

    def _is_counted(self, kind: Any) -> bool:
        """Whether there may be memory in a value that somebody has to free."""
        if not self._counts:
            return False
        if kind not in self._counted:
            model = self.context.data_model_manager[kind]
            self._counted[kind] = model.contains_nrt_meminfo()
        return self._counted[kind]

    def _is_member(self, value: Any) -> bool:
        """Whether something is a member of a bundle, which refers to nothing."""
        named = isinstance(value, ir.Expr) and value.op == "getattr"
        return named and isinstance(self.typeof(value.value.name), Bundle)

    # Arithmetic

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """Two numbers, or anything else: of numbers it is known what the operator comes to."""
        kinds, function = self.fndesc.calltypes[expr], self.context.typing_context
        function = function.resolve_value_type(op)
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

    # Elements of arrays

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

    def _is_array(self, name: Any) -> bool:
        return isinstance(self.typeof(name.name), types.Array)

    def _element(self, value: Any, index: Any, kinds: Any) -> Any:
        """The address of an element; None if something else is asked for."""
        kind, at, builder = self.typeof(value.name), kinds[1], self.builder
        several = isinstance(at, types.BaseTuple)
        of = tuple(at) if several else (at,)
        if not isinstance(kind, types.Array) or len(of) != kind.ndim:
            return None
        if not all(isinstance(t, types.Integer) for t in of):
            return None
        model = self.context.data_model_manager[kind]
        array, given = self.loadvar(value.name), self.loadvar(index.name)
        given = self.context.cast(builder, given, self.typeof(index.name), at)
        each = cgutils.unpack_tuple(builder, given) if several else [given]

        def member(name: str, axis: int) -> Any:
            return builder.extract_value(array, (model.get_field_position(name), axis))

        shape = [member("shape", a) for a in range(kind.ndim)]
        places = [
            fix_integer_index(self.context, builder, t, i, size)
            for t, i, size in zip(of, each, shape, strict=True)
        ]
        data = model.get(builder, array, "data")
        if kind.layout == "C":
            place = places[0]
            for i, size in zip(places[1:], shape[1:], strict=True):
                place = builder.add(builder.mul(place, size), i)
            return builder.gep(data, [place])
        strides = [member("strides", a) for a in range(kind.ndim)]
        return cgutils.get_item_pointer2(
            self.context, builder, data, shape, strides, kind.layout, places
        )

    # Ranges

    def _steps_by_one(self, value: Any) -> bool:
        """Whether something is a range of two numbers or one."""
        if not isinstance(self.typeof(value.name), types.RangeType):
            return False
        made = guard(self.func_ir.get_definition, value)
        called = isinstance(made, ir.Expr) and made.op == "call" and len(made.args) < 3
        return called and guard(find_callname, self.func_ir, made) == ("range", "builtins")

    def _count_up(self, resty: Any, value: Any) -> Any:
        """An iterator over a range with a step of one."""
        builder, given = self.builder, self.loadvar(value.name)
        first, stop, step = cgutils.unpack_tuple(builder, given, 3)
        zero, number = first.type(0), builder.sub(stop, first)
        some = builder.icmp_signed(">", number, zero)
        iterator = self.context.make_helper(builder, resty)
        iterator.iter = cgutils.alloca_once(builder, first.type)
        iterator.count = cgutils.alloca_once(builder, first.type)
        builder.store(first, iterator.iter)
        builder.store(builder.select(some, number, zero), iterator.count)
        iterator.stop, iterator.step = stop, step
        return iterator._getvalue()
