"""Suggested steps and cells keep the error that they promise, where the answer is known."""

import numpy as np
import pytest
from support.command_line import call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.errors import ModelError


def slab(k, D=1.0, L=4.0, particles=None, c=100.0):
    """A decays in a slab with a reservoir at its right: c cosh(x/l)/cosh(L/l), l² = D/k."""
    A = hrd.Species("A", D=D)
    return hrd.System(
        species=[A], domain=hrd.Box(x=(0, L)), particles=particles, initial={A: c},
        reactions=[hrd.Reaction("A -> 0", k=k)], walls={"x+": hrd.Reservoir({A: c})},
    )  # fmt: skip


def number_in(a, b, k, D=1.0, L=4.0, c=100.0):
    length = np.sqrt(D / k)
    return c * length * (np.sinh(b / length) - np.sinh(a / length)) / np.cosh(L / length)


@pytest.mark.parametrize("error", [0.05, 0.002])
@pytest.mark.parametrize(("k", "D"), [(0.5, 1.0), (30.0, 0.3)])
def test_the_number_in_a_slab(k, D, error):
    found = hrd.suggest(slab(k, D), error, measure=False)
    exact = number_in(0, 4, k, D)

    def wrong(cells, dt):
        until = round(10 / k / dt) * dt
        pde = hrd.mean_field(found.system.replace(cells=cells), dt, until, until)
        return abs(pde["total"].values[-1, 0] / exact - 1)

    assert wrong(found.cells, found.dt) < error
    assert wrong(found.cells[0] // 6, found.dt) > error  # no finer than needed, nor is the step
    assert wrong(found.cells, 6 * found.dt) > error


@pytest.mark.parametrize("c", [1.0, 50.0])
def test_annihilation(c):
    A = hrd.Species("A", D=1.0)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 10)), initial={A: c},
        reactions=[hrd.Reaction("2 A -> 0", k=0.4, radius=0.1)],
    )  # fmt: skip
    found = hrd.suggest(system, 0.01, measure=False)
    until = found.dt * 50
    pde = hrd.mean_field(found.system, found.dt, until, until)["total"].values[:, 0]
    assert found.concentrations["A"] == pytest.approx(c)
    one = hrd.check_step(found.system, found.dt, until, every=until)
    assert abs(one["difference"]).max() < 0.01 * pde[0]


def test_counts_of_particles_beside_a_continuum():
    k, error = 1.0, 0.02
    system = slab(k, particles=hrd.Box(x=(2, 4)), c=800.0)
    found = hrd.suggest(system, error, measure=False)
    assert found.layers.keys() == {"A at interface:x-", "A at x+"}
    many = hrd.ensemble(found.system, 24, found.dt, until=4.0, every=1.0, seed=2,
                        record=["copy_number"])  # fmt: skip
    exact = number_in(2, 4, k, c=800.0)
    # Counts a relaxation time apart are all but independent.
    mean = many["copy_number_mean"].sel(species="A", time=[3.0, 4.0]).mean().item()
    noise = np.sqrt(exact / 48)
    assert noise < error / 3 * exact
    assert abs(mean - exact) < error * exact + 3 * noise


def test_what_binds_is_said():
    A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
    cube = hrd.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    pairs = hrd.System(
        species=[A, B], domain=cube, particles=cube, cells=4,
        initial={A: hrd.Copies(40), B: hrd.Copies(10)},
        reactions=[hrd.Reaction("A + B -> B", lambda0=200.0, radius=0.05)],
    )  # fmt: skip
    found = hrd.suggest(pairs, 0.1, measure=False)
    assert found.concentrations == pytest.approx({"A": 40.0, "B": 10.0})
    assert found.reasons[1].why.startswith("pairs of A + B -> B: lambda0 dt = 0.38")
    assert found.dt == 0.001  # below 0.38/200
    pulse = hrd.Table([0, 5, 6], [0.0, 80.0, 0.0])
    faster = pairs.replace(reactions=[hrd.Reaction("A -> 0", k=pulse)])
    assert "80 by reactions" in repr(hrd.suggest(faster, measure=False))
    assert hrd.suggest(pairs, concentrations={B: 5000.0}, measure=False).dt < found.dt


def test_copies_in_cells_are_checked_by_an_ensemble():
    cells = slab(1.0, L=1.0).replace(fluctuations="discrete", cells=5)
    table = hrd.check_step(cells, dt=0.02, until=0.1, every=0.1, replicas=16)
    assert 0 < table["standard_error"].iloc[-1] < 20
    assert abs(table["z"].iloc[-1]) < 4.5


@pytest.mark.parametrize(("given", "words"), [(0.0, "error = 0"), (0.5, "at most 0.2")])
def test_refused(given, words):
    with pytest.raises(ModelError, match=words):
        hrd.suggest(slab(1.0), given)


@pytest.mark.usefixtures("folder")
def test_on_the_command_line():
    said = call("suggest", "line.toml", "--until", 1, "--check", 4)
    assert "Suggestion for a relative error of 0.01" in said
    assert "layers: D dt/dx² = 0.5" in said
    assert "s a unit of time on this machine" in said
    assert "standard_error" in said
    assert "give --until" in call("suggest", "pde.toml", "--check", 4, code=2)


def test_a_complex_falls_apart_into_what_it_was_made_of():
    # 800 receptors in a thin layer cannot make 800 ligands a volume out of the few there are.
    L, R, C = hrd.Species("L", D=80.0), hrd.Species("R", D=0.1), hrd.Species("C", D=0.1)
    dish = hrd.Box(x=(0, 4), y=(0, 4), z=(0, 4))
    reaction = hrd.Reaction("L + R <-> C", k=0.03, radius=0.02, k_back=0.2)
    system = hrd.System(
        species=[L, R, C], reactions=[reaction], domain=dish, cells=8,
        particles=hrd.Box(x=(0, 4), y=(0, 4), z=(0, 1)), walls={"z+": hrd.Reservoir({L: 3.0})},
        initial={L: 3.0, R: hrd.Copies(80, x=(1.5, 2.5), y=(1.5, 2.5), z=(0.0, 0.1))},
    )  # fmt: skip
    found = hrd.suggest(system, error=0.05, measure=False)
    assert found.concentrations["L"] == 3.0
    assert max(found.cells) < 20
    whole = hrd.suggest(system.replace(initial={C: 5.0}), error=0.05, measure=False)
    assert whole.concentrations["L"] == 5.0  # of complexes that are there at the start


def test_a_suggestion_too_large_for_this_machine_says_so(monkeypatch):
    monkeypatch.setattr("hybridrd.simulation.suggest._cost", too_large)
    system = hrd.System(species=[hrd.Species("A", D=1.0)], domain=hrd.Box(x=(0, 1)))
    found = hrd.suggest(system)
    assert found.cost is None
    assert "not measured: 57 GB are needed" in repr(found)


def too_large(*_):
    raise hrd.CapacityError("57 GB are needed")
