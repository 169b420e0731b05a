"""Refusals and warnings of interface schemes, with values that pass."""

import math
import re
import warnings

import numpy as np
import pytest

from hybridrd.errors import AccuracyWarning, ModelError, StepError
from hybridrd.interface import CalibratedLayer, ExactPlane, Layer, largest_alpha, layer_offset

CONTEXTS = ("mean-field", "two-way", "wall")
WHERE = "species A at interface:x+"


def numbers(scheme, D=0.5, dt=0.01, context="mean-field", spacing=0.125, depth=5.0):
    return scheme.numbers(D, dt, context, spacing, depth, WHERE)


def test_default_width_does_not_warn():
    for D, dt in np.random.default_rng(1).lognormal(-3, 2, (500, 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            numbers(Layer(), D=D, dt=dt, depth=100 * math.sqrt(D * dt))


def test_layer_warns_above_alpha_one_half():
    with pytest.warns(AccuracyWarning) as caught:
        found = numbers(Layer(width=0.08), D=0.5, dt=0.01)
    assert found.alpha == pytest.approx(0.78125)
    message = str(caught[0].message)
    assert WHERE in message
    assert "width 0.08 is below sqrt(2 D dt) = 0.1" in message
    assert "use width >= 0.1 or dt <= 0.0064" in message
    assert f"{layer_offset(0.78125):.3f} widths" in message


def test_layer_refuses_alpha_above_one():
    with pytest.raises(StepError, match=r"width 0.02 is below 0.07072") as refused:
        numbers(Layer(width=0.02), D=0.5, dt=0.01)
    assert "use width >= 0.07072 or dt <= 0.0008;" in str(refused.value)
    assert WHERE in str(refused.value)
    assert "alpha = D dt/width^2 = 12.5" in str(refused.value)


@pytest.mark.parametrize("context", CONTEXTS)
def test_calibrated_layer_refuses_where_no_rate_is_left(context):
    offset = 0.0 if context != "two-way" else 0.0625
    with pytest.raises(StepError, match=r"width 0.06 is below") as refused:
        numbers(CalibratedLayer(width=0.06), D=1.0, dt=0.01, context=context)
    most = largest_alpha(offset / 0.06)
    assert f"at most {math.floor(most * 1000) / 1000:g}" in str(refused.value)
    assert WHERE in str(refused.value)


def figures(error, name):
    """The number after ``name`` in the first remedy of a message."""
    return float(re.search(rf"use .*?{re.escape(name)} ([0-9.e+-]*[0-9])", str(error))[1])


@pytest.mark.parametrize(
    ("make", "context", "D", "dt"),
    [
        (Layer, "wall", 0.7, 0.013),
        (CalibratedLayer, "wall", 0.7, 0.013),
        (CalibratedLayer, "mean-field", 1.3, 0.0077),
        (CalibratedLayer, "two-way", 1.7, 0.031),
    ],
)
@pytest.mark.filterwarnings("ignore::hybridrd.errors.AccuracyWarning")
def test_the_figures_in_a_refusal_pass(make, context, D, dt):
    with pytest.raises(StepError) as refused:
        numbers(make(width=0.05), D=D, dt=dt, context=context)
    width, step = figures(refused.value, "width >="), figures(refused.value, "dt <=")
    numbers(make(width=width), D=D, dt=dt, context=context)
    numbers(make(width=0.05), D=D, dt=step, context=context)
    # and are not far from the bound
    with pytest.raises(StepError):
        numbers(make(width=0.998 * width), D=D, dt=dt, context=context)
    with pytest.raises(StepError):
        numbers(make(width=0.05), D=D, dt=1.002 * step, context=context)


def test_default_two_way_width_refuses_a_large_step():
    with pytest.raises(StepError, match=r"width 0.1 is below") as refused:
        numbers(CalibratedLayer(), D=1.0, dt=0.0178, context="two-way", spacing=0.1)
    assert "at most 1.775:" in str(refused.value)
    assert figures(refused.value, "dt <=") == 0.01775
    numbers(CalibratedLayer(), D=1.0, dt=0.01775, context="two-way", spacing=0.1)


@pytest.mark.parametrize("make", [Layer, CalibratedLayer])
def test_layers_do_not_overlap(make):
    with pytest.raises(StepError, match=r"0.6 is above half .* depth of 1 there.*width <= 0.5"):
        numbers(make(width=0.6), depth=1.0)
    numbers(make(width=0.5), depth=1.0)
    with pytest.raises(StepError, match=r"above half .* depth of 0.15") as refused:
        numbers(make(), D=0.5, dt=0.01, depth=0.15)
    step = figures(refused.value, "dt <=")
    assert step == pytest.approx(0.15**2 / (8 * 0.5), rel=1e-3)
    numbers(make(), D=0.5, dt=step, depth=0.15)


def test_one_cell_is_no_room_for_the_default_two_way_layer():
    with pytest.raises(StepError, match=r"width 1 is above half") as refused:
        numbers(CalibratedLayer(), context="two-way", spacing=1.0, depth=1.0)
    assert "must be two cells deep: use finer cells (cells=)" in str(refused.value)
    assert "width <=" not in str(refused.value)  # nobody chose one
    numbers(CalibratedLayer(), context="two-way", spacing=0.5, depth=1.0)


@pytest.mark.parametrize("fluctuations", [None, "gaussian"])
def test_what_is_said_of_a_region_of_one_cell_does(fluctuations):
    import hybridrd as hrd

    A = hrd.Species("A", D=0.5)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 4)), particles=hrd.Box(x=(0, 1)), cells=4,
        coupling="two-way", fluctuations=fluctuations, initial={A: 10.0},
    )  # fmt: skip
    with pytest.raises(StepError, match="use finer cells"):
        hrd.Simulation(system, dt=0.01)
    hrd.Simulation(system.replace(cells=8), dt=0.01)


