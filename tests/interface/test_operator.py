"""The one-step operators against tables, closed forms, their own limits and a slow lattice twin."""

import math

import numpy as np
import pytest
from twins.naive_interface import half_line_offset, settled_concentration

import hybridrd as hrd
from hybridrd.coupling.injection import injected_numbers
from hybridrd.errors import ModelError, StepError
from hybridrd.interface import Published, operator
from hybridrd.interface.calibration import calibrated_rate, largest_alpha, smallest_width
from hybridrd.interface.operator import (
    bridge_offset,
    crossing_offset,
    full_replacement_offset,
    layer_offset,
    steady_profile,
)
from hybridrd.interface.published import crossing_removal_ratio, rate_arrivals_ratio

CONTINUOUS = 1 / math.tanh(1) - 1  # 0.31304
ZETA_OF_HALF = -1.4603545088095868


@pytest.mark.parametrize(
    ("alpha", "delta"), [(0.1, 0.31943), (0.25, 0.33833), (0.5, 0.38539), (1.0, 0.52890)]
)
def test_offset_of_the_layer(alpha, delta):
    assert layer_offset(alpha) == pytest.approx(delta, abs=5e-6)


def test_offset_in_continuous_time():
    assert layer_offset(0.0) == pytest.approx(CONTINUOUS, rel=1e-14)
    # the deviation is of order alpha**1.5, so the change of method at 1e-4 is not seen
    deviation = [layer_offset(alpha) - CONTINUOUS for alpha in (1e-4, 1e-3, 1e-2)]
    assert 0 < deviation[0] < 3e-7
    orders = np.diff(np.log10(deviation))
    np.testing.assert_allclose(orders, 1.5, atol=0.02)


@pytest.mark.parametrize("beta", [0.3, 1.0, 1.4392, 4.0])
def test_offset_at_small_steps_for_other_rates(beta):
    root = math.sqrt(beta)
    assert layer_offset(2e-4, beta) == pytest.approx(1 / math.tanh(root) / root - 1, abs=2e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (0.5, 1.0), (0.5, 1.6512), (2.0, 1.0)])
def test_offset_against_a_lattice(alpha, beta):
    spread = math.sqrt(2 * alpha)
    twin = half_line_offset(1.0, math.exp(-alpha * beta), spread, image=1)
    assert layer_offset(alpha, beta) == pytest.approx(twin, abs=2e-6)


def test_full_replacement_against_a_lattice():
    twin = half_line_offset(1.0, 0.0, 1.0, image=1)
    assert full_replacement_offset(0.5) == pytest.approx(twin, abs=2e-6)


@pytest.mark.parametrize("alpha", [1e-3, 0.1, 2.0])
def test_more_nodes_change_nothing(alpha, monkeypatch):
    coarse = steady_profile(alpha, -math.expm1(-alpha)).offset
    monkeypatch.setattr(operator, "_NODES", 14)
    monkeypatch.setattr(operator, "_FAR", 20.0)
    assert steady_profile(alpha, -math.expm1(-alpha)).offset == pytest.approx(coarse, rel=1e-11)


@pytest.mark.parametrize("image", [1.0, 0.0])
def test_profile_is_linear_far_away(image):
    profile = steady_profile(0.5, 0.3, image)
    far = profile.depth > 12.0
    linear = profile.depth[far] + profile.offset
    np.testing.assert_allclose(profile.value[far], linear, rtol=1e-12)
    assert np.all(profile.value > 0)


