"""Reversible reactions that are no bindings: two reactions, one each way."""

import numpy as np
import pytest

import hybridrd as hrd

A, B, C, D = (hrd.Species(name, D=1.0) for name in "ABCD")
LINE = hrd.Box(x=(0, 1))


def system(*reactions, **changes):
    fields = {"cells": 5, "initial": {A: 10.0}}
    return hrd.System(
        species=[A, B, C, D], domain=LINE, reactions=list(reactions), **(fields | changes)
    )


# A reversible reaction, and the two it stands for.
PAIRS = {
    "conversion": (
        hrd.Reaction("A <-> B", k=1.0, k_back=2.0),
        [hrd.Reaction("A -> B", k=1.0), hrd.Reaction("B -> A", k=2.0)],
    ),
    "named": (
        hrd.Reaction("flip: A <-> B", k=1.0, k_back=2.0),
        [
            hrd.Reaction("A -> B", k=1.0, name="flip (forward)"),
            hrd.Reaction("B -> A", k=2.0, name="flip (back)"),
        ],
    ),
    "exchange": (
        hrd.Reaction("A +(0.1) B <-> C + D", lambda0=1.0, k_back=2.0),
        [
            hrd.Reaction("A + B -> C + D", lambda0=1.0, radius=0.1),
            hrd.Reaction("C + D -> A + B", k=2.0, radius=0.1),
        ],
    ),
    "birth and death": (
        hrd.Reaction("0 <-> A", k=3.0, k_back=2.0),
        [hrd.Reaction("0 -> A", k=3.0), hrd.Reaction("A -> 0", k=2.0)],
    ),
    "pairs on the way back": (
        hrd.Reaction("0 <-> 2 A", k=3.0, k_back=2.0, radius=0.1),
        [hrd.Reaction("0 -> 2 A", k=3.0), hrd.Reaction("2 A -> 0", k=2.0, radius=0.1)],
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_a_system_holds_the_two(case):
    one, two = PAIRS[case]
    assert system(one) == system(*two)
    assert [c.label for c in one.channels()] == [r.label for r in two]
    data = system(one).to_dict()
    assert data == system(*two).to_dict()
    assert hrd.System.from_dict(data) == system(one)


def test_a_binding_stays_one_reaction():
    one = hrd.Reaction("A + B <-> C", k=1.0, k_back=2.0, radius=0.1)
    assert system(one).reactions == (one,)
    assert [c.back for c in one.channels()] == [False, True]


def test_a_file_holds_them_too(tmp_path):
    (tmp_path / "a.toml").write_text(
        "[system]\ndomain = {x = [0, 1]}\ncells = 5\n"
        '[[species]]\nname = "A"\nD = 1.0\n[[species]]\nname = "B"\nD = 1.0\n'
        '[[reactions]]\nreaction = "A <-> B"\nk = 1.0\nk_back = 2.0\n'
    )
    reactions = hrd.System.from_toml(tmp_path / "a.toml").reactions
    assert [(r.equation, r.k) for r in reactions] == [("A -> B", 1.0), ("B -> A", 2.0)]


def test_mistakes_in_a_file_have_the_place_of_the_one(tmp_path):
    (tmp_path / "a.toml").write_text(
        "[system]\ndomain = {x = [0, 1]}\ncells = 5\n"
        '[[species]]\nname = "A"\nD = 1.0\n[[species]]\nname = "B"\nD = 1.0\n'
        '[[reactions]]\nreaction = "A <-> B"\nk = 1.0\nk_back = 2.0\n'
        '[[reactions]]\nreaction = "B -> A"\nk = 1.0\n'
        '[[reactions]]\nreaction = "A <-> Q"\nk = 1.0\nk_back = 2.0\n'
    )
    with pytest.raises(hrd.ModelError) as refused:
        hrd.System.from_toml(tmp_path / "a.toml")
    first, second = str(refused.value).splitlines()
    assert "reactions[1]: 'B -> A' is given 2 times" in first
    assert "reactions[2].reaction = 'A <-> Q': unknown species 'Q'" in second


def test_the_pde_of_a_conversion_relaxes():
    # a + b is constant, a -> 2/3 of it, at the rate k + k_back.
    pde = hrd.mean_field(system(PAIRS["conversion"][0]), dt=1e-3, until=0.5, every=0.1)
    exact = 10 * (2 + np.exp(-3 * pde["time"])) / 3
    np.testing.assert_allclose(pde["total"].sel(species="A"), exact, rtol=1e-6)


def test_rates_may_vary_both_ways():
    vary = hrd.Reaction("A <-> B", k=lambda t: 1 + 0 * t, k_back=lambda x: 2 + 0 * x)
    pde = hrd.mean_field(system(vary), dt=1e-3, until=0.5, every=0.1)
    exact = 10 * (2 + np.exp(-3 * pde["time"])) / 3
    np.testing.assert_allclose(pde["total"].sel(species="A"), exact, rtol=1e-6)


def test_particles_convert_both_ways():
    # 2000 copies, binomial: 2/3 of them in the end.
    run = hrd.Simulation(
        system(PAIRS["conversion"][0], particles=LINE, initial={A: hrd.Copies(2000)}), 0.01, seed=1
    ).run(until=4.0, every=4.0)
    n = int(run["copy_number"].sel(species="A")[-1])
    assert abs(n - 4000 / 3) < 4.5 * np.sqrt(2000 * 2 / 9)
    assert list(run["reaction"].values) == ["A -> B", "B -> A"]