def test_exact_plane_refuses_a_narrow_region():
    with pytest.raises(StepError, match=r"0.3 deep there, less than 4 sqrt\(2 D dt\) = 0.4") as no:
        numbers(ExactPlane(), D=0.5, dt=0.01, depth=0.3)
    assert figures(no.value, "dt <=") == 0.005625  # depth**2/(32 D)
    numbers(ExactPlane(), D=0.5, dt=0.005625, depth=0.3)
    numbers(ExactPlane(), D=0.5, dt=0.01, depth=0.4)


def test_exact_plane_refuses_to_exchange_more_than_a_cell_two_way():
    with pytest.raises(StepError, match=r"D dt/h\^2 = 8 .* above 2") as refused:
        numbers(ExactPlane(), D=0.5, dt=0.01, context="two-way", spacing=0.025)
    assert figures(refused.value, "dt <=") == 0.0025
    numbers(ExactPlane(), D=0.5, dt=0.0025, context="two-way", spacing=0.025)
    numbers(ExactPlane(), D=0.5, dt=0.01, context="mean-field", spacing=0.025)


@pytest.mark.parametrize("value", [0.0, -0.1, math.nan, math.inf, "0.1", True, [0.1]])
@pytest.mark.parametrize("make", [Layer, CalibratedLayer])
def test_width_must_be_a_length(make, value):
    with pytest.raises(
        ModelError, match=r"Layer: width = .*: (a number|it must be finite and) ?greater than 0"
    ):
        make(width=value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "h/2"])
def test_offset_must_be_a_length(value):
    with pytest.raises(ModelError, match=r"CalibratedLayer: offset = .*at least 0"):
        CalibratedLayer(offset=value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"D": -1.0}, "D = -1"),
        ({"D": math.nan}, "D = nan"),
        ({"dt": 0.0}, "dt = 0"),
        ({"spacing": -0.1}, "cell width = -0.1"),
        ({"depth": math.inf}, "region depth = inf"),
        ({"context": "one-way"}, "'one-way': use one of mean-field, two-way, cells, wall"),
    ],
)
@pytest.mark.parametrize("scheme", [Layer(), CalibratedLayer(), ExactPlane()], ids=repr)
def test_a_face_that_can_not_be(scheme, change, message):
    with pytest.raises(ModelError, match=message) as refused:
        numbers(scheme, **change)
    assert WHERE in str(refused.value)
