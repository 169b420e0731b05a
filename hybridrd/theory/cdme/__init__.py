"""The chemical diffusion master equation, as ground truth for small systems.

`solve` gives probabilities, concentrations and covariances in time, `steady_state` those of the
steady state, from the same `System` as particles and the PDE; `operators` writes the equation of a
tiny system as products of a and a+.
"""

from hybridrd.model.voxel_pairs import mean_cap, pair_fraction, pair_rates
from hybridrd.theory.cdme.event import Event
from hybridrd.theory.cdme.events import VoxelModel, voxel_model
from hybridrd.theory.cdme.evolve import solve
from hybridrd.theory.cdme.ladder_operators import Operators, operators
from hybridrd.theory.cdme.steady import steady_state
from hybridrd.theory.cdme.voxels import Voxels

__all__ = [
    "Event",
    "Operators",
    "VoxelModel",
    "Voxels",
    "mean_cap",
    "operators",
    "pair_fraction",
    "pair_rates",
    "solve",
    "steady_state",
    "voxel_model",
]
