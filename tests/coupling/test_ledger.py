"""Debts of the continuum react with its content; pairs of a fluctuating content are n (n - 1)."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.continuum.field import Field
from hybridrd.coupling.ledger import Ledger

A, B, C = (hrd.Species(name, D=1.0) for name in "ABC")
DT = 0.2


def ledger(species, reactions, cells=6):
    """A field on a line of unit cells, all of it continuum, and its account."""
    system = hrd.System(
        species=species,
        domain=hrd.Box(x=(0, cells)),
        particles=hrd.Box(x=(0, 1)),
        cells=cells,
        reactions=reactions,
    )
    field = Field(system, DT)
    return field, Ledger(field)


@pytest.mark.parametrize("varying", [False, True])
def test_birth_and_death_act_on_content_less_debt(varying):
    """Exactly: the law is linear, whether content or debt stands in a cell."""
    rate = (lambda x: 0.5 + 0 * x) if varying else 0.5
    field, account = ledger([A], [hrd.Reaction("0 -> A", k=2.0), hrd.Reaction("A -> 0", k=rate)])
    field.c[0] = [3.0, 0.0, 0.0, 0.1, 4.0, 0.0]
    account.owed[0] = [0.0, 0.7, 0.05, 0.0, 0.0, 3.0]
    net = field.c[0] - account.owed[0]
    for _ in range(3):
        account.react(0)
        net = 4.0 + (net - 4.0) * np.exp(-0.5 * 0.5 * DT)
        np.testing.assert_allclose(account.effective(0), net, rtol=1e-6)
        assert field.c.min() >= 0 <= account.owed.min()
        assert (field.c[0] * account.owed[0] == 0).all()
    assert account.overdrafts == 0  # nothing was taken


def test_a_debt_is_paid_by_what_its_copies_would_have_met():
    """``A + B -> C``: owed A undo as many pairs, at the rate k B; A + C and B + C are kept."""
    field, account = ledger([A, B, C], [hrd.Reaction("A + B -> C", k=3.0, radius=0.1)])
    field.c[:] = [[0.0] * 6, [50.0] * 6, [1.0] * 6]
    account.owed[0] = 0.01
    account.react(0)
    left = 0.01 * np.exp(-3.0 * 50 * 0.5 * DT)
    np.testing.assert_allclose(account.owed[0], left, rtol=1e-2)
    np.testing.assert_allclose(account.effective(0) + account.effective(2), 0.99, rtol=1e-12)
    np.testing.assert_allclose(account.effective(1) + account.effective(2), 51.0, rtol=1e-12)
    assert account.effective(1)[0] > 50.0


def plate(reactions, n, rows, **changes):
    """Particles beside a continuum, unit cells with n copies each, periodic along y."""
    return hrd.System(
        species=[A],
        domain=hrd.Box(x=(0, 12), y=(0, rows)),
        particles=hrd.Box(x=(0, 6), y=(0, rows)),
        cells=(12, rows),
        walls={"y": hrd.Periodic()},
        reactions=reactions,
        initial={A: n},
        **changes,
    )


def means(system, n, seed, steps):
    """Mean concentration over n along x, and its standard error, from the later three quarters."""
    simulation = hrd.Simulation(system, dt=0.25, seed=seed)
    rows = []
    for k in range(steps):
        simulation.step()
        if k >= steps // 4 and k % 2:
            rows.append(simulation.concentration[0].mean(axis=1) / n)
    blocks = np.array(rows[: len(rows) // 10 * 10]).reshape(10, -1, 12).mean(axis=1)
    return blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(10)


def test_cells_with_a_fifth_of_a_copy_have_the_right_mean():
    """Birth and death: with debts that don't react the first cell reads 7 % high."""
    n, k = 0.2, 0.5
    system = plate([hrd.Reaction("0 -> A", k=n * k), hrd.Reaction("A -> 0", k=k)], n, rows=500)
    simulation = hrd.Simulation(system, dt=0.25, seed=3)
    mean, error = means(system, n, 3, 800)
    assert error[4:8].max() < 0.012
    assert (np.abs(mean[4:8] - 1) < 4.5 * error[4:8]).all(), (mean, error)
    # What cells hold and what `total` adds up is one quantity.
    simulation.run(until=5.0, every=5.0)
    assert simulation.diagnostics()["owed"]["A"] > 0
    assert simulation.concentration.sum() == pytest.approx(simulation.total[0], rel=1e-12)


def test_pairs_in_a_fluctuating_continuum():
    """``0 -> A``, ``2 A -> 0`` at 10 copies a cell; k c² would hold it 3.5 % low."""
    n, k = 10.0, 0.005
    reactions = [hrd.Reaction("0 -> A", k=n * n * k), hrd.Reaction("2 A -> 0", k=k, radius=0.25)]
    mean, error = means(plate(reactions, n, rows=60, fluctuations="gaussian"), n, 1, 1000)
    assert error[6:].mean() < 0.006
    # Without reaction noise the variance is 0.92 of the mean, so that 0.4 % are left.
    assert abs(mean[6:].mean() - 1) < 0.015, (mean, error)
