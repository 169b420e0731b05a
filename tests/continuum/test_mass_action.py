"""Mass action against closed forms, conserved combinations and a slow integrator."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import hybridrd as hrd
from hybridrd.continuum.mass_action import MassAction
from hybridrd.errors import ModelError, StepError

C0 = np.array([0.0, 1e-9, 0.3, 2.0, 7000.0])


def one(reactants: list[int], products: list[int]) -> MassAction:
    return MassAction(np.array([reactants]), np.array([products]))


def close(found, expected, rtol=1e-7):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-300)


# Without second order the result is exact; a rate given per cell forces the integrator, whose
# error is below 1e-7 per time constant.
@pytest.mark.parametrize(("per_cell", "rtol"), [(False, 1e-13), (True, 1e-7)])
@pytest.mark.parametrize("tau", [0.0, 1e-3, 0.7, 5.0])
class TestLinear:
    def k(self, value, per_cell):
        return np.full((1, 5), value) if per_cell else np.array([value])

    def test_decay(self, per_cell, rtol, tau):
        c = one([1], [0]).step(C0[None], self.k(1.3, per_cell), tau)
        close(c[0], C0 * np.exp(-1.3 * tau), rtol * (1 + 1.3 * tau))

    def test_birth(self, per_cell, rtol, tau):
        c = one([1], [2]).step(C0[None], self.k(1.3, per_cell), tau)
        close(c[0], C0 * np.exp(1.3 * tau), rtol * (1 + 1.3 * tau))

    def test_creation(self, per_cell, rtol, tau):
        c = one([0], [1]).step(C0[None], self.k(1.3, per_cell), tau)
        close(c[0], C0 + 1.3 * tau, max(rtol / 1e3, 1e-14))

    def test_a_chain_of_three(self, per_cell, rtol, tau):
        """A -> B -> C, with B at its closed form and nothing lost."""
        chain = MassAction([[1, 0, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1]])
        start = np.stack([C0, 0 * C0, 0 * C0])
        k = np.array([[2.0], [0.5]]) * np.ones(5) if per_cell else np.array([2.0, 0.5])
        a, b, c = chain.step(start, k, tau)
        close(
            b, C0 * 2.0 / (0.5 - 2.0) * (np.exp(-2.0 * tau) - np.exp(-0.5 * tau)), rtol * (2 + tau)
        )
        close(a + b + c, C0, 1e-13)


@pytest.mark.parametrize("tau", [1e-5, 1e-2, 1.0, 100.0, 1e6])
class TestPairs:
    def test_annihilation(self, tau):
        c = one([2], [0]).step(C0[None], [0.4], tau)
        close(c[0], C0 / (1 + 0.4 * C0 * tau))

    def test_coagulation(self, tau):
        """A + A -> A loses half as many."""
        c = one([2], [1]).step(C0[None], [0.4], tau)
        close(c[0], C0 / (1 + 0.2 * C0 * tau))

    def test_pairs_to_a_product(self, tau):
        a, c = one([2, 0], [0, 1]).step(np.stack([C0, 0 * C0]), [0.4], tau)
        close(a, C0 / (1 + 0.4 * C0 * tau))
        close(a + 2 * c, C0, 1e-12)

    def test_unlike_pairs_from_equal_amounts(self, tau):
        a, b = one([1, 1], [0, 0]).step(np.stack([C0, C0]), [0.4], tau)
        np.testing.assert_allclose(a, C0 / (1 + 0.4 * C0 * tau), rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=7e-11)

    def test_unlike_pairs_from_unequal_amounts(self, tau):
        a0, b0, k = C0, 3.0, 0.4
        a, b = one([1, 1], [0, 0]).step(np.stack([a0, np.full(5, b0)]), [k], tau)
        decay = np.exp(-k * np.abs(a0 - b0) * tau)
        more, less = np.maximum(a0, b0), np.minimum(a0, b0)
        rest = less * (more - less) * decay / (more - less * decay)
        # over many time constants the error per time constant adds up in what is left
        np.testing.assert_allclose(np.minimum(a, b), rest, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(a - b, a0 - b0, rtol=1e-12, atol=1e-12)

    def test_infection(self, tau):
        """S + I -> 2 I is logistic, S + I is constant."""
        total, i0, k = 8.0, 0.01, 0.4
        start = np.array([[total - i0], [i0]])
        s, i = one([1, 1], [0, 2]).step(start, [k], tau)
        left = (total - i0) * np.exp(-k * total * tau)
        close(i, total * i0 / (i0 + left), 1e-6)
        np.testing.assert_allclose(s, total * left / (i0 + left), rtol=1e-6, atol=1e-12)
        close(s + i, total, 1e-12)


def test_creation_against_annihilation():
    """0 -> A, A + A -> 0 from nothing: c = sqrt(k0/k) tanh(sqrt(k0 k) t)."""
    both = MassAction([[0], [2]], [[1], [0]])
    for t in (1e-3, 0.1, 1.0, 10.0, 1e7):
        c = both.step(np.zeros((1, 3)), [5.0, 0.2], t)
        close(c, np.sqrt(5.0 / 0.2) * np.tanh(np.sqrt(5.0 * 0.2) * t))


@pytest.mark.parametrize("tau", [1e-3, 1.0, 1e4])
def test_three_and_more_of_one_species(tau):
    """``m A -> n A`` loses (m - n) k c^m, like reactants or not: no 1/m! from order three on."""
    for m, n in ((3, 0), (3, 2), (5, 1)):
        c = one([m], [n]).step(C0[None], [0.4], tau)
        lost = (m - 1) * (m - n) * 0.4 * tau
        close(c[0], C0 * (1 + lost * C0 ** (m - 1)) ** (-1 / (m - 1)))


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize("k", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("tau", [0.1, 10.0])
def test_brusselator(k, tau):
    """From a start without U, too, whose growth begins with the third power of time."""
    network = MassAction([[0, 0], [1, 0], [2, 1], [1, 0]], [[1, 0], [0, 1], [3, 0], [0, 0]])
    start = np.array([[0.0, 1.0, 3.0], [1.0, 3.1, 0.2]])
    found = network.step(start, [1.0, 3.0, k, 1.0], tau)
    for cell in range(3):

        def slope(_, y):
            return [1 - 4 * y[0] + k * y[0] ** 2 * y[1], 3 * y[0] - k * y[0] ** 2 * y[1]]

        truth = solve_ivp(slope, (0, tau), start[:, cell], "Radau", rtol=1e-11, atol=1e-14)
        close(found[:, cell], truth.y[:, -1], 1e-6)


def lotka_volterra() -> MassAction:
    return MassAction([[1, 0], [1, 1], [0, 1]], [[2, 0], [0, 2], [0, 0]])


def test_against_a_slow_integrator():
    """Lotka-Volterra, with its own rates in every cell, against scipy's DOP853."""
    rng = np.random.default_rng(3)
    c0 = rng.uniform(0.1, 30.0, (2, 300))
    k = np.array([[1.5], [0.1], [3.0]]) * rng.uniform(0.5, 1.5, (3, 300))
    found = lotka_volterra().step(c0, k, 1.5)
    for cell in (0, 127, 128, 299):
        a, b, d = k[:, cell]

        def slope(_, y, a=a, b=b, d=d):
            return [a * y[0] - b * y[0] * y[1], b * y[0] * y[1] - d * y[1]]

        truth = solve_ivp(slope, (0, 1.5), c0[:, cell], method="DOP853", rtol=1e-12, atol=1e-14)
        close(found[:, cell], truth.y[:, -1], 1e-6)


