"""All compiler options, in one place, and the message that something is being compiled.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.

Functions called by a kernel are not compiled in advance: they become part of the kernel unfinished,
without entry points for Python or C, and are optimised once, with the rest. They are not recompiled
for each constant argument either, and calls of built-in functions are resolved once (`_Typing`).
A two-way line compiles in 15.5 s in place of 26.8, and with the latter a quarter faster still.
What goes to LLVM is a quarter less than Numba's (`hybridrd.kernels._lowering`), no garbage is
collected, and steps without work are left out: a third faster once more.

Numba loads a kernel from disk as long as its file is unchanged. `_Cache` also checks the files that
it imports: a kernel is recompiled when anything that became part of it changes.
"""

from __future__ import annotations

import gc
import hashlib
import operator
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

import numba
from numba import types
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.target_extension import CPU, jit_registry
from numba.core.typed_passes import NativeLowering
from numba.core.untyped_passes import InlineClosureLikes, MakeFunctionToJitFunction

from hybridrd.kernels._lowering import LeanLower

QUIET = "HYBRIDRD_QUIET"  # environment variable that silences the message
_PACKAGE = Path(__file__).parents[1]
_ALWAYS = _PACKAGE / "kernels" / "bundles.py"  # what kernels are given; they need not import it
_IMPORTS = re.compile(rb"^from (%b[.\w]*) import (\([^)]*\)|.*)" % _PACKAGE.name.encode(), re.M)
_njit: Any = numba.njit  # its stub does not list all options


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

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        """The signature of an assignment to an element or a slice."""
        function = self._context.resolve_value_type(operator.setitem)
        return self.resolve_function_type(function, (target, index, value), {})


class _Unfinished(JITCodeLibrary):
    """Code that is optimised, and made machine code of, in the kernels that it is linked into."""

    def _ensure_finalized(self) -> None:
        """Nothing, as nobody calls it by itself."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            module = self._final_module
            for library in dict.fromkeys(self._linking_libraries):
                module.link_in(library._get_module_for_linking(), preserve=True)
            for function in module.functions:
                if not function.is_declaration and function.linkage.name == "external":
                    function.linkage = "linkonce_odr"  # several may bring it along
            self._shared_module = module
        return self._shared_module


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """Code for a function, by `LeanLower`."""

    _name = "hybridrd_lowering"

    @property
    def lowering_class(self) -> Any:
        """What makes it."""
        return LeanLower


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(_Lowering):
    """The same, left `_Unfinished`."""

    _name = "hybridrd_inner_lowering"

    def run_pass(self, state: Any) -> bool:
        name, flags = state.func_id.func_qualname, state.flags
        state.library = _Unfinished(state.targetctx.codegen(), name)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        super().run_pass(state)
        lowered = state["cr"]
        key: Any = [].append  # stands for the function among those that can be called
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=key)
        return True


class _Passes(PassManager):
    """What Numba does in order, without a look after each step whether all is well."""

    def _runPass(self, index: int, pss: Any, internal_state: Any) -> None:  # noqa: ARG002
        pss.analysis = self._analysis
        for work in pss.run_initialization, pss.run_pass, pss.run_finalizer:
            work(internal_state)


class _Compiler(Compiler):
    """Numba's compiler, with `_Typing` and `_Lowering`."""

    lowering: ClassVar[type] = _Lowering

    def __init__(self, typingctx: Any, *others: Any) -> None:
        super().__init__(_Typing(typingctx), *others)

    def compile_extra(self, func: Any) -> Any:
        """Compile a function, and what it calls of Numba's own by `_InnerCompiler`."""
        usual = jit_registry.pop(CPU)
        jit_registry[CPU] = partial(numba.jit, pipeline_class=_InnerCompiler)
        try:
            return super().compile_extra(func)
        finally:
            jit_registry.pop(CPU)
            jit_registry[CPU] = usual

    def define_pipelines(self) -> list[Any]:
        """The steps; those for functions within functions only where there are any."""
        manager, needless = _Passes("nopython"), set[Any]()
        constants = self.state.func_id.code.co_consts
        if not any(isinstance(c, CodeType) for c in constants):
            needless = {InlineClosureLikes, MakeFunctionToJitFunction}
        manager.passes = [
            (self.lowering if step is NativeLowering else step, text)
            for step, text in DefaultPassBuilder.define_nopython_pipeline(self.state).passes
            if step not in needless
        ]
        manager.finalize()
        return [manager]


class _InnerCompiler(_Compiler):
    """The same for functions that kernels call."""

    lowering = _InnerLowering


