"""The modules that draw the documentation's figures, for tests of what they measure."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "figures"


def load(name):
    """A module of docs/figures by name."""
    spec = spec_from_file_location(name, FOLDER / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
