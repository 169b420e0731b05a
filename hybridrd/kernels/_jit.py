"""All compiler options, in one place, and the message that something is being compiled.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.

Functions called by a kernel are not recompiled for each constant argument, and no garbage is
collected while they compile. With Numba 0.68, `hybridrd.kernels._compiler` takes a quarter of
the time of Numba's own compiler, which is used with any other release, to the same results.

Numba loads a kernel from disk as long as its file is unchanged. `_Cache` also checks the files that
it imports: a kernel is recompiled when anything that became part of it changes.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding as llvm
from numba import types
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.compiler import Compiler
from numba.core.runtime.nrt import rtsys

QUIET = "HYBRIDRD_QUIET"  # environment variable that silences the message
_PACKAGE = Path(__file__).parents[1]
# What kernels are given and compiled by; they need not import it.
_ALWAYS = {f"{_PACKAGE}/kernels/{name}.py" for name in ("bundles", "_compiler")}
_IMPORTS = re.compile(rb"^from (%b[.\w]*) import (\([^)]*\)|.*)" % _PACKAGE.name.encode(), re.M)
_NAMES = re.compile(rb"\w+")
_njit: Any = numba.njit  # its stub does not list all options
_outer: Any = Compiler
_inner: Any = Compiler
_of_stages: Any = Compiler
_TRIED = numba.__version__.startswith("0.68.")  # the release whose inside is known here
if _TRIED:
    from hybridrd.kernels._compiler import InnerCompiler, LeanCompiler, StageCompiler

    _outer, _inner, _of_stages = LeanCompiler, InnerCompiler, StageCompiler


_exists = cache(os.path.isfile)


@cache
def _source(path: str) -> tuple[bytes, frozenset[str]]:
    """The digest of a file, and the files of the package that it imports.

    Paths are text: as objects they would take longer than all the rest.
    """
    text = Path(path).read_bytes()
    found = set()
    for module, names in _IMPORTS.findall(text):
        place = f"{_PACKAGE.parent}/{module.decode().replace('.', '/')}"
        found |= {f"{place}.py", *(f"{place}/{n.decode()}.py" for n in _NAMES.findall(names))}
    return hashlib.sha256(text).digest(), frozenset(filter(_exists, found))


@cache
def _stamp(path: str) -> str:
    """What a kernel in this file may be made of: Numba's version, the file, and all it imports."""
    reached, new = set(), {path, *_ALWAYS}
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

    def reduce(self, result: Any) -> Any:
        """What is kept: machine code, and of the bitcode, which is half of all, only its names.

        Callers would be compiled from bitcode, but `jit` compiles kernels anew for them.
        """
        if _TRIED:
            names = result.fndesc.llvm_func_name, result.fndesc.llvm_cpython_wrapper_name
            text = "".join(f'define void @"{name}"() {{ ret void }}\n' for name in names)
            result.library._shared_module = llvm.parse_assembly(text)
        return super().reduce(result)


class _Cache(FunctionCache):
    """Numba's cache, which knows of all that a kernel is made of, and is set up when asked."""

    _impl_class = _Names

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._stamp = _stamp(function.__code__.co_filename)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__ |= {"_cache_path": None, "_enabled": False}
        with suppress(RuntimeError):  # no place to keep it: it will be compiled again
            super().__init__(self._function)
            self._cache_file = _Files(self._cache_path, self._impl.filename_base, self._stamp)
        return self.__dict__[name]

    def load_overload(self, signature: Any, target: Any) -> Any:
        """A kernel from disk, without the declarations that Numba needs only to compile."""
        if not _TRIED:
            return super().load_overload(signature, target)
        rtsys.initialize(target)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, target)


def jit(function: Callable[..., Any], compiler: Any = _outer, **options: Any) -> Any:
    """A kernel, compiled for the types of its arguments when it is first called."""
    options |= {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    kernel = _njit(pipeline_class=compiler, **options)(function)
    kernel._cache = _Cache(function)

    @cache
    def inner() -> Any:
        others = {"no_cpython_wrapper": True, "pipeline_class": _inner}
        return _njit(**options, **others)(function)

    def get_call_template(args: Any, kws: Any) -> Any:
        plain = {name: types.unliteral(value) for name, value in kws.items()}
        return inner().get_call_template(tuple(types.unliteral(a) for a in args), plain)

    # What the compiler asks where a kernel is called.
    kernel.get_call_template = get_call_template
    kernel.get_overload = lambda signature: inner().get_overload(signature)
    return kernel


def stage(function: Callable[..., Any]) -> Any:
    """A kernel of short loops, which are not unrolled: it is no slower, and compiles sooner."""
    return jit(function, compiler=_of_stages)


def inlined(function: Callable[..., Any]) -> Any:
    """A scalar function for loops: only what is inlined lets the loop vectorise."""
    return jit(function, forceinline=True)


class _Announcement(event.Listener):
    """One line on the error stream when the first kernel of a process is compiled.

    Numba calls it where a kernel is not on disk yet.
    """

    def __init__(self) -> None:
        self._said = QUIET in os.environ
        self._depth, self._collects, self._spares = 0, False, False

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
        """Let garbage be collected again: not at once, and not at the end of the process."""
        self._depth -= 1
        if self._depth > 0:
            return
        gc.freeze()
        gc.unfreeze()  # what compiling has left counts as old
        if not self._spares:
            atexit.register(gc.freeze)
        self._spares = True
        if self._collects:
            gc.enable()


event.register("numba:compile", _Announcement())
