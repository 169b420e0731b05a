"""hybridrd: open reaction-diffusion systems across scales.

Describe a system once; run it as a hybrid of Brownian particles and a PDE, as particles, as a PDE,
or as an ensemble; look at it. Public names load on first use, so that importing the package is
fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridrd._version import __version__ as __version__

if TYPE_CHECKING:
    from hybridrd import examples as examples
    from hybridrd import plotting as plot  # noqa: F401
    from hybridrd import theory as theory
    from hybridrd.continuum.fipy_continuum import FiPyContinuum as FiPyContinuum
    from hybridrd.continuum.user import Continuum as Continuum
    from hybridrd.ensembles.check_step import check_step as check_step
    from hybridrd.ensembles.ensemble import ensemble as ensemble
    from hybridrd.ensembles.sweep import sweep as sweep
    from hybridrd.errors import AccuracyWarning as AccuracyWarning
    from hybridrd.errors import CapacityError as CapacityError
    from hybridrd.errors import HybridrdError as HybridrdError
    from hybridrd.errors import ModelError as ModelError
    from hybridrd.errors import ResultError as ResultError
    from hybridrd.errors import StepError as StepError
    from hybridrd.exporters import export as export
    from hybridrd.interface import CalibratedLayer as CalibratedLayer
    from hybridrd.interface import ExactPlane as ExactPlane
    from hybridrd.interface import InterfaceScheme as InterfaceScheme
    from hybridrd.interface import Layer as Layer
    from hybridrd.model import pair_kernels as pair_kernels
    from hybridrd.model import shapes as shapes
    from hybridrd.model.adaptive import Adaptive as Adaptive
    from hybridrd.model.geometry import Box as Box
    from hybridrd.model.initial import Copies as Copies
    from hybridrd.model.initial import Patch as Patch
    from hybridrd.model.initial import Points as Points
    from hybridrd.model.plane import Plane as Plane
    from hybridrd.model.reaction import Reaction as Reaction
    from hybridrd.model.shape import Outside as Outside
    from hybridrd.model.shapes import Ball as Ball
    from hybridrd.model.shapes import Cells as Cells
    from hybridrd.model.shapes import Where as Where
    from hybridrd.model.shell import Shell as Shell
    from hybridrd.model.species import Species as Species
    from hybridrd.model.system import System as System
    from hybridrd.model.table import Table as Table
    from hybridrd.model.walls import Absorbing as Absorbing
    from hybridrd.model.walls import Bath as Bath
    from hybridrd.model.walls import Influx as Influx
    from hybridrd.model.walls import Leaky as Leaky
    from hybridrd.model.walls import PartiallyAbsorbing as PartiallyAbsorbing
    from hybridrd.model.walls import Periodic as Periodic
    from hybridrd.model.walls import Reflecting as Reflecting
    from hybridrd.model.walls import Reservoir as Reservoir
    from hybridrd.results.compare import compare as compare
    from hybridrd.results.event_table import events as events
    from hybridrd.results.event_table import first_passage as first_passage
    from hybridrd.results.regions import copy_number as copy_number
    from hybridrd.results.store import load as load
    from hybridrd.results.store import save as save
    from hybridrd.results.study import point as point
    from hybridrd.run.stop import SteadyState as SteadyState
    from hybridrd.run.stop import WallTime as WallTime
    from hybridrd.sbml import from_antimony as from_antimony
    from hybridrd.sbml import from_sbml as from_sbml
    from hybridrd.simulation.mean_field import PDE as PDE
    from hybridrd.simulation.mean_field import mean_field as mean_field
    from hybridrd.simulation.simulation import Simulation as Simulation
    from hybridrd.simulation.suggest import suggest as suggest

_PLACES = {
    "AccuracyWarning": "hybridrd.errors",
    "Absorbing": "hybridrd.model.walls",
    "Adaptive": "hybridrd.model.adaptive",
    "Ball": "hybridrd.model.shapes",
    "Bath": "hybridrd.model.walls",
    "Box": "hybridrd.model.geometry",
    "CalibratedLayer": "hybridrd.interface",
    "CapacityError": "hybridrd.errors",
    "Cells": "hybridrd.model.shapes",
    "Continuum": "hybridrd.continuum.user",
    "Copies": "hybridrd.model.initial",
    "ExactPlane": "hybridrd.interface",
    "FiPyContinuum": "hybridrd.continuum.fipy_continuum",
    "HybridrdError": "hybridrd.errors",
    "Influx": "hybridrd.model.walls",
    "InterfaceScheme": "hybridrd.interface",
    "Layer": "hybridrd.interface",
    "Leaky": "hybridrd.model.walls",
    "ModelError": "hybridrd.errors",
    "Outside": "hybridrd.model.shape",
    "PDE": "hybridrd.simulation.mean_field",
    "PartiallyAbsorbing": "hybridrd.model.walls",
    "Patch": "hybridrd.model.initial",
    "Periodic": "hybridrd.model.walls",
    "Plane": "hybridrd.model.plane",
    "Points": "hybridrd.model.initial",
    "Reaction": "hybridrd.model.reaction",
    "Reflecting": "hybridrd.model.walls",
    "Reservoir": "hybridrd.model.walls",
    "ResultError": "hybridrd.errors",
    "Shell": "hybridrd.model.shell",
    "Simulation": "hybridrd.simulation.simulation",
    "Species": "hybridrd.model.species",
    "SteadyState": "hybridrd.run.stop",
    "StepError": "hybridrd.errors",
    "System": "hybridrd.model.system",
    "Table": "hybridrd.model.table",
    "WallTime": "hybridrd.run.stop",
    "Where": "hybridrd.model.shapes",
    "check_step": "hybridrd.ensembles.check_step",
    "compare": "hybridrd.results.compare",
    "copy_number": "hybridrd.results.regions",
    "ensemble": "hybridrd.ensembles.ensemble",
    "events": "hybridrd.results.event_table",
    "export": "hybridrd.exporters",
    "first_passage": "hybridrd.results.event_table",
    "from_antimony": "hybridrd.sbml",
    "from_sbml": "hybridrd.sbml",
    "load": "hybridrd.results.store",
    "mean_field": "hybridrd.simulation.mean_field",
    "point": "hybridrd.results.study",
    "save": "hybridrd.results.store",
    "suggest": "hybridrd.simulation.suggest",
    "sweep": "hybridrd.ensembles.sweep",
}

_MODULES = {
    "examples": "hybridrd.examples",
    "interface": "hybridrd.interface",
    "pair_kernels": "hybridrd.model.pair_kernels",
    "plot": "hybridrd.plotting",
    "shapes": "hybridrd.model.shapes",
    "theory": "hybridrd.theory",
}

__all__ = sorted([*_PLACES, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
    else:
        raise AttributeError(f"module 'hybridrd' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
