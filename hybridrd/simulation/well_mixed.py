"""Check that pairs in the cells of a discrete continuum are well mixed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from hybridrd.continuum.cell_pairs import within_reach
from hybridrd.errors import AccuracyWarning, ModelError
from hybridrd.model.drift import mean_D
from hybridrd.model.functions import evaluate
from hybridrd.model.reaction import Channel
from hybridrd.model.steady import cell_rate_3d
from hybridrd.model.system import System

_TRUSTED = 0.99  # relative error of the macroscopic rate
_WIDE = 0.5  # largest Doi radius in cell widths


def check_well_mixed(system: System) -> None:
    """Refuse cells so small that pairs of copies can't react at the rate k; warn before that.

    In three dimensions hopping copies react at ``k/(1 + 0.2527 k/(D h))``. If h is below
    ``k/(4 pi D)``, no rate within a cell can compensate for this, and the system is refused. Pairs
    that react across cells (``correct_pairs``) have no limit.

    Raises
    ------
    ModelError
        With the least width of cells, or the largest rate.

    Warns
    -----
    AccuracyWarning
        If the rate is more than 1 % low, or a Doi radius more than half a cell.
    """
    if system.grid.radial:  # the cells of a shell are mixed over all angles, like the PDE
        return
    h = min(system.grid.spacing)
    for channel, k, D in _pairs(system):
        name = f"reaction {channel.label!r} in cells of width {h:.4g}"
        spatial = system.dimension == 3 and D > 0.0 and system.grid.cells > 1
        least = k / (4.0 * np.pi * D) if spatial else 0.0
        if h < least:
            raise ModelError(
                f"{name}: they are below k/(4 pi D) = {least:.4g}, for k = {k:.4g} and D = {D:.4g} "
                f"of both; copies that hop between such cells do not meet often enough to react at "
                f"the rate k; use cells several times as wide, correct_pairs=True with a radius, "
                f"or particles"
            )
        if channel.reach is not None and channel.reach > _WIDE * h * (1.0 + 1e-9):
            _warn(
                f"{name}: its pairs reach {channel.reach:g}, more than half of it, so that pairs "
                f"in a cell are not well mixed; use cells at least "
                f"{2.0 * channel.reach:.4g} wide, or correct_pairs=True with discrete cells"
            )
        found = cell_rate_3d(k, D, h) if spatial else k
        if found < _TRUSTED * k:
            wide = 0.2527 / (1.0 / _TRUSTED - 1.0) * k / D
            _warn(
                f"{name}: copies that hop between them react at {found:.4g}, "
                f"{100 * (1 - found / k):.1f} % less than k = {k:.4g}; for 1 % use cells at least "
                f"{wide:.4g} wide"
            )


def _pairs(system: System) -> Iterator[tuple[Channel, float, float]]:
    """Pair reactions, their largest rate at time 0, and the sum of their D."""
    across = within_reach(system)
    for r, channel in enumerate(system.channels):
        if channel.order != 2 or r in across:
            continue
        k, grid = channel.macroscopic(system.dimension), system.grid
        if callable(k):
            values = evaluate(k, grid.coordinates(), 0.0, f"rate of {channel.label!r}", grid.cells)
            k = float(values.max())
        yield (
            channel,
            float(k),
            sum(mean_D(system, system.species[system.index(s)]) for s in channel.reactants),
        )


def _warn(text: str) -> None:
    warnings.warn(text, AccuracyWarning, stacklevel=4)
