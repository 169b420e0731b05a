"""All compiler options, in one place, and the message that something is being compiled.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.

What a kernel calls is not compiled before it: it becomes part of the kernel unfinished, without
entries from Python or C, and is optimised once, with all the rest. Nor is it compiled anew for each
constant that it is called with. A two-way line compiles in 15.5 s in place of 26.8.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core import event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

QUIET = "HYBRIDRD_QUIET"  # environment variable that silences the message
_njit: Any = numba.njit  # its stub does not list all options


class _Unfinished(JITCodeLibrary):
    """Code that is optimised, and made machine code of, in the kernels that it is linked into."""

    def _ensure_finalized(self) -> None:
        """Nothing, as nobody calls it by itself."""

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
    """Code for a function, left `_Unfinished`."""

    _name = "hybridrd_unfinished_lowering"

    def run_pass(self, state: Any) -> bool:
        name = state.func_id.func_qualname
        state.library = _Unfinished(state.targetctx.codegen(), name)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        key: Any = [].append  # stands for the function among those that can be called
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=key)
        return True


class _InnerCompiler(CompilerBase):
    """Numba's compiler, with `_Lowering`."""

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [
            (_Lowering if step is NativeLowering else step, text) for step, text in manager.passes
        ]
        manager.finalize()
        return [manager]


def jit(function: Callable[..., Any], **options: bool) -> Any:
    """A kernel, compiled for the types of its arguments when it is first called."""
    options |= {"nogil": True, "no_cfunc_wrapper": True}
    kernel = _njit(cache=True, error_model="numpy", **options)(function)
    inner = _njit(
        error_model="numpy", no_cpython_wrapper=True, pipeline_class=_InnerCompiler, **options
    )(function)
    template = inner.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(value) for name, value in kws.items()}
        return template(tuple(types.unliteral(a) for a in args), plain)

    # What the compiler asks where a kernel is called.
    kernel.get_call_template, kernel.get_overload = get_call_template, inner.get_overload
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

    def on_start(self, found: event.Event) -> None:
        """Say what is compiled, and where it is kept."""
        kernel = found.data["dispatcher"]
        module, _, name = str(kernel.py_func.__module__).partition(".")
        if self._said or module != Path(__file__).parents[1].name:
            return
        self._said = True
        with suppress(OSError, ValueError, AttributeError):  # nobody may be there to read it
            sys.stderr.write(
                f"hybridrd: compiling kernels for the first time ({name}.{kernel.__name__}, ...); "
                f"they are kept in {kernel.stats.cache_path} for later runs\n"
            )
            sys.stderr.flush()

    def on_end(self, found: event.Event) -> None:
        """Nothing: later kernels are not mentioned."""


event.register("numba:compile", _Announcement())