def test_removal_on_crossing_and_with_the_bridge():
    assert crossing_offset() == pytest.approx(-ZETA_OF_HALF / math.sqrt(2 * math.pi), abs=1e-12)
    assert bridge_offset() == pytest.approx(0.0, abs=1e-12)
    assert half_line_offset(0.0, 1.0, 1.0, image=0) == pytest.approx(crossing_offset(), abs=2e-6)
    assert half_line_offset(0.0, 1.0, 1.0, image=-1) == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize(
    ("s", "alpha", "beta"),
    [
        (0.0, 0.01, 1.4397),
        (0.0, 0.1, 1.4548),
        (0.0, 0.25, 1.5038),
        (0.0, 0.5, 1.6512),
        (0.0, 0.75, 1.9531),
        (0.0, 1.0, 2.9409),
        (0.5, 0.01, 0.8447),
        (0.5, 0.1, 0.8488),
        (0.5, 0.25, 0.8616),
        (0.5, 0.5, 0.8961),
        (0.5, 0.75, 0.9499),
        (0.5, 1.0, 1.0324),
        (0.5, 1.5, 1.4240),
    ],
)
def test_calibrated_rate(s, alpha, beta):
    found = calibrated_rate(alpha, s)
    assert found == pytest.approx(beta, abs=6e-5)
    assert layer_offset(alpha, found) == pytest.approx(s, abs=1e-10)


@pytest.mark.parametrize(("s", "beta"), [(0.0, 1.43923), (0.5, 0.84456)])
def test_calibrated_rate_in_continuous_time(s, beta):
    assert calibrated_rate(0.0, s) == pytest.approx(beta, abs=6e-6)
    assert calibrated_rate(1e-4, s) == pytest.approx(beta, abs=6e-6)


@pytest.mark.parametrize(("s", "limit"), [(0.0, 1.0806), (0.5, 1.7755)])
def test_no_rate_above_a_largest_alpha(s, limit):
    assert largest_alpha(s) == pytest.approx(limit, abs=5e-5)
    assert full_replacement_offset(largest_alpha(s)) == pytest.approx(s, abs=1e-10)
    assert calibrated_rate(0.999 * limit, s) > calibrated_rate(0.99 * limit, s)
    with pytest.raises(StepError, match=f"{s:g} layer widths .* at most {limit}"):
        calibrated_rate(1.001 * limit, s)


@pytest.mark.parametrize("offset", [0.0, 0.05, 0.5, 4.0])
def test_smallest_width_is_the_largest_alpha(offset):
    width = smallest_width(0.3, offset)
    assert 0.3**2 / (2 * width**2) == pytest.approx(largest_alpha(offset / width), rel=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: layer_offset(-0.1),
        lambda: layer_offset(math.nan),
        lambda: layer_offset(0.1, beta=0.0),
        lambda: layer_offset(0.1, beta=math.inf),
        lambda: full_replacement_offset(1e-5),
        lambda: steady_profile(math.inf, 0.5),
        lambda: calibrated_rate(0.5, -0.1),
        lambda: largest_alpha(math.nan),
        lambda: smallest_width(0.0, 0.1),
        lambda: crossing_removal_ratio(0.0, "rate"),
        lambda: crossing_removal_ratio(0.5, "tau"),
        lambda: rate_arrivals_ratio(-1.0),
    ],
)
def test_what_can_not_be_is_refused(call):
    with pytest.raises(ModelError, match=r"it must be|use one of"):
        call()


@pytest.mark.parametrize(
    ("alpha", "arrivals", "ratio"),
    [
        (0.5, "probability", 0.9976),
        (0.5, "rate", 1.1275),
        (0.1, "probability", 0.7506),
        (0.1, "rate", 0.7695),
    ],
)
def test_published_rule(alpha, arrivals, ratio):
    assert crossing_removal_ratio(alpha, arrivals) == pytest.approx(ratio, abs=5e-5)


LEAPT = 1 - (1 - 0.25 / 5) ** 5  # what is left of a mirror layer is what did not leap
RULES = [("rate", 1, 0.25), ("probability", 1, 1 - math.exp(-0.25)), ("rate", 5, LEAPT)]


@pytest.mark.parametrize(("arrivals", "leaps", "half"), RULES)
def test_published_rule_against_a_lattice(arrivals, leaps, half):
    twin = settled_concentration((1.0, half), (1.0, half), spread=1.0, image=0)
    assert crossing_removal_ratio(0.5, arrivals, leaps) == pytest.approx(twin, abs=1e-4)


