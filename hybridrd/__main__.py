"""Entry point of the command line, ``hybridrd`` and ``python -m hybridrd``."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

# SciPy imports every part of NumPy, and the Fortran compiler among them takes 0.1 s to load. Numba
# imports a YAML reader for a settings file that few people have.
_SELDOM_USED = "numpy.f2py", "yaml"


class _Deferred(MetaPathFinder):
    """Import hook by which modules that others import are loaded once something uses them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, to be loaded on first use; None for all others."""
        spec = PathFinder.find_spec(name, path, target) if name in _SELDOM_USED else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


sys.meta_path.insert(0, _Deferred())  # in the processes of replicas, too, which load this file


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it with one line, too."""
    gc.disable()  # until a command works
    atexit.register(gc.freeze)  # the last search for garbage would take 0.3 s
    for library in "OPENBLAS", "MKL":  # systems are small, and threads would wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        from hybridrd.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)  # as a shell reports it
    finally:
        gc.enable()


if __name__ == "__main__":
    main()
