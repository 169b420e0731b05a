"""Rates that are functions of concentrations, against a slow integrator and exact chains."""

import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import hybridrd as hrd
from hybridrd.model.expression import Expression
from hybridrd.theory import cdme

v, K, n = 2.0, 1.5, 4
U, V = hrd.Species("U", D=1.0), hrd.Species("V", D=0.1)
LINE = hrd.Box(x=(0, 2))


def saturated(U, most=5.0, half=0.2):
    return most * U / (half + U)


def network(**changes):
    """U represses V, which represses U; U is used up by an enzyme that saturates."""
    reactions = [
        hrd.Reaction("0 -> U", rate=lambda V: v * K**n / (K**n + V**n)),
        hrd.Reaction("0 -> V", rate="2 * 1.5**4 / (1.5**4 + U**4)"),
        hrd.Reaction("U -> 0", rate=saturated),
        hrd.Reaction("V -> 0", k=0.7),
        hrd.Reaction("U + V -> 2 V", rate="where(U < 1, U, sqrt(U)) * min(V, 0.3)"),
    ]
    fields = {"species": [U, V], "domain": LINE, "cells": 2, "reactions": reactions}
    return hrd.System(**{**fields, **changes})


def test_cells_follow_their_equations():
    still = [hrd.Species("U", D=0.0), hrd.Species("V", D=0.0)]
    system = network(species=still, initial={"U": [1.0, hrd.Patch(2.0, x=(1, 2))], "V": 0.5})
    run = hrd.mean_field(system, dt=0.1, until=2.0, every=2.0)

    def slope(_, y):
        u, w = y
        joint = (u if u < 1 else u**0.5) * min(w, 0.3)
        made = v * K**n / (K**n + np.array([w, u]) ** n)
        return made - [5 * u / (0.2 + u) + joint, 0.7 * w - joint]

    for cell, u in ((0, 1.0), (1, 3.0)):
        truth = solve_ivp(slope, (0, 2), [u, 0.5], "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
        np.testing.assert_allclose(run["concentration"].values[-1, :, cell], truth, rtol=2e-6)


@pytest.mark.parametrize("fast", [1.0, 1e4])
def test_of_second_order_beside_diffusion(fast):
    """Conversion by two enzymes, there and back, ``fast`` times diffusion; the total is kept."""
    system = network(
        cells=32,
        reactions=[
            hrd.Reaction("U -> V", rate=lambda U: fast * U / (1 + U)),
            hrd.Reaction("V -> U", rate=lambda V: fast * V / (1 + V)),
        ],
        initial={name: lambda x: 2 + np.cos(np.pi * x) for name in "UV"},
    )
    runs = [hrd.mean_field(system, dt=0.04 / m, until=0.16, every=0.16) for m in (1, 2, 4, 128)]
    last = [run["concentration"].values[-1] for run in runs]
    errors = [np.abs(c - last[-1]).max() for c in last[:-1]]
    assert errors[0] < 0.02
    assert (np.log2(np.array(errors[:-1]) / errors[1:]) > 1.75).all(), errors
    total = runs[-1]["total"].values.sum(axis=1)
    np.testing.assert_allclose(total, total[0], rtol=1e-9)


def test_a_population_with_feedback_has_its_stationary_distribution():
    """One voxel of width 2: birth and death at ``h rate(m/h)``, two at a time never from one."""
    h, m = 2.0, np.arange(120)
    system = hrd.System(
        species=[U], domain=LINE,
        reactions=[
            hrd.Reaction("0 -> U", rate=lambda U: 1 + 8 * U**3 / (27 + U**3)),
            hrd.Reaction("U -> 0", rate="3 * U / (2 + U) + 0.3 * U"),
        ],
    )  # fmt: skip
    found = cdme.steady_state(system, voxels=1, max_copies=120)["copy_number_probability"].values[0]
    c, above = m / h, (m + 1) / h
    ratios = (1 + 8 * c**3 / (27 + c**3)) / (3 * above / (2 + above) + 0.3 * above)
    weights = np.cumprod(np.concatenate([[1.0], ratios]))
    np.testing.assert_allclose(found, weights / weights.sum(), atol=1e-12)
    pairs = system.replace(reactions=[hrd.Reaction("2 U -> 0", rate=lambda U: U)])
    model = cdme.voxel_model(pairs, 1)
    assert model.events[0].law.table([3]).tolist() == [0.0, 1.0, 2.0, 3.0]
    one = pairs.replace(initial={U: hrd.Copies(1)})
    last = cdme.solve(one, voxels=1, max_copies=3, until=9.0)["copy_number"].values[-1]
    np.testing.assert_allclose(last, 1.0)


def test_whole_copies_in_cells_have_it_too():
    """4000 cells of width 2, each on its own: their counts after a long time, chi² of 18."""
    h, m = 2.0, np.arange(40)
    rates = (lambda U: 1 + 3 * U**3 / (1 + U**3)), "2 * U / (0.5 + U) + U"
    system = hrd.System(
        species=[hrd.Species("U", D=0.0)], domain=hrd.Box(x=(0, 8000)), cells=4000,
        fluctuations="discrete",
        reactions=[hrd.Reaction("0 -> U", rate=rates[0]), hrd.Reaction("U -> 0", rate=rates[1])],
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.5, seed=4).run(until=12.0, every=12.0)
    counts = np.bincount((run["concentration"].values[-1, 0] * h).round().astype(int), minlength=40)
    c, above = m / h, (m + 1) / h
    ratios = rates[0](c) / (2 * above / (0.5 + above) + above)
    p = np.cumprod(np.concatenate([[1.0], ratios[:-1]]))
    expected = 4000 * p / p.sum()
    kept = expected > 20
    chi2 = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    degrees = kept.sum() - 1
    assert chi2 < degrees + 4.5 * np.sqrt(2 * degrees)
    bad = system.replace(reactions=[hrd.Reaction("0 -> U", rate=lambda U: 2.3 - U)])
    with pytest.raises(hrd.ModelError, match=r"gives -0.2 at U = 2.5; it must be"):
        hrd.Simulation(bad, dt=0.5, seed=1).run(until=5.0, every=5.0)


def test_two_species_in_two_voxels_against_the_states_by_hand():
    system = network(reactions=[hrd.Reaction("U -> V", rate=lambda V, U: U * (1 + V**2))])
    model = cdme.voxel_model(system, 2)
    table = next(e.law for e in model.events if e.law is not None).table([2, 3])
    assert table.shape == (4, 3)  # V, then U, as the function has them
    np.testing.assert_allclose(table, np.outer(1 + np.arange(4) ** 2, np.arange(3)))


def test_formulas_come_back():
    system = network(reactions=[hrd.Reaction("U -> V", rate="2*U / (1 + U)")], initial={})
    data = system.to_dict()
    assert data["reactions"] == [{"reaction": "U -> V", "rate": "2*U / (1 + U)"}]
    assert hrd.System.from_dict(data) == system == pickle.loads(pickle.dumps(system))
    assert "rate = 2*U / (1 + U)" in repr(system)
    assert "function(U)" in repr(network())
    with pytest.raises(hrd.ModelError, match=r"reactions\[0\].rate: a Python function"):
        network().to_dict()
    with pytest.raises(hrd.ModelError, match=r"reactions\[0\]\.rate.*no function open"):
        hrd.System.from_dict({**data, "reactions": [{"reaction": "U -> V", "rate": "open(U)"}]})


FORBIDDEN = """U^2|U.real|U[0]|lambda: 1|U if U else 1|'a' * U|f'{U}'|U < 1|True * U|(U := 2)|U, 1|
[U for U in U]|__import__('os')|exp(U, 2)|max(U)|exp(x=U)|1j * U|U == 1|where(U, 1, 2| |U @ U|~U"""


@pytest.mark.parametrize("text", [*FORBIDDEN.split("|"), "(" * 500 + "U"])
def test_a_formula_has_nothing_else(text):
    with pytest.raises(hrd.ModelError, match=r"formula|no function|takes|nested"):
        Expression(text)


def test_every_function_of_a_formula():
    text = "abs(a) + exp(a) - log(b) / log10(b) ** 2 + -sqrt(b) + sin(a) * cos(a) + tanh(a)"
    a, b = np.array([0.3, 2.0]), np.array([5.0, 0.1])
    expected = (
        np.abs(a) + np.exp(a) - np.log(b) / np.log10(b) ** 2 - np.sqrt(b)
        + np.sin(a) * np.cos(a) + np.tanh(a) + np.where(a >= 1, np.minimum(a, b), np.maximum(a, b))
    )  # fmt: skip
    found = Expression(f"{text} + where(a >= 1, min(a, b), max(a, b))")(a=a, b=b)
    np.testing.assert_allclose(found, expected)


def run_of(*reactions, **changes):
    system = network(reactions=reactions, initial={"U": 3.0}, **changes)
    return hrd.mean_field(system, dt=0.1, until=0.1, every=0.1)


REFUSALS = {
    "beside k": (lambda: hrd.Reaction("U -> 0", k=1, rate="U"), "rate or k, not both"),
    "there and back": (lambda: hrd.Reaction("U <-> V", rate="U"), "one reaction for each"),
    "a number": (lambda: hrd.Reaction("U -> 0", rate=2.0), "for a number use k"),
    "any arguments": (lambda: hrd.Reaction("U -> 0", rate=lambda *u: u), r"got \(\*u\)"),
    "a stranger": (lambda: run_of(hrd.Reaction("U -> 0", rate="U/(q+U)")), "takes q; .*U, V"),
    "particles": (
        lambda: network(particles=hrd.Box(x=(0, 1))),
        "particles react alone or in pairs; .*particles=None",
    ),
    "without a reactant": (
        lambda: run_of(hrd.Reaction("U -> 0", rate=lambda V: 1 + V)),
        "it is 2 where there is no U",
    ),
    "below 0": (
        lambda: run_of(hrd.Reaction("0 -> V", rate=lambda U: 2 - U)),
        "gives -1 at U = 3; it must be finite",
    ),
    "no number": (
        lambda: run_of(hrd.Reaction("0 -> V", rate=lambda U: (U - 4) ** 0.5)),
        "gives nan at U = 3",
    ),
    "no arithmetic": (
        lambda: run_of(hrd.Reaction("0 -> V", rate=lambda U: np.interp(U, [0, 1], {}))),
        "numba cannot compile the function",
    ),
    "moments": (
        lambda: hrd.theory.moments.linear_moments(network(), voxels=1, times=[1.0]),
        "moments close for",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_is_said(case):
    make, words = REFUSALS[case]
    with pytest.raises(hrd.HybridrdError, match=words):
        make()
