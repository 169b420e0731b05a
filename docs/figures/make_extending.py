"""The figure of extending.md, by the page's own code.

    python docs/figures/make_extending.py

takes some seconds and writes extending_stream.png beside itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "extending.md"


def blocks(*headings: str) -> str:
    """The Python of the page's sections with these headings."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    chosen = [next(s for s in sections if s.startswith(h + "\n")) for h in headings]
    return "\n".join(
        c for s in chosen for c in re.findall(r"^```python\n(.*?)^```", s, re.M | re.S)
    )


def run(*headings: str) -> dict[str, Any]:
    """Run these sections one after another; the names that they define."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(blocks(*headings), str(PAGE), "exec", dont_inherit=True), names)
    return names


if __name__ == "__main__":
    import matplotlib

    matplotlib.use("Agg")
    page = run("An observable", "A FiPy mesh and equation beside particles")
    page["ax"].figure.savefig(HERE / "extending_stream.png", dpi=160, bbox_inches="tight")