@cache
def _source(path: Path) -> tuple[bytes, frozenset[Path]]:
    """The digest of a file, and the files of the package that it imports."""
    text = path.read_bytes()
    found = set()
    for module, names in _IMPORTS.findall(text):
        place = _PACKAGE.parent.joinpath(*module.decode().split("."))
        found |= {place.with_suffix(".py")}
        found |= {place / f"{name.decode()}.py" for name in re.findall(rb"\w+", names)}
    return hashlib.sha256(text).digest(), frozenset(p for p in found if p.is_file())


@cache
def _stamp(path: Path) -> str:
    """What a kernel in this file may be made of: Numba's version, the file, and all it imports."""
    reached, new = set(), {path, _ALWAYS}
    while new:
        reached |= new
        new = {file for p in new for file in _source(p)[1]} - reached
    files = b"".join(_source(p)[0] for p in sorted(reached))
    return hashlib.sha256(numba.__version__.encode() + files).hexdigest()[:16]


class _Files(IndexDataCacheFile):
    """The files of a kernel, with the stamp in their names: nobody reads another's.

    Those with other stamps are removed once one is written.
    """

    def __init__(self, cache_path: str, filename_base: str, source_stamp: str) -> None:
        super().__init__(cache_path, filename_base, source_stamp)
        self._kept = f"{filename_base}-{source_stamp}."
        self._older = rf"{re.escape(filename_base)}-[0-9a-f]{{16}}\.\d+\.nbc"
        self._data_name_pattern = self._kept + "{number:d}.nbc"

    def _save_index(self, overloads: Any) -> None:
        super()._save_index(overloads)
        for file in Path(self._cache_path).iterdir():
            if re.fullmatch(self._older, file.name) and not file.name.startswith(self._kept):
                file.unlink(missing_ok=True)


class _Names(CompileResultCacheImpl):
    """Names of files: a kernel that has moved in its file is still the same."""

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        name = fullname.replace("<", "").replace(">", "")
        return f"{name}.py{sys.version_info[0]}{sys.version_info[1]}{abiflags}"


class _Cache(FunctionCache):
    """Numba's cache, which knows of all that a kernel is made of, and is set up when asked."""

    _impl_class = _Names

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._stamp = _stamp(Path(function.__code__.co_filename))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__ |= {"_cache_path": None, "_enabled": False}
        with suppress(RuntimeError):  # no place to keep it: it will be compiled again
            super().__init__(self._function)
            self._cache_file = _Files(self._cache_path, self._impl.filename_base, self._stamp)
        return self.__dict__[name]


def jit(function: Callable[..., Any], **options: Any) -> Any:
    """A kernel, compiled for the types of its arguments when it is first called."""
    options |= {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    kernel = _njit(pipeline_class=_Compiler, **options)(function)
    kernel._cache = _Cache(function)

    @cache
    def inner() -> Any:
        others = {"no_cpython_wrapper": True, "pipeline_class": _InnerCompiler}
        return _njit(**options, **others)(function)

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(value) for name, value in kws.items()}
        return inner().get_call_template(tuple(types.unliteral(a) for a in args), plain)

    # What the compiler asks where a kernel is called.
    kernel.get_call_template = get_call_template
    kernel.get_overload = lambda signature: inner().get_overload(signature)
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """A scalar function for loops: only what is inlined lets the loop vectorise."""
    return jit(function, forceinline=True)


class _Announcement(event.Listener):
    """One line on the error stream when the first kernel of a process is compiled.

    Numba calls it where a kernel is not on disk yet.
    """

    def __init__(self) -> None:
        self._said = QUIET in os.environ
        self._depth, self._collects = 0, False

    def on_start(self, found: event.Event) -> None:
        """Say what is compiled, and where it is kept."""
        self._depth += 1
        if self._depth == 1:
            self._collects = gc.isenabled()
            gc.disable()
        kernel = found.data["dispatcher"]
        module, _, name = str(kernel.py_func.__module__).partition(".")
        # A rate that a user gave as a function is no kernel, and never kept.
        if self._said or module != _PACKAGE.name or kernel.__name__ == "<lambda>":
            return
        self._said = True
        place = kernel.stats.cache_path
        kept = (
            f"they are kept in {place} for later runs"
            if place
            else ("they cannot be kept: no folder can be written to (set NUMBA_CACHE_DIR to one)")
        )
        with suppress(OSError, ValueError, AttributeError):  # nobody may be there to read it
            sys.stderr.write(
                f"hybridrd: compiling kernels for the first time ({name}.{kernel.__name__}, ...); "
                f"{kept}\n"
            )
            sys.stderr.flush()

    def on_end(self, found: event.Event) -> None:  # noqa: ARG002
        """Let garbage be collected again."""
        self._depth -= 1
        if self._depth == 0 and self._collects:
            gc.enable()


event.register("numba:compile", _Announcement())
