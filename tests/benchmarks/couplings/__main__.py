"""The page: ``python -m tests.benchmarks.couplings [--small] [--out docs/couplings.md]``."""

from tests.benchmarks.couplings.page import main

if __name__ == "__main__":
    main()
