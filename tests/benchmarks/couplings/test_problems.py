"""Closed forms of the problems against FiPy, and measures of samples whose moments are known."""

from dataclasses import replace

import numpy as np
import pytest

import hybridrd as hrd
from tests.benchmarks.couplings import facts, runs
from tests.benchmarks.couplings.claims import Claim
from tests.benchmarks.couplings.ghost_cell import GhostCell
from tests.benchmarks.couplings.line import mass_action, react_pairs
from tests.benchmarks.couplings.measures import Cell, Figure, cost, measures, right_of
from tests.benchmarks.couplings.own import Own, own, rules
from tests.benchmarks.couplings.problems import (
    ANNIHILATION,
    CELLS,
    MORPHOGEN,
    ONE_SIDED,
    RADIUS,
    RESERVOIR,
    UNIFORM,
    H,
)  # fmt: skip
from tests.benchmarks.couplings.scheme import Outcome, Scheme


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
    found = measures(contents, contents.sum(axis=3), ONE_SIDED, right)
    assert found.pop("mass error").value == 0
    for name, figure in found.items():
        expected = 1.0 if name.startswith("variance") else 0.0
        assert 0 < figure.error < 0.5
        assert abs(figure.value - expected) < 4.5 * figure.error, name
    half = right.mean.mean() + 0.5 * contents
    halved = measures(half, half.sum(axis=3), ONE_SIDED, right)
    assert halved["variance, region"].value == pytest.approx(0.25, abs=0.01)


def test_errors_hold_those_of_the_reference():
    """100 replicas of 50 +- 5 copies of 100: 1 % in the mean, 14 % in the variance."""
    reference, many = sampled(UNIFORM, 100), sampled(UNIFORM)
    no_form = replace(UNIFORM, exact=None, variance="sampled", closed=0, until=0.5)
    cut = slice(None, no_form.times.size)
    right = right_of(no_form, reference[:, cut], one_way=False)
    found = measures(many[:, cut], many.sum(axis=3)[:, cut], no_form, right)
    assert found["region, %"].error == pytest.approx(1.0, rel=0.2)
    assert found["variance, region"].error == pytest.approx(0.14, rel=0.3)
    assert abs(found["region, %"].value) < 4.5 * found["region, %"].error


class Sampled(Scheme):
    """A scheme that is right, and counts its runs."""

    name = "particles alone"
    runs = 0

    def refuses(self, problem, dt):
        """See `Scheme`."""

    def run(self, problem, dt, replicas, seed):  # noqa: ARG002
        """See `Scheme`."""
        self.runs += 1
        contents = sampled(problem, replicas)
        return Outcome(contents, contents.sum(axis=3), 0.5 + 0.125 * replicas)


@pytest.mark.parametrize(("left", "mean"), [(0, 1.25), (1, 1.875)])
def test_each_pair_is_tried_once(left, mean):
    """Three particles in reach, p = 1/2: pairs (1, 0), (2, 0), (2, 1), until partners are gone."""
    rng, numbers = np.random.default_rng(3), []
    for _ in range(4000):
        x, n = np.zeros((1, 4)), np.array([3])
        react_pairs.py_func(x, n, 0, 0, 0.5, left, RADIUS, rng)
        numbers.append(n[0])
    assert abs(np.mean(numbers) - mean) < 4.5 * np.std(numbers) / len(numbers) ** 0.5


@pytest.mark.parametrize(("a", "b", "pairs"), [(3, 2, 6), (-3, 2, 0), (3, -2, 0), (-3, -2, 0)])
def test_negative_contents_take_no_part_in_pairs(a, b, pairs):
    """Two of them would feed each other without bound; decay acts on debts as on contents."""
    line = GhostCell().line(ANNIHILATION, H**2)._replace(death=np.array([1.0, 0.0]))
    found = np.zeros(2)
    mass_action.py_func(np.array([a, b], float), line, found)
    np.testing.assert_allclose(found, [-a - 5.0 / H * pairs, -5.0 / H * pairs])


def test_a_kept_turn_is_not_run_again(tmp_path, monkeypatch):
    """Costs leave out what a run costs before its first replica."""
    scheme, plan = Sampled(), runs.Plan((H**2,), 2, 1.0, 3, 50, 1, 1)
    monkeypatch.setattr(runs, "runners", lambda *_: [scheme])
    runs.run_turn(tmp_path, "uniform", H**2, 0, plan)
    first = scheme.runs
    runs.run_turn(tmp_path, "uniform", H**2, 0, plan)
    assert scheme.runs == first
    runs.run_turn(tmp_path, "uniform", H**2, 1, plan)
    both = runs.kept(tmp_path, UNIFORM, H**2, scheme.name, plan)
    assert len(both.contents) == len(both.total) == 16  # twice 1 s of 0.125 s
    assert both.seconds == pytest.approx(0.125)


def test_faults_are_named():
    """A claim that did not come out, lost mass, a gross bias; and none where all is right."""

    def cell(bias, mass):
        values = {"region, %": Figure(bias, 1.0), "mass error": Figure(mass, 0.0)}
        return {H**2: Cell(values, 1.0, 1.0, 1.0, 3)}

    good = {"uniform": {"ghost cell": cell(20.0, 0.0), "calibrated layer, PDE": cell(3.0, 1e-9)}}
    held = Claim("ghost cell", "", "bias", -1.0, 1.0, Figure(1.4, 0.1))
    assert facts.failures(good, [held]) == []
    bad = {"uniform": {"ghost cell": cell(0.0, 0.1), "calibrated layer, PDE": cell(16.0, 0.0)}}
    missed = held._replace(found=Figure(1.5, 0.1))
    assert len(facts.failures(bad, [missed])) == 3


def test_delay_of_a_late_region():
    exact = ONE_SIDED.exact(ONE_SIDED.times + 1e-9)
    late = ONE_SIDED.exact(np.maximum(ONE_SIDED.times - 0.1 * H**2, 0))
    noise = np.random.default_rng(2).normal(0, 1e-3, (5, 1, 1))
    right = right_of(ONE_SIDED, None, one_way=False)
    for contents, lag in ((exact, 0.0), (late, 0.1)):
        seen = (contents + noise)[:, :, None]
        found = measures(seen, seen.sum(axis=3), ONE_SIDED, right)["delay, h²/D"]
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
