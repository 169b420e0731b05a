"""The command line."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Context in which modules are loaded and objects made that stay, so none is garbage.

    To search them for garbage would take 0.1 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # it counts as old, and is still found by who asks what refers to an object
        gc.enable()
