"""Closed forms of the problems against FiPy, and measures of samples whose moments are known."""

from dataclasses import replace

import numpy as np
import pytest

import hybridrd as hrd
from tests.benchmarks.couplings.measures import Figure, cost, measures, right_of
from tests.benchmarks.couplings.own import Own, own, rules
from tests.benchmarks.couplings.problems import CELLS, MORPHOGEN, ONE_SIDED, RESERVOIR, UNIFORM, H


@pytest.mark.parametrize("problem", [ONE_SIDED, MORPHOGEN, RESERVOIR], ids=lambda p: p.name)
def test_closed_form(problem):
    """Cells of h/5 and steps of 2e-4: within 0.5 % of the largest content."""
    fine = problem.system(particles=None).replace(cells=5 * CELLS)
    pde = hrd.PDE(fine, dt=2e-4).run(problem.until, every=problem.every, progress=False)
    found = pde["concentration"].sel(species="A").values.reshape(-1, CELLS, 5).mean(axis=2) * H
    exact = problem.exact(problem.times)[problem.compared]
    np.testing.assert_allclose(found[problem.compared], exact, atol=5e-3 * exact.max())


def sampled(problem, replicas=4000):
    """Independent multinomial contents of all records, 100 copies."""
    rng = np.random.default_rng(1)
    mean = problem.exact(problem.times) / 100
    rows = [rng.multinomial(100, row, size=replicas) for row in mean / mean.sum(1)[:, None]]
    return np.stack(rows, axis=1)[:, :, None, :].astype(float)


def test_measures_of_multinomial_contents():
    contents = sampled(ONE_SIDED)
    right = right_of(ONE_SIDED, None, one_way=False)
    found = measures(contents, ONE_SIDED, right)
    assert found.pop("mass error").value == 0
    for name, figure in found.items():
        expected = 1.0 if name.startswith("variance") else 0.0
        assert 0 < figure.error < 0.5
        assert abs(figure.value - expected) < 4.5 * figure.error, name
    halved = measures(right.mean.mean() + 0.5 * contents, ONE_SIDED, right)
    assert halved["variance, region"].value == pytest.approx(0.25, abs=0.01)


def test_delay_of_a_late_region():
    exact = ONE_SIDED.exact(ONE_SIDED.times + 1e-9)
    late = ONE_SIDED.exact(np.maximum(ONE_SIDED.times - 0.1 * H**2, 0))
    noise = np.random.default_rng(2).normal(0, 1e-3, (5, 1, 1))
    right = right_of(ONE_SIDED, None, one_way=False)
    for contents, lag in ((exact, 0.0), (late, 0.1)):
        found = measures((contents + noise)[:, :, None], ONE_SIDED, right)["delay, h²/D"]
        assert found.value == pytest.approx(lag, abs=0.01)


def test_cost_of_a_bound():
    """A spread of 10 % and no bias: 25 replicas for 2 %; with a bias of 1.6 %, 25/0.36."""
    contents = sampled(UNIFORM, 20_000)
    at_once = replace(UNIFORM, until=0.5)  # one record is compared: 50 copies of 100, +- 5
    cut = contents[:, : at_once.times.size]
    assert cost(0.1, cut, at_once, Figure(0.0, 0.1), 2.0) == pytest.approx(2.5, rel=0.05)
    assert cost(0.1, cut, at_once, Figure(1.6, 0.0), 2.0) == pytest.approx(2.5 / 0.36, rel=0.05)
    assert cost(0.1, cut, at_once, Figure(2.1, 0.0), 2.0) == np.inf


def test_schemes_have_names_and_reasons():
    names = [scheme.name for scheme in [*rules(), *own()]]
    assert len(set(names)) == len(names)
    noisy = Own("layer, discrete", interface=hrd.Layer(), fluctuations="discrete")
    assert "CalibratedLayer" in noisy.refuses(UNIFORM, 2.5e-3)
    assert own()[0].refuses(UNIFORM, 2.5e-3) is None
