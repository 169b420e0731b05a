"""The interface schemes: their numbers, and that these keep a uniform and a linear state."""

import dataclasses
import doctest
import importlib
import json
import math
import tomllib

import numpy as np
import pytest
from scipy.integrate import quad
from twins.naive_interface import half_line_offset, step_matrix, touching, two_way_profile

from hybridrd.errors import ModelError
from hybridrd.interface import (
    SCHEMES,
    CalibratedLayer,
    ExactPlane,
    Layer,
    default_scheme,
    layer_offset,
    scheme_from_dict,
)

CONTEXTS = ("mean-field", "two-way", "wall")
WHERE = "species A at interface:x+"
EXAMPLES = [Layer(), Layer(0.2), CalibratedLayer(), CalibratedLayer(0.2, 0.05), ExactPlane()]


def numbers(scheme, D=0.5, dt=0.01, context="mean-field", spacing=0.125, depth=5.0):
    return scheme.numbers(D, dt, context, spacing, depth, WHERE)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
def test_layer_by_default_is_one_spread_wide(context):
    found = numbers(Layer(), D=0.5, dt=0.01, context=context)
    assert found.width == pytest.approx(0.1)  # sqrt(2 D dt)
    assert found.alpha == pytest.approx(0.5)
    assert found.survival == pytest.approx(math.exp(-0.5))
    assert found.offset == pytest.approx(0.038539, abs=1e-6)  # the offset at alpha = 0.5
    assert found.arrivals_per_area == pytest.approx(0.1 * (1 - math.exp(-0.5)))
    assert (found.kind, found.beta, found.stencil) == ("layer", 1, "linear")


def test_layer_with_a_width():
    found = numbers(Layer(width=0.05), D=1.0, dt=2.5e-4)
    assert found.alpha == pytest.approx(0.1)
    assert found.offset == pytest.approx(0.05 * 0.31943, abs=1e-6)


@pytest.mark.parametrize("context", ["mean-field", "wall"])
def test_calibrated_layer_has_c_R_at_the_plane(context):
    found = numbers(CalibratedLayer(), context=context)
    assert found.width == pytest.approx(0.1)
    assert found.offset == 0.0
    assert found.beta == pytest.approx(1.6512, abs=5e-5)
    assert found.survival == pytest.approx(math.exp(-0.5 * 1.651204), rel=1e-5)
    assert found.stencil == "linear"


def test_calibrated_layer_two_way_has_c_R_in_the_first_cell():
    found = numbers(CalibratedLayer(), D=1.0, dt=0.01, context="two-way", spacing=0.2)
    assert (found.width, found.offset, found.stencil) == (0.2, 0.1, "cell")
    assert found.alpha == pytest.approx(0.25)
    assert found.beta == pytest.approx(0.8616, abs=5e-5)


def test_calibrated_layer_two_way_with_another_width():
    found = numbers(CalibratedLayer(width=0.4), D=1.0, dt=0.01, context="two-way", spacing=0.2)
    assert (found.width, found.offset, found.stencil) == (0.4, 0.1, "cell")
    assert layer_offset(found.alpha, found.beta) * 0.4 == pytest.approx(0.1, abs=1e-10)


def test_calibrated_layer_with_an_offset():
    scheme = CalibratedLayer(width=0.2, offset=0.1)
    for context in CONTEXTS:
        found = numbers(scheme, D=1.0, dt=0.01, context=context)
        assert (found.offset, found.stencil) == (0.1, "linear")
        assert found.beta == pytest.approx(0.8616, abs=5e-5)


def test_exact_plane():
    found = numbers(ExactPlane(), D=2.0, dt=0.01)
    assert (found.kind, found.width, found.offset, found.survival) == ("exact", 0, 0, 1)
    assert found.arrivals_per_area == pytest.approx(2 * math.sqrt(0.02 / math.pi))
    assert (found.reactivity, found.stencil) == (math.inf, "linear")
    two_way = numbers(ExactPlane(), D=2.0, dt=1e-3, context="two-way", spacing=0.1)
    assert (two_way.reactivity, two_way.offset, two_way.stencil) == (20.0, 0.05, "cell")
    assert two_way.arrivals_per_area == pytest.approx(20.0 * 2.0 * 1e-3)


@pytest.mark.parametrize("scheme", EXAMPLES, ids=repr)
@pytest.mark.parametrize("context", CONTEXTS)
def test_no_exchange_without_diffusion(scheme, context):
    found = numbers(scheme, D=0.0, context=context)
    assert found.survival == 1.0
    assert found.arrivals_per_area == 0.0
    assert not any(math.isnan(v) for v in dataclasses.astuple(found) if isinstance(v, float))


