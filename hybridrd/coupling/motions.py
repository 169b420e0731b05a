"""Choice of the motion and exchange of particles, by their region and by what drives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrd.coupling.drift import DriftMotion
from hybridrd.coupling.exchange import Exchange
from hybridrd.coupling.face_exchange import Gate
from hybridrd.coupling.langevin import LangevinMotion
from hybridrd.coupling.mask_exchange import MaskExchange
from hybridrd.coupling.motion import BoxMotion, Motion, ShellMotion
from hybridrd.model.drift import Drift
from hybridrd.particles.region import Region, SpeciesWalls

Place = tuple[Region, Sequence[SpeciesWalls], Sequence[float], float, np.uint64]


def make_exchange(
    place: Place,
    drifts: Sequence[Drift | None],
    frictions: Sequence[float | None],
    gates: list[Gate],
    two_way: bool,
) -> Exchange | MaskExchange:
    """The exchange through gates of species that may drift or have inertia.

    ``place`` is the region, how each species meets its faces, D, dt and the key.
    """
    if not place[0].is_box:
        return MaskExchange(*place, gates, two_way, drifts)
    motion: Motion
    if place[0].mask.any() and any(drift is not None for drift in drifts):
        motion = DriftMotion(*place, drifts)
    else:
        motion = (ShellMotion if place[0].grid.radial else BoxMotion)(*place)
    if any(friction is not None for friction in frictions):
        motion = LangevinMotion(motion, frictions)
    return Exchange(motion, gates, two_way)
