"""Pictures of potentials and flows: their lines and arrows have the values of the functions."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.errors import ModelError

SQUARE = hrd.Box(x=(-1, 1), y=(0, 1))


def test_contours_and_arrows_are_those_of_the_functions():
    A = hrd.Species("A", D=1.0, potential="4 * x", velocity=(lambda y: -2 * y, "x + t"))
    system = hrd.System(species=[A], domain=SQUARE)
    ax = hrd.plot.drift(system, "A", time=0.5, levels=5, arrows=8)
    lines, quiver = ax.collections
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        np.testing.assert_allclose(4 * path.vertices[:, 0], level, atol=1e-9)
    x, y = quiver.XY.T
    assert len(x) == 8 * 4
    np.testing.assert_allclose(quiver.U, -2 * y)
    np.testing.assert_allclose(quiver.V, x + 0.5)
    assert np.hypot(quiver.U, quiver.V).max() / quiver.scale == pytest.approx(0.25)


def test_they_go_behind_a_field():
    A = hrd.Species("A", D=1.0, velocity=(1.0, 0.0))
    system = hrd.System(species=[A], domain=SQUARE, cells=8, initial={A: 1.0})
    ax = hrd.plot.field(hrd.mean_field(system, dt=0.01, until=0.01, every=0.01), A)
    assert hrd.plot.drift(system, A, ax=ax) is ax
    assert len(ax.collections) == 1


@pytest.mark.parametrize(
    ("domain", "more", "what"),
    [
        (hrd.Box(x=(0, 1)), {"velocity": 1.0}, "two dimensions"),
        (SQUARE, {}, "no potential and no velocity"),
    ],
)
def test_what_cannot_be_drawn_is_refused(domain, more, what):
    system = hrd.System(species=[hrd.Species("A", D=1.0, **more)], domain=domain)
    with pytest.raises(ModelError, match=what):
        hrd.plot.drift(system, "A")
    with pytest.raises(ModelError, match="unknown species 'B'"):
        hrd.plot.drift(hrd.System(species=[hrd.Species("A", D=1.0)], domain=SQUARE), "B")