def test_the_invariant_of_lotka_volterra_over_many_steps():
    lv, k = lotka_volterra(), np.array([1.5, 0.1, 3.0])

    def invariant(c):
        return k[1] * (c[0] + c[1]) - k[2] * np.log(c[0]) - k[0] * np.log(c[1])

    c = np.array([[10.0, 25.0], [5.0, 14.0]])
    start = invariant(c)
    for _ in range(1000):
        c = lv.step(c, k, 0.02)
    close(invariant(c), start, 1e-6)


def test_one_long_step_is_many_short_ones():
    sir = MassAction([[1, 1, 0], [0, 1, 0]], [[0, 2, 0], [0, 0, 1]])
    c = np.array([[7000.0, 3.0], [50.0, 1e-8], [0.0, 0.0]])
    long = sir.step(c, [0.015, 0.5], 2.0)
    short = c.copy()
    for _ in range(4000):
        sir.step(short, [0.015, 0.5], 5e-4, out=short)
    np.testing.assert_allclose(long, short, rtol=1e-6, atol=1e-20)
    close(long.sum(axis=0), c.sum(axis=0), 1e-12)


NETWORKS = {
    "SIR": ([[1, 1, 0], [0, 1, 0]], [[0, 2, 0], [0, 0, 1]], [[1, 1, 1]]),
    "binding": ([[1, 1, 0], [0, 0, 1]], [[0, 0, 1], [1, 1, 0]], [[1, 0, 1], [0, 1, 1]]),
    "dimers": ([[2, 0, 0], [0, 1, 0], [1, 1, 0]], [[0, 1, 0], [2, 0, 0], [0, 0, 1]], [[1, 2, 3]]),
    "three": ([[2, 1, 0], [3, 0, 0], [1, 1, 1]], [[3, 0, 0], [2, 1, 0], [0, 0, 3]], [[1, 1, 1]]),
    "open": (
        [[0, 0, 0], [2, 0, 0], [1, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 0]],
        [],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=25, deadline=None)
@given(
    c=st.lists(st.floats(0, 1e3), min_size=6, max_size=6),
    k=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    tau=st.sampled_from([1e-6, 1e-3, 0.1, 1.0]),
)
def test_positive_and_conservative_for_any_step(name, c, k, tau):
    taken, made, kept = NETWORKS[name]
    start = np.array(c).reshape(3, 2)
    # the growth of "open" is linear: C doubles A and B, which are made at a constant rate
    end = MassAction(taken, made).step(start, k[: len(taken)], tau)
    assert end.min() >= 0.0
    for weights in kept:
        np.testing.assert_allclose(weights @ end, weights @ start, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("tau", [1e3, 1e9])
def test_positive_at_an_enormous_step(tau):
    """Binding comes to rest where k_on A B = k_off C, from any start."""
    binding = MassAction([[1, 1, 0], [0, 0, 1]], [[0, 0, 1], [1, 1, 0]])
    end = binding.step(np.array([[9000.0, 1.0], [4000.0, 2.0], [0.0, 5.0]]), [0.3, 40.0], tau)
    assert end.min() >= 0.0
    close(0.3 * end[0] * end[1], 40.0 * end[2], 1e-9)
    decay = one([1, 1], [0, 1]).step(np.array([[5.0], [2.0]]), [1.0], tau)
    assert decay[0, 0] <= 1e-7 * 5.0  # of what it started from
    assert decay[1, 0] == 2.0


def test_a_stiff_dimer():
    """``2 A <-> B``: with T = A + 2 B, ``a' = -k a² + k_b (T - a)``, a Riccati equation."""
    dimer = MassAction([[2, 0], [0, 1]], [[0, 1], [2, 0]])
    c0 = np.array([[0.0, 3.0, 5e3, 1e-6, 2.0], [7.0, 0.0, 1e-3, 1.0, 2.0]])
    total = c0[0] + 2 * c0[1]
    for k, back in [(1.0, 1e3), (1e4, 1e6), (5.0, 1e9), (1e8, 1e2)]:
        # roots of -k a² - back a + back T, the smaller one without cancellation
        w = np.sqrt(back**2 + 4 * k * back * total)
        high, low = 2 * back * total / (back + w), -(back + w) / (2 * k)
        for tau in (1e-4, 0.02, 5.0):
            ratio = (c0[0] - high) / (c0[0] - low) * np.exp(-w * tau)
            exact = high + ratio / (1 - ratio) * (high - low)
            a, b = dimer.step(c0, [k, back], tau)
            np.testing.assert_allclose(a, exact, rtol=2e-6, atol=1e-6)
            np.testing.assert_allclose(a + 2 * b, total, rtol=1e-13)
            assert min(a.min(), b.min()) >= 0


def test_robertson():
    """The classical stiff set; reference to ten digits from Hairer and Wanner, vol. II."""
    network = MassAction([[1, 0, 0], [0, 2, 0], [0, 1, 1]], [[0, 1, 0], [0, 1, 1], [1, 0, 1]])
    c = np.array([[1.0], [0.0], [0.0]])
    for _ in range(4):
        c = network.step(c, [0.04, 6e7, 1e4], 10.0)
    close(c[:, 0], [0.7158270688, 9.185534765e-6, 0.2841637457], 1e-6)
    assert abs(c.sum() - 1) < 1e-14


def test_a_long_chain_stays_positive():
    """From one end only: what an order above one makes negative in the species far down."""
    n = 12
    chain = MassAction(np.eye(n - 1, n, dtype=int), np.eye(n - 1, n, 1, dtype=int))
    c = np.zeros((n, 3))
    c[0] = 1.0
    rates = np.array([1e4, 3.0, 1e6, 2e3, 5.0, 1e5, 1e2, 1e7, 10.0, 1e3, 1e4])
    for tau in (1e-7, 1e-3, 1.0):
        end = chain.step(c, np.repeat(rates[:, None], 3, axis=1), tau)  # not by the exponential
        assert end.min() >= 0.0
        np.testing.assert_allclose(end.sum(axis=0), 1.0, rtol=1e-14)
        np.testing.assert_allclose(end, chain.step(c, rates, tau), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=25, deadline=None)
@given(
    c=st.lists(st.floats(0, 1e3), min_size=6, max_size=6),
    k=st.lists(st.floats(-6, 8), min_size=4, max_size=4),
    tau=st.sampled_from([1e-3, 0.1, 10.0]),
)
def test_stiff_networks_stay_positive_and_conserve(name, c, k, tau):
    taken, made, kept = NETWORKS[name]
    start = np.array(c).reshape(3, 2)
    rates = 10.0 ** np.array(k[: len(taken)])
    if name == "open":  # whose C grows, doubling A and B
        rates[0] = min(rates[0], 1.0)
    end = MassAction(taken, made).step(start, rates, tau)
    assert end.min() >= 0.0
    for weights in kept:
        np.testing.assert_allclose(weights @ end, weights @ start, rtol=1e-12, atol=1e-12)


def test_the_effort_does_not_grow_with_the_fastest_rate():
    """A million cells' worth of steps in a second or so; explicit ones would take minutes."""
    dimer = MassAction([[2, 0], [0, 1]], [[0, 1], [2, 0]])
    c = np.random.default_rng(1).uniform(0.5, 1.5, (2, 32))
    dimer.step(c, [1.0, 1e3], 0.1)
    for back in (1e3, 1e6, 1e12):
        begin = time.perf_counter()
        end = c
        for _ in range(100):
            end = dimer.step(end, [1.0, back], 0.1)
        assert time.perf_counter() - begin < 10.0
        close(end[0] ** 2 / 2, back * end[1], 1e-6)


def test_the_result_may_replace_the_input():
    pair = one([2], [0])
    c = np.random.default_rng(0).uniform(0, 1, (1, 1000))
    expected = pair.step(c, [1.0], 0.5)
    assert pair.step(c, [1.0], 0.5, out=c) is c
    assert (c == expected).all()
    decay = one([1], [0])
    expected = decay.step(c, [1.0], 0.5)
    decay.step(c, [1.0], 0.5, out=c)
    assert (c == expected).all()


@pytest.mark.parametrize("n", [128, 129, 256, 300, 1000])
@pytest.mark.parametrize("spread", [0, 1, 3], ids=lambda s: f"1e{s}")
def test_a_cell_does_not_depend_on_cells_far_away(n, spread):
    """Calm cells take their step with their neighbours, others with fewer: to the same bits."""
    c = 10.0 ** np.random.default_rng(n).uniform(-spread, spread, (3, n))
    c[:, :140] *= 1e-3
    k = np.array([0.05, 0.3, 0.02, 0.1])
    network = MassAction(
        [[1, 1, 0], [0, 1, 0], [0, 2, 0], [1, 0, 1]], np.eye(4, 3, k=-1, dtype=int)
    )
    together = network.step(c, k, 0.02)
    for lo in range(0, n, 128):
        alone = network.step(c[:, lo : lo + 128], k, 0.02)
        np.testing.assert_array_equal(together[:, lo : lo + 128], alone)


def test_empty_cells_and_no_reactions():
    pair = one([1, 1], [0, 2])
    c = np.zeros((2, 300))
    c[0, 5] = 3.0
    assert (pair.step(c, [1.0], 10.0) == c).all()
    nothing = MassAction(np.zeros((0, 2), dtype=int), np.zeros((0, 2), dtype=int))
    assert (nothing.step(c, [], 1.0) == c).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: one([1], [-1]), ModelError, "negative number"),
        (lambda: MassAction([[1]], [[1, 0]]), ModelError, "must both be"),
        (lambda: one([1], [0]).step(np.ones((2, 3)), [1.0], 1.0), ModelError, r"not \(1, cells\)"),
        (lambda: one([1], [0]).step(np.ones((1, 3)), [1.0, 2.0], 1.0), ModelError, "rates have"),
        (lambda: one([1], [0]).step(np.ones((1, 3)), [-1.0], 1.0), ModelError, "rates lie between"),
        (lambda: one([1], [0]).step(np.ones((1, 3)), [1.0], -1.0), ModelError, "time to react"),
        (
            lambda: one([2], [3]).step(np.ones((1, 3)), [1.0], 5.0),
            StepError,
            "beyond all bounds|subst",
        ),
        (lambda: one([1], [2]).step(np.ones((1, 3)), [1.0], 1e4), StepError, "beyond all bounds"),
    ],
)
def test_what_cannot_be_is_said(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("back", [1e4, 1e6])
def test_stiff_reactions_and_diffusion_are_of_second_order(back):
    """A dimer at equilibrium in each cell; its halves move ten times as fast.

    Plain Strang splitting is of first order here, whatever integrates the reactions.
    """
    A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.1)
    system = hrd.System(
        species=[A, B],
        domain=hrd.Box(x=(0, 1)),
        cells=32,
        reactions=[
            hrd.Reaction("2 A -> B", k=0.1 * back, radius=0.01),
            hrd.Reaction("B -> 2 A", k=back),
        ],
        initial={
            A: lambda x: 10 + 5 * np.cos(np.pi * x),
            B: lambda x: (10 + 5 * np.cos(np.pi * x)) ** 2 / 20,
        },
    )
    runs = [hrd.mean_field(system, dt=0.02 / n, until=0.08, every=0.08) for n in (1, 2, 4, 64)]
    last = [run["concentration"].values[-1] for run in runs]
    errors = [np.abs(c - last[-1]).max() for c in last[:-1]]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 0.01
    assert (orders > 1.75).all(), errors
    total = runs[-1]["total"].values
    np.testing.assert_allclose(total @ [1, 2], total[0] @ [1, 2], rtol=1e-12)
    assert min(c.min() for c in last) > 0
