"""The master equation at rest, its initial states, and what it refuses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hybridrd as hrd
from hybridrd.errors import AccuracyWarning, CapacityError, ModelError, StepError
from hybridrd.theory import cdme
from hybridrd.theory.cdme import generator
from hybridrd.theory.cdme.initial import initial_probabilities
from hybridrd.theory.cdme.states import Occupations, States

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)


def line(species=(A,), length=1.5, **options):
    return hrd.System(species=list(species), domain=hrd.Box(x=(0, length)), **options)


def poisson(mean, most):
    return stats.poisson.pmf(np.arange(most + 1), mean)


def test_steady_state_is_the_end_of_a_long_run():
    system = line(
        [A, B],
        reactions=[
            hrd.Reaction("0 -> A", k=0.8),
            hrd.Reaction("2 A -> B", lambda0=3.0, radius=0.5),
            hrd.Reaction("B -> 0", k=1.0),
        ],
        walls={"x+": hrd.Reservoir({A: 0.4})},
    )
    cut = {A: 8, "B": 6}
    rest = cdme.steady_state(system, 2, cut, tolerance=1e-3)  # 1260 states: by iteration
    truth = cdme.solve(system, 2, cut, until=20.0, every=20.0, tolerance=0.01).isel(time=-1)
    bound = 3 * float(truth["lost"])
    assert bound < 5e-4
    for name in ("copy_number_probability", "concentration", "rho_0"):
        assert_allclose(rest[name], truth[name], atol=bound)
    assert_allclose(rest["copy_number_probability"].sum("n"), 1, rtol=1e-13)


def test_steady_state_of_a_birth_death_chain():
    """2 A -> A and A -> 2 A with immigration, one voxel: detailed balance level by level."""
    birth, death, feed, length = 2.0, 0.7, 0.3, 1.5
    reach = 2 / 3 * 1.0 - 1 / 9  # radius 0.5
    system = line(
        reactions=[
            hrd.Reaction("0 -> A", k=feed / length),
            hrd.Reaction("A -> 2 A", k=birth),
            hrd.Reaction("2 A -> A", lambda0=death, radius=0.5),
            hrd.Reaction("A -> 0", k=0.1),
        ]
    )
    n = np.arange(300)
    up = feed + birth * n
    down = 0.1 * n + death * reach * n * (n - 1) / 2
    p = np.cumprod(np.concatenate([[1.0], up[:-1] / down[1:]]))
    rest = cdme.steady_state(system, voxels=1, max_copies=299)
    assert_allclose(rest["copy_number_probability"][0], p / p.sum(), atol=1e-10)


# Initial states


def test_initial_states_are_independent_sums():
    parts = [0.4, hrd.Copies(3, x=(0.25, 1.0)), hrd.Points([1.4, 0.2]), hrd.Patch(1.0, x=(1, 1.5))]
    system = line([A, B], initial={A: parts, B: 0.3})
    voxels = cdme.voxel_model(system, 3).voxels
    space = States((Occupations(3, 9), Occupations(3, 5)))
    p = initial_probabilities(system, voxels, space)
    whole = p[:-1].reshape(space.shape)
    mean = np.array([0.2, 0.2, 0.7])
    chance = np.array([1 / 3, 2 / 3, 0])
    own = space.species[0]
    rng = np.random.default_rng(2)
    for state in rng.choice(own.count, 25, replace=False):
        n = own.table[state] - [1, 0, 1]
        expected = sum(
            stats.multinomial.pmf([k, 3 - k, 0], 3, chance)
            * stats.poisson.pmf(n - [k, 3 - k, 0], mean).prod()
            for k in range(4)
        )
        assert_allclose(whole[state].sum(), expected * stats.poisson.cdf(5, 0.45), atol=1e-15)
    assert_allclose(p[-1], 1 - stats.poisson.cdf(4, 1.1) * stats.poisson.cdf(5, 0.45), rtol=1e-8)


def test_initial_array_on_other_cells_is_rebinned():
    values = np.array([0.3, 0.0, 0.6, 0.1, 0.2])
    system = line(cells=5, initial={A: values})
    truth = cdme.solve(system, voxels=2, max_copies=9, until=0.0)
    expected = [(0.3 + 0.3) * 0.3 / 0.75, (0.3 + 0.3) * 0.3 / 0.75]
    assert_allclose(truth["concentration"][0, 0], expected, rtol=1e-6)


# What cannot be, and what costs accuracy


def test_lost_probability_is_warned_about_and_refused():
    growing = line(reactions=[hrd.Reaction("0 -> A", k=2.0)])
    with pytest.warns(AccuracyWarning, match=r"lost at the cut-off.*max_copies is 4 of A"):
        truth = cdme.solve(growing, voxels=1, max_copies=4, until=0.5, every=0.5)
    assert_allclose(truth["lost"][-1], stats.poisson.sf(4, 1.5), rtol=1e-9)
    with pytest.raises(StepError, match=r"0\.\d+ of the probability is beyond"):
        cdme.solve(growing, voxels=1, max_copies=4, until=5.0, every=0.5)
    with pytest.raises(StepError, match="max_copies is 2 of A"):
        cdme.solve(line(initial={A: hrd.Copies(3)}), voxels=2, max_copies=2, until=1.0)
    with pytest.raises(StepError, match="at the cut-off"):
        cdme.steady_state(growing, voxels=1, max_copies=4)
    fed = line(reactions=[hrd.Reaction("0 -> A", k=2.0), hrd.Reaction("A -> 0", k=1.0)])
    with pytest.warns(AccuracyWarning, match="max_copies = 5 of A"):
        rest = cdme.steady_state(fed, voxels=1, max_copies=5)
    erlang = poisson(3.0, 5)
    assert_allclose(rest["copy_number_probability"][0], erlang / erlang.sum(), rtol=1e-12)


def test_no_steady_state_without_a_single_end():
    with pytest.raises(ModelError, match=r"4 sets of states .*one has 0 A; one 1 A"):
        cdme.steady_state(line(), voxels=2, max_copies=3)
    pairs = line(reactions=[hrd.Reaction("2 A -> 0", lambda0=1.0, radius=0.7)])
    with pytest.raises(ModelError, match="2 sets of states"):
        cdme.steady_state(pairs, voxels=2, max_copies=3)
    dying = cdme.steady_state(line(reactions=[hrd.Reaction("A -> 0", k=1.0)]), 2, 3)
    assert_allclose(dying["rho_0"], 1)


def test_rates_in_time_have_no_steady_state():
    late = hrd.Reaction("0 -> A", k=lambda t: 1 + t)
    with pytest.raises(ModelError, match="depends on t"):
        cdme.steady_state(line(reactions=[late]), voxels=1, max_copies=3)


def test_refusals():
    for arguments, error, message in (
        ({"max_copies": {"B": 3}}, ModelError, "max_copies names B"),
        ({"max_copies": 2.5}, ModelError, "max_copies = 2.5"),
        ({"max_copies": {A: -1}}, ModelError, "max_copies of A"),
        ({"until": -1.0}, ModelError, "until = -1"),
        ({"every": 0.0}, ModelError, "every = 0"),
        ({"every": 1e-9}, ModelError, "records"),
        ({"max_copies": 200, "voxels": 200}, CapacityError, "max_memory = 4 GB"),
    ):
        with pytest.raises(error, match=message):
            cdme.solve(line(), **{"voxels": 2, "max_copies": 3, "until": 1.0, **arguments})


def test_a_long_solution_says_so_before(monkeypatch):
    monkeypatch.setattr(generator, "LONG", 0.0)
    system = line(reactions=[hrd.Reaction("0 -> A", k=1.0)])
    with pytest.warns(UserWarning, match="states") as said:
        truth = cdme.solve(system, voxels=2, max_copies=9, until=0.5)
    texts = [str(warning.message) for warning in said]
    assert len(texts) == 2
    assert all(f"{truth.attrs['states']:,} states" in text for text in texts)
    # In either voxel a birth may leave all 55 states, and a jump the 45 with a copy there.
    assert "200 transitions" in texts[0]
    assert "GB" in texts[0]
    assert f"{truth.attrs['nonzeros']:,} entries" in texts[1]
    assert {warning.filename for warning in said} == {__file__}
