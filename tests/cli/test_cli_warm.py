"""Compilation beforehand: ``hybridrd warm``, and the message where it comes as a surprise."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import call, folder  # noqa: F401

from hybridrd.kernels import _jit

TWO_KERNELS = """
from hybridrd.kernels.walk import fold, wrap
print(fold(1.5, 0.0, 1.0), wrap(1.5, 0.0, 1.0))
"""

# Whether a kernel came from disk; what Numba loads to compile; and a function like a user's own.
FROM_DISK = """
import numba, numpy as np, sys
from hybridrd.kernels.walk import fold
print(fold(1.5, 0.0, 1.0), *fold.stats.cache_hits.values(), "numba.np.linalg" in sys.modules)
print(numba.njit(lambda x: np.sort(x).sum())(np.ones(3)))
"""

INNER = """
from hybridrd.kernels._jit import jit

@jit
def inner(x):
    return x + {number}
"""
OUTER = """
from hybridrd.inner import inner
from hybridrd.kernels._jit import jit

@jit
def outer(x):
    return inner(x)

print(outer(0.5))
"""


def run_kernels(cache, code=TWO_KERNELS, prints="0.5 0.5\n", **more):
    environment = {n: v for n, v in os.environ.items() if n != "HYBRIDRD_QUIET"}
    environment |= {"NUMBA_CACHE_DIR": str(cache), **more}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.stdout == prints, done.stderr
    return done.stderr


def test_one_line_says_what_is_compiled_and_that_it_is_kept(tmp_path):
    first = run_kernels(tmp_path)
    assert first.count("\n") == 1  # for two kernels
    assert "kernels.walk.fold" in first
    assert str(tmp_path) in first
    assert list(tmp_path.rglob("*.nbc"))
    assert run_kernels(tmp_path) == ""
    # Numba's declarations, 0.2 s, are loaded by what is still compiled in the same process.
    assert run_kernels(tmp_path, FROM_DISK, "0.5 1 False\n3.0\n") == ""


def test_the_line_can_be_silenced(tmp_path):
    assert run_kernels(tmp_path, HYBRIDRD_QUIET="1") == ""


def test_where_nothing_can_be_kept_it_runs_and_says_so(tmp_path):
    said = run_kernels(tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator")  # finds no place
    assert "cannot be kept" in said
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.usefixtures("folder")
def test_what_is_compiled_once_is_there():
    call("warm", "line.toml", "pde.toml")
    again = call("warm", "line.toml", "pde.toml")
    assert again == "line.toml: nothing to compile\npde.toml: nothing to compile\n"
    assert not list(Path().glob("*.zarr"))  # the runs leave nothing behind


@pytest.mark.usefixtures("folder")
def test_names_are_checked_before_anything_is_compiled():
    said = call("warm", "line.toml", "sri", code=2)
    assert "did you mean sir?" in said


def test_a_kernel_is_compiled_anew_when_what_it_calls_has_changed(tmp_path):
    """As after an upgrade: the file that the kernel stands in is the same, and where it is kept."""
    package = tmp_path / "hybridrd"
    (package / "kernels").mkdir(parents=True)
    for name in "__init__.py", "kernels/__init__.py":
        (package / name).touch()
    own = Path(_jit.__file__).parent
    for name in "_jit.py", "_calling.py", "_compiler.py", "_lowering.py", "bundles.py":
        shutil.copy(own / name, package / "kernels")
    (package / "outer.py").write_text(OUTER)
    inner, cache = package / "inner.py", tmp_path / "cache"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    files = set()
    for number in 1, 1, 2:
        inner.write_text(INNER.format(number=number))
        done = subprocess.run(
            [sys.executable, "-c", "import hybridrd.outer"],
            cwd=tmp_path, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        assert done.stdout == f"{number}.5\n", done.stderr
        files.add(frozenset(f.name for f in cache.rglob("*.nbc")))
    assert len(files) == 2  # what is the same is not compiled again
    assert {len(names) for names in files} == {1}  # and what is outdated is not kept
