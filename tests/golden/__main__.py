"""``python -m tests.golden [--write] [CASE ...]``: compare entries, or write them anew."""

import argparse
import sys
import time

from . import CASES, differences, read, write


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="by default all")
    parser.add_argument("--write", action="store_true", help="write the entries anew")
    given = parser.parse_args()
    unknown = [name for name in given.cases if name not in CASES]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    names = given.cases or list(CASES)
    if given.write:
        write(names)
        return 0
    entries, wrong = read(), 0
    for name in names:
        began = time.perf_counter()
        lines = differences(name, entries[name]) if name in entries else ["no entry"]
        print(f"{name}: {'differs' if lines else 'same'} ({time.perf_counter() - began:.1f} s)")
        print("".join(f"    {line}\n" for line in lines), end="", flush=True)
        wrong += bool(lines)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
