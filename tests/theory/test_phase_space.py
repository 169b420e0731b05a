"""Loss and gain between copy numbers, and the master equation as products of a and a+."""

import doctest

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd
from hybridrd.errors import ModelError, ResultError
from hybridrd.theory import cdme
from hybridrd.theory.cdme import ladder_operators
from hybridrd.theory.cdme.evolve import make_states
from hybridrd.theory.cdme.generator import make_generator

A, B = hrd.Species("A", D=0.7), hrd.Species("B", D=0.2)
STEPS = [
    hrd.Reaction("0 -> A", k=lambda x: 1.0 + x),
    hrd.Reaction("A -> 0", k=lambda x: 0.5 + x),
    hrd.Reaction("2 A -> 0", lambda0=3.0, radius=0.4),
]


@pytest.fixture(scope="module")
def truth():
    system = hrd.System(species=[A], domain=hrd.Box(x=(0, 1)), reactions=STEPS,
                        initial={A: hrd.Patch(3.0, x=(0, 0.5))})  # fmt: skip
    return cdme.solve(system, 5, 8, until=0.3, every=0.002, tolerance=0.1)


def test_losses_are_integrals_of_the_densities(truth):
    """int L_n rho_n dx by rho_0, rho_1 and rho_2 themselves, eqs. (5) to (7)."""
    last = truth.isel(time=-1)
    h, x = 0.2, last["x"].values
    current = last["current"]
    created = sum(h * 1.0 + h * x)
    assert_allclose(current.sel(change="+1 A", n_A=0), created * last["rho_0"], rtol=1e-12)
    died = h * ((0.5 + x) * last["rho_1"][0].values).sum()
    assert_allclose(current.sel(change="-1 A", n_A=1), died, rtol=1e-12)
    met = 0.5 * h**2 * 2 * (last["pair_rate"][0].values * last["rho_2"].values).sum() / 2
    assert_allclose(current.sel(change="-2 A", n_A=2), 2 * met, rtol=1e-12)


def test_what_one_number_loses_another_gains(truth):
    """dP(n)/dt is what other numbers lose to n less what n loses to them."""
    current = truth["current"].isel(time=75)
    change = current["change_A"].values
    flow = np.zeros(9)
    for c, step in enumerate(change):
        for n in range(9):
            if 0 <= n + step < 9:
                flow[n] -= current.values[c, n]
                flow[n + step] += current.values[c, n]
    p = truth["joint_probability"].values
    slope = (p[73] - 8 * p[74] + 8 * p[76] - p[77]) / (12 * 0.002)
    assert_allclose(flow[:8], slope[:8], atol=1e-8)  # at 8 copies creation is lost to the cut-off
    assert sorted(change) == [-2, -1, 1]


def test_operators_have_their_commutator_and_their_product_is_the_generator():
    assert doctest.testmod(ladder_operators).failed == 0
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 1)), walls={"x+": hrd.Reservoir({B: 2.0})},
        reactions=[*STEPS, hrd.Reaction("A + B -> 2 B", lambda0=2.0, radius=0.3)],
    )  # fmt: skip
    most = {A: 3, B: 2}
    found = cdme.operators(system, 2, most)
    model = cdme.voxel_model(system, 2)
    states = make_states(model, {"A": 3, "B": 2})
    whole = make_generator(states, model.events).matrix[:-1, :-1].toarray()
    assert_allclose(found.generator().toarray(), whole, atol=1e-12)
    a, create = found.annihilate["A", 1].toarray(), found.create["A", 1].toarray()
    below = found.states[:, 0].sum(axis=1) < 3
    commutator = (a @ create - create @ a)[:, below]
    assert_allclose(commutator, np.eye(len(below))[:, below], atol=1e-14)
    other = found.create["B", 1].toarray()
    assert_allclose(a @ other, other @ a, atol=1e-14)
    drain = system.replace(walls={"x-": hrd.Influx({A: -1.0})})
    with pytest.raises(ModelError, match="a drain"):
        cdme.operators(drain, 2, 2)


def test_the_picture_has_a_box_for_each_number_and_the_currents_as_arrows(truth):
    ax = hrd.plot.phase_space(truth, time=0.1)
    p, current = (truth[v].sel(time=0.1) for v in ("joint_probability", "current"))
    text = [t.get_text() for t in ax.texts]
    assert f"0 A\n{float(p[0]):.3f}" in text
    assert f"2 A: {float(p[2]):.3f}" in text
    assert f"{float(current.sel(change='-2 A', n_A=3)):.2g}" in text
    two = ax.child_axes[1]
    assert two.collections[0].get_array().size == 25
    two_species = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 1), y=(0, 1)), initial={A: hrd.Copies(2)},
        reactions=[hrd.Reaction("A -> B", k=1.0)],
    )  # fmt: skip
    both = cdme.solve(two_species, (2, 1), 2, until=1.0, every=1.0)
    ax = hrd.plot.phase_space(both)
    assert len([p for p in ax.patches if type(p).__name__ == "FancyArrowPatch"]) == 2
    run = hrd.mean_field(two_species.replace(cells=4), dt=0.1, until=0.1)
    with pytest.raises(ResultError, match=r"cdme.solve"):
        hrd.plot.phase_space(run)
    assert hrd.plot.phase_space(truth.sel(time=0.1)).get_title() == "t = 0.1"
    other = hrd.plot.phase_space(truth, time=0.1, shades="Greens", cmap="magma")
    assert other.child_axes[1].collections[0].get_cmap().name == "magma"
    shades = [patch.get_facecolor() for patch in other.patches]
    assert plt.get_cmap("Greens")(0.05 + 0.6 * float(p[0] / p.max())) in shades
    with pytest.raises(ResultError, match="no such colour map"):
        hrd.plot.phase_space(truth, time=0.1, shades="Leaves")
    plt.close("all")
