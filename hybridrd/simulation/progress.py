"""Progress bars on long work, silent where nobody looks."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm


def progress_bar(steps: int, progress: bool | None, unit: str = "step") -> Any:
    """A bar on the error stream if that is a terminal; without ``progress=True`` after 2 s."""
    disable = True if progress is False else None  # None: off unless a terminal
    delay = 0 if progress else 2
    return tqdm(total=steps, unit=unit, disable=disable, delay=delay, leave=bool(progress))