# --- what the numbers do -------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", EXAMPLES, ids=repr)
@pytest.mark.parametrize("context", CONTEXTS)
def test_uniform_state_is_stationary(scheme, context):
    """One step of the numbers, as the kernels use them, on n = c_R over a half line."""
    face = numbers(scheme, D=0.5, dt=0.01, context=context)
    h = 0.1 / 80
    depth = h * (np.arange(2400) + 0.5)
    n = np.full(depth.size, 3.0)
    if face.kind == "layer":
        layer = depth < face.width
        per_volume = 3.0 * face.arrivals_per_area / face.width
        n = step_matrix(depth, h, face.spread, image=1) @ np.where(
            layer, face.survival * n + per_volume, n
        )
    else:
        n = step_matrix(depth, h, face.spread, -1, face.reactivity) @ n
        n += 3.0 * touching(depth, face)
        if face.reactivity == math.inf:
            arrived = quad(touching, 0, np.inf, args=(face,))[0]
            assert arrived == pytest.approx(face.arrivals_per_area)
    inside = depth < 2.0  # the lattice ends at 3
    # the midpoint rule is second order for the kernel that the open plane cuts at 0
    np.testing.assert_allclose(n[inside], 3.0, rtol=1e-12 if face.kind == "layer" else 5e-6)


@pytest.mark.parametrize("scheme", EXAMPLES, ids=repr)
@pytest.mark.parametrize("context", CONTEXTS)
def test_c_R_belongs_at_the_offset(scheme, context):
    face = numbers(scheme, D=0.5, dt=0.01, context=context)
    image = 1 if face.kind == "layer" else -1
    twin = half_line_offset(face.width, face.survival, face.spread, image, face.reactivity)
    assert face.offset == pytest.approx(twin, abs=2e-7)


@pytest.mark.parametrize("D_dt", [0.125, 0.5])
@pytest.mark.parametrize("scheme", [Layer(), CalibratedLayer(), ExactPlane()], ids=repr)
def test_no_jump_of_a_linear_profile_two_way(scheme, D_dt):
    """Particles and cells between held ends are one straight line, through the plane."""
    length, cells = 8, 6
    face = scheme.numbers(D_dt, 1.0, "two-way", 1.0, float(length), WHERE)

    def once(per_cell):
        depth, n, c = two_way_profile(face, D_dt, length, cells, per_cell)
        far = (depth > face.width + 5 * face.spread) & (depth < length - 0.1)
        return np.concatenate((c, np.polyfit(-depth[far], n[far], 1)))

    found = (4 * once(40) - once(20)) / 3
    slope = -1 / (cells + length)
    line = slope * (np.arange(cells) + 0.5 - cells)
    np.testing.assert_allclose(found, [*line, slope, -slope * cells], atol=5e-6)


# --- dictionaries --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", EXAMPLES, ids=repr)
def test_dict_round_trip(scheme):
    given = json.loads(json.dumps(scheme.to_dict()))
    assert scheme_from_dict(given) == scheme
    assert type(scheme).from_dict(given) == scheme
    assert SCHEMES[given["scheme"]] is type(scheme)


def test_toml_words():
    read = tomllib.loads('interface = { scheme = "layer", width = 0.05 }')["interface"]
    assert scheme_from_dict(read) == Layer(width=0.05)
    assert scheme_from_dict({"scheme": "exact-plane"}) == ExactPlane()
    assert scheme_from_dict({"scheme": "calibrated-layer", "width": 1}) == CalibratedLayer(1.0)
    assert Layer(width=np.float64(0.05)).to_dict() == {"scheme": "layer", "width": 0.05}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "scheme None: use .* layer, calibrated-layer, exact-plane"),
        ({"scheme": "bridge"}, "scheme 'bridge': use"),
        ({"scheme": ["layer"]}, "scheme .*: use"),
        ({"scheme": "layer", "offset": 0.1}, "'layer' has no option offset: it has width"),
        ({"scheme": "exact-plane", "width": 0.1}, "no option width: it has none"),
        ({"scheme": "layer", "width": "wide"}, "Layer: width = 'wide'"),
    ],
)
def test_dicts_that_are_no_scheme(given, message):
    with pytest.raises(ModelError, match=message):
        scheme_from_dict(given)


def test_another_schemes_dict():
    with pytest.raises(ModelError, match="'layer' given to ExactPlane"):
        ExactPlane.from_dict({"scheme": "layer"})


def test_schemes_are_values():
    assert Layer(0.1) == Layer(width=0.1) != CalibratedLayer(0.1)
    assert len({Layer(), Layer(), Layer(0.1)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Layer().width = 0.1


def test_defaults():
    assert default_scheme("mean-field") == Layer()
    assert default_scheme("wall") == default_scheme("two-way") == CalibratedLayer()
    with pytest.raises(ModelError, match="use one of"):
        default_scheme("open")


# --- examples in docstrings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", ".base", ".calibrated", ".calibration", ".delta", ".exact", ".layer", ".operator"]
    + [".published"],
)
def test_docstring_examples(name):
    module = importlib.import_module("hybridrd.interface" + name)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
