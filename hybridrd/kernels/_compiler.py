"""Numba's compiler with less work, for kernels and for what they call.

Functions called by a kernel are not compiled in advance: they become part of the kernel unfinished,
without entry points for Python or C, take arrays in one piece (`hybridrd.kernels._calling`), and
are optimised once, with the rest. Calls of built-in functions are resolved once (`_Typing`), what
goes to LLVM is half of Numba's (`hybridrd.kernels._lowering`), and steps without work are left out.
A two-way line starts in 5.8 s in place of 21.9, and its steps are as fast.

All this relies on the internals of one release of Numba: `hybridrd.kernels._jit` uses it with no
other.
"""

from __future__ import annotations

import operator
from functools import cache, partial
from types import BuiltinFunctionType, CodeType, SimpleNamespace
from typing import Any, ClassVar

import numba
from llvmlite.binding.newpassmanagers import (
    create_new_function_pass_manager,
    create_pass_builder,
    create_pipeline_tuning_options,
)
from numba import types
from numba.core import consts, errors, ir, postproc
from numba.core.base import BaseContext
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.target_extension import CPU, jit_registry
from numba.core.transforms import canonicalize_cfg
from numba.core.typed_passes import NativeLowering, NopythonRewrites
from numba.core.typing import typeof
from numba.core.untyped_passes import InlineClosureLikes, MakeFunctionToJitFunction

from hybridrd.kernels._calling import make_caller
from hybridrd.kernels._lowering import RAISES, InnerLower, LeanLower


class _Typing:
    """Numba's typing context, which remembers what calls of built-in functions come to.

    Numba asks every candidate again, four or five, each time that two numbers are added.
    """

    _known: ClassVar[dict[Any, Any]] = {}

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """The signature of a call."""
        kind = self._context._lookup_global(function) or function
        if not isinstance(kind, types.Function):
            return self._context.resolve_function_type(function, args, kws)
        keys: dict[Any, Any] = vars(kind)["_impl_keys"]
        asked = kind, tuple(args), tuple(sorted(kws.items()))
        if asked not in self._known:
            found = self._context.resolve_function_type(function, args, kws)
            if found is None or found.args not in keys:
                return found
            self._known[asked] = found, keys[found.args]
        found, keys[found.args] = self._known[asked]
        return found

    def resolve_value_type(self, value: Any) -> Any:
        """The type of a constant: Numba would first look whether an operator is a number."""
        operator_type = isinstance(value, BuiltinFunctionType) and self._context._lookup_global(
            value
        )
        return operator_type or self._context.resolve_value_type(value)

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        """The signature of an assignment to an element or a slice."""
        function = self.resolve_value_type(operator.setitem)
        return self.resolve_function_type(function, (target, index, value), {})


class _Kernel(JITCodeLibrary):
    """Code of a kernel, linked and optimised once."""

    _unrolls = True

    def finalize(self) -> None:
        """Make machine code of it and of all that it calls."""
        called = dict.fromkeys(self._linking_libraries)
        waiting = list(called)
        while waiting:
            library = waiting.pop()
            if isinstance(library, _Unfinished):
                waiting += [each for each in library._linking_libraries if each not in called]
                called |= dict.fromkeys(library._linking_libraries)
        self._linking_libraries = [
            _Alone(each) if isinstance(each, _Unfinished) else each for each in called
        ]
        super().finalize()

    def _optimize_final_module(self) -> None:
        # Numba optimises it cheaply first, to see more of the references to arrays at a time.
        options = create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization, options.slp_vectorization = True, False
        options.loop_unrolling = self._unrolls
        builder = create_pass_builder(self._codegen._tm, options)
        passes = builder.getModulePassManager()
        passes.add_refprune_pass()
        passes.run(self._final_module, builder)


class _Stage(_Kernel):
    """The same, with loops as they are."""

    _unrolls = False


class _Unfinished(JITCodeLibrary):
    """Code that is optimised, and made machine code of, in the kernels that it is linked into."""

    _passes: ClassVar[Any] = None

    def _ensure_finalized(self) -> None:
        """Nothing, as nobody calls it by itself."""

    def _optimize_functions(self, ll_module: Any) -> None:
        """Only keep numbers in registers: the rest is done in the kernel, and all at once."""
        ll_module.data_layout = self._codegen._data_layout
        if self._passes is None:
            passes = create_new_function_pass_manager()
            passes.add_sroa_pass()
            _Unfinished._passes = passes, self._codegen._pass_builder()
        passes, builder = self._passes
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            self._shared_module = self.alone()
            for library in dict.fromkeys(self._linking_libraries):
                self._shared_module.link_in(library._get_module_for_linking(), preserve=True)
        return self._shared_module

    def alone(self) -> Any:
        """It, without what it calls."""
        module = self._final_module
        for function in module.functions:
            if not function.is_declaration and function.linkage.name == "external":
                function.linkage = "linkonce_odr"  # several may bring it along
        return module


class _Alone:
    """Unfinished code without what it calls."""

    def __init__(self, library: _Unfinished) -> None:
        self._reload_init = library._reload_init
        self._get_module_for_linking = library.alone


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """Code for a function, by `LeanLower`."""

    _name = "hybridrd_lowering"
    _lowers: type = LeanLower
    _library: type = _Kernel

    def run_pass(self, state: Any) -> bool:
        if state.library is None:
            state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
        return bool(super().run_pass(state))

    @property
    def lowering_class(self) -> Any:
        """What makes it."""
        return self._lowers