@pytest.mark.parametrize(
    ("scheme", "ratio"),
    [
        (Published("explicit"), 0.9976),
        (Published("tau", leaps=5), 1.0203),
        (Published("gillespie"), 1.1275),
    ],
    ids=repr,
)
def test_published_rule_as_it_runs(scheme, ratio):
    """4,000 steps beside a wall, 6,000 particles: the mean is good to 0.0024."""
    A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 0.15))
    system = hrd.System(
        species=[A], domain=line, particles=line, cells=6, interface=scheme,
        walls={"x+": hrd.Reservoir({A: 4e4})}, initial={A: 4e4 * ratio},
    )  # fmt: skip
    assert hrd.System.from_dict(system.to_dict()) == system
    result = hrd.Simulation(system, dt=2.5e-4, seed=3).run(until=1.0, every=0.005)
    bulk = result["concentration"].isel(time=slice(1, None), x=slice(3))
    assert float(bulk.mean()) / 4e4 == pytest.approx(ratio, abs=0.011)


def test_published_numbers_of_a_mirror_layer():
    """0.4 copies a cell: at most one enters by "explicit", with 1 - exp(-0.1)."""
    numbers = [
        scheme.numbers(0.5, 0.01, "wall", 0.1, 5.0, "A at x+")
        for scheme in (Published("explicit"), Published("gillespie"))
    ]
    contents, key = np.full(20_000, 0.4), np.uint64(7)
    few, many = (injected_numbers(contents, n, key, np.uint64(0), 1, 0) for n in numbers)
    assert few.max() == 1
    assert many.max() > 1
    assert few.mean() == pytest.approx(-math.expm1(-0.1), abs=4 * 0.0021)
    assert many.mean() == pytest.approx(0.1, abs=4 * 0.0022)
    again = injected_numbers(contents, numbers[0], key, np.uint64(0), 1, 1)
    assert abs(np.corrcoef(few, again)[0, 1]) < 4 / math.sqrt(20_000)  # the two half steps


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Published("exact"), "'exact': it is one of explicit, tau, gillespie"),
        (lambda: Published("explicit", leaps=3), "which has none"),
        (lambda: Published("tau", leaps=0), "leaps = 0"),
        (lambda: Published.from_dict({"scheme": "published"}), "rule"),
        (lambda: Published("tau").numbers(1, 0.01, "two-way", 0.1, 5.0, "A"), "mean-field"),
    ],
)
def test_published_rules_that_are_none(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_published_rules_are_for_planes():
    A, shell = hrd.Species("A", D=1.0), hrd.Shell(inner=1.0, outer=3.0)
    system = hrd.System(
        species=[A], domain=shell, particles=shell, interface=Published("tau"),
        walls={"outer": hrd.Reservoir({A: 1.0})},
    )  # fmt: skip
    with pytest.raises(ModelError, match="outer: a sphere"):
        hrd.Simulation(system, dt=1e-3)


@pytest.mark.parametrize(("alpha", "ratio"), [(0.1, 1.025), (0.5, 1.130)])
def test_exact_removal_with_arrivals_by_rate(alpha, ratio):
    assert rate_arrivals_ratio(alpha) == pytest.approx(ratio, abs=5e-4)
    half = (math.exp(-alpha / 2), alpha / 2)
    twin = settled_concentration(half, half, spread=math.sqrt(2 * alpha), image=1)
    assert rate_arrivals_ratio(alpha) == pytest.approx(twin, abs=1e-6)


def test_exact_exchange_settles_at_the_reservoir():
    # the same twin, with the rule of this package: once, before the diffusion
    q = math.exp(-0.5)
    settled = settled_concentration((q, 1 - q), (1.0, 0.0), spread=1.0, image=1)
    assert settled == pytest.approx(1.0, abs=1e-10)
