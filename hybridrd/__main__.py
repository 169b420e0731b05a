"""Entry point of the command line, ``hybridrd`` and ``python -m hybridrd``."""

import gc
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it with one line, too."""
    # Loading makes some 500,000 objects, and no garbage to speak of.
    gc.set_threshold(50_000)
    try:
        from hybridrd.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)  # as a shell reports it
    finally:
        # With Numba loaded, Python would search a third of a second for garbage before it ends.
        gc.freeze()


if __name__ == "__main__":
    main()
