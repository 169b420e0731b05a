"""Entry point of the command line, ``hybridrd`` and ``python -m hybridrd``."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


class _Deferred(MetaPathFinder):
    """Import hook by which NumPy's Fortran compiler is loaded once something of it is used.

    SciPy imports all modules of NumPy by their names, and this one takes 0.1 s.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, to be loaded on first use; None for all others."""
        spec = PathFinder.find_spec(name, path, target) if name == "numpy.f2py" else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it with one line, too."""
    sys.meta_path.insert(0, _Deferred())
    gc.disable()  # until a command works
    for library in "OPENBLAS", "MKL":  # systems are small, and threads would wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        from hybridrd.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)  # as a shell reports it


if __name__ == "__main__":
    main()