@register_pass(mutates_CFG=True, analysis_only=False)
class _StageLowering(_Lowering):
    """The same for a `_Stage`."""

    _name = "hybridrd_stage_lowering"
    _library = _Stage


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(_Lowering):
    """The same, left `_Unfinished`."""

    _name = "hybridrd_inner_lowering"

    def run_pass(self, state: Any) -> bool:
        name, flags = state.func_id.func_qualname, state.flags
        self._lowers = LeanLower if isinstance(state.return_type, types.Optional) else InnerLower
        state.library = _Unfinished(state.targetctx.codegen(), name)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        super().run_pass(state)
        lowered, libraries = state["cr"], [state.library]
        key: Any = [].append  # stands for the function among those that can be called
        if self._lowers is InnerLower:
            call = make_caller(lowered.fndesc, libraries, state.metadata[RAISES])
            state.targetctx._defns[key].append(call, call.signature)
        else:
            state.targetctx.insert_user_function(key, lowered.fndesc, libraries)
        state["cr"] = lowered._replace(cfunc=key)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _ArrayExpressions(NopythonRewrites):
    """Loops in place of expressions of whole arrays, where there are any."""

    _name = "hybridrd_array_expressions"

    def run_pass(self, state: Any) -> bool:
        kinds = state.typemap
        for block in state.func_ir.blocks.values():
            for made in block.find_insts(ir.Assign):
                value = made.value
                if not isinstance(value, ir.Expr) or not _is_array(kinds[made.target.name]):
                    continue
                called = value.op == "call" and isinstance(kinds[value.func.name], types.Function)
                if called or value.op in ("binop", "inplace_binop", "unary"):
                    return bool(super().run_pass(state))
        return False


def _is_array(kind: Any) -> bool:
    return isinstance(kind, types.Array)


class _Lifetimes(postproc.PostProcessor):
    """Where names are last used, found once, when it is known what they stand for."""

    def run(self, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
        if emit_dels or self.func_ir.is_generator:
            super().run(emit_dels, extend_lifetimes)
        else:
            self.func_ir.blocks = canonicalize_cfg(self.func_ir.blocks)
            self.func_ir.generator_info = None
            self.func_ir.variable_lifetime = postproc.VariableLifetime(self.func_ir.blocks)


class _NotConstant(errors.ConstantInferenceError):
    """What Numba expects of most indices: it need not look up their lines in the source."""

    def __init__(self, *args: Any, **others: Any) -> None:  # noqa: ARG002
        Exception.__init__(self, *args)


# Numba colours messages that nobody sees: most are made in advance, or of errors that it expects.
_PLAIN = SimpleNamespace(
    **dict.fromkeys(("code", "errmsg", "filename", "indicate", "highlight", "reset"), str)
)
_INSTEAD: tuple[Any, ...] = (
    (postproc, "PostProcessor", _Lifetimes),
    (errors, "_termcolor_inst", _PLAIN),
    (typeof, "_termcolor", _PLAIN),
    (consts, "ConstantInferenceError", _NotConstant),
    (ir, "ConstantInferenceError", _NotConstant),
    (BaseContext, "get_abi_sizeof", cache(BaseContext.get_abi_sizeof)),
)


class _Passes(PassManager):
    """What Numba does in order, without a look after each step whether all is well."""

    def _runPass(self, index: int, pss: Any, internal_state: Any) -> None:  # noqa: ARG002
        pss.analysis = self._analysis
        for work in pss.run_initialization, pss.run_pass, pss.run_finalizer:
            work(internal_state)


class LeanCompiler(Compiler):
    """Numba's compiler, with `_Typing` and `_Lowering`."""

    lowering: ClassVar[type] = _Lowering

    def __init__(self, typingctx: Any, *others: Any) -> None:
        super().__init__(_Typing(typingctx), *others)

    def compile_extra(self, func: Any) -> Any:
        """Compile a function, and what it calls of Numba's own by `InnerCompiler`."""
        usual = jit_registry.pop(CPU)
        jit_registry[CPU] = partial(numba.jit, pipeline_class=InnerCompiler)
        others = [(part, name, getattr(part, name)) for part, name, _ in _INSTEAD]
        try:
            for part, name, lean in _INSTEAD:
                setattr(part, name, lean)
            return super().compile_extra(func)
        finally:
            for part, name, other in others:
                setattr(part, name, other)
            jit_registry.pop(CPU)
            jit_registry[CPU] = usual

    def define_pipelines(self) -> list[Any]:
        """The steps; those for functions within functions only where there are any."""
        manager, needless = _Passes("nopython"), set[Any]()
        constants = self.state.func_id.code.co_consts
        if not any(isinstance(c, CodeType) for c in constants):
            needless = {InlineClosureLikes, MakeFunctionToJitFunction}
        instead: dict[Any, Any] = {
            NativeLowering: self.lowering,
            NopythonRewrites: _ArrayExpressions,
        }
        manager.passes = [
            (instead.get(step, step), text)
            for step, text in DefaultPassBuilder.define_nopython_pipeline(self.state).passes
            if step not in needless
        ]
        manager.finalize()
        return [manager]


class InnerCompiler(LeanCompiler):
    """The same for functions that kernels call."""

    lowering = _InnerLowering


class StageCompiler(LeanCompiler):
    """The same for stages of a step."""

    lowering = _StageLowering
