"""A Fisher front of many particles through the plane: each side its own speed, no delay."""

import numpy as np
import pytest
from physics.test_canonical import front

pytestmark = pytest.mark.validation


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "region", [(0, 30), (30, 56)], ids=["out of the particles", "into the particles"]
)
def test_no_delay_at_the_plane(region, seed):
    """1600 particles a unit of length; a front takes 4 time units for its own width."""
    passed, behind = front(region, seed=seed, width=40.0)
    alone, _ = front((0, 56), seed=seed, width=40.0)
    before, crossing, after = np.diff(passed)
    assert crossing == pytest.approx(0.6 * (before + after), abs=0.5)
    # Among particles no slower than in a run of particles alone. A front that enters is ahead at
    # first: the tail of the PDE has no cut-off and sends its pioneers.
    own = 10 / (before if region[0] == 0 else after)
    theirs = 10 / np.diff(alone)[0 if region[0] == 0 else 2]
    assert theirs - 0.2 < own < theirs + (0.2 if region[0] == 0 else 0.5)
    assert behind[:16].mean() == pytest.approx(1.0, abs=0.02)
    assert behind[16:24].mean() == pytest.approx(1.0, abs=0.03)
