"""Laws that hold for any system: conservation, positivity, and the same from any execution."""

from unittest import mock

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_systems import CONVERSIONS, DT, PAIRS, STOICHIOMETRY, advance, simulation, systems

from hybridrd.particles import pool

SEED = st.integers(0, 2**63)
few = settings(max_examples=15)


def run(system, seed, steps=6, every=1, **options):
    sim = simulation(system, seed, **options)
    return sim, sim.run(until=steps * DT, every=every * DT, progress=False)


def state(sim):
    """All that a simulation holds, by id."""
    result = {}
    for name, group in sim.particles.items():
        order = np.argsort(group.id)
        result[name, "id"] = group.id[order]
        result[name, "positions"] = group.positions[order]
    return result | {
        name: np.array(getattr(sim, name))
        for name in ("concentration", "total", "events", "crossings")
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=str(key))


@few
@given(system=systems(closed=True, offered=CONVERSIONS, couplings=["two-way"]), seed=SEED)
def test_a_closed_two_way_system_keeps_its_total(system, seed):
    _, result = run(system, seed)
    total = result["total"].values
    whole = total.sum(axis=1)
    assert np.abs(whole - whole[0]).max() <= 1e-9 * max(whole[0], 1.0)
    if not system.reactions:
        assert np.abs(total - total[0]).max() <= 1e-9 * max(whole[0], 1.0)


@few
@given(system=systems(), seed=SEED)
def test_nothing_is_negative_and_nobody_outside(system, seed):
    sim, result = run(system, seed)
    assert result["concentration"].values.min() >= 0
    for group in sim.particles.values():
        inside = (group.positions >= system.particles.lower) & (
            group.positions <= system.particles.upper
        )
        assert inside.all()
        assert len(np.unique(group.id)) == len(group)
    ids = np.concatenate([group.id for group in sim.particles.values()])
    assert len(np.unique(ids)) == len(ids)


@few
@given(system=systems(offered=list(STOICHIOMETRY)), seed=SEED)
def test_events_and_crossings_account_for_every_particle(system, seed):
    # Without pairs: all that changes the number in the region fires in it or crosses a face.
    _, result = run(system, seed)
    change = result["copy_number"].diff("time").values
    left = result["crossings"].isel(time=slice(1, None)).sum("face").values
    made = np.zeros_like(change)
    for r, reaction in enumerate(system.reactions):
        fired = result["events"].isel(time=slice(1, None), reaction=r).values
        made += fired[:, None] * np.array(STOICHIOMETRY[reaction.equation])
    np.testing.assert_array_equal(change, made - left)


@few
@given(system=systems(), seed=SEED)
def test_threads_change_nothing(system, seed):
    one, by_one = run(system, seed)
    with mock.patch.object(pool, "_LEAST", 1):
        two, by_two = run(system, seed, threads=2)
    assert by_one.equals(by_two)
    assert_same(state(one), state(two))


@few
@given(system=systems(), seed=SEED)
def test_the_same_seed_gives_the_same_and_another_replica_another(system, seed):
    (one, first), (two, second) = (run(system, seed) for _ in range(2))
    assert first.equals(second)
    assert_same(state(one), state(two))
    other, third = run(system, seed, replica=1)
    mine = np.concatenate([g.positions.ravel() for g in one.particles.values()])
    assume(mine.size)
    assert not first.equals(third)
    others = np.concatenate([g.positions.ravel() for g in other.particles.values()])
    assert not np.isin(mine, others).any()


@few
@given(system=systems(), seed=SEED, stop=st.integers(0, 6))
def test_a_run_in_parts_is_the_run(system, seed, stop):
    whole, result = run(system, seed)
    parts = simulation(system, seed)
    first = parts.run(until=stop * DT, every=DT, progress=False)
    second = parts.run(until=6 * DT, every=DT, progress=False)
    assert_same(state(whole), state(parts))
    names = ["concentration", "copy_number", "total"]  # others are counted since the last record
    joined = np.unique(np.append(first.time, second.time))
    np.testing.assert_array_equal(joined, result.time)
    assert second[names].equals(result[names].sel(time=second.time))
    assert first[names].equals(result[names].sel(time=first.time))


@few
@given(system=systems(), seed=SEED, shuffle=st.randoms(use_true_random=False))
def test_storage_order_changes_nothing(system, seed, shuffle):
    straight, mixed = (simulation(system, seed) for _ in range(2))
    for _ in range(4):
        for group in mixed._population:
            order = list(range(group.n))
            shuffle.shuffle(order)
            group.x[:, : group.n] = group.x[:, order]
            group.ids[: group.n] = group.ids[order]
            group.stamp += 1  # as whatever stores particles anew
        advance(mixed, 1)
    assert_same(state(advance(straight, 4)), state(mixed))


FIRST_OR_SECOND = [text for text in (*STOICHIOMETRY, *PAIRS) if not text.startswith("0")]


@few
@given(system=systems(cellless=True, offered=FIRST_OR_SECOND), seed=SEED)
def test_pure_particles_do_not_ask_for_the_cells(system, seed):
    finer = system.replace(cells=tuple(2 * n for n in system.cells))
    one, two = (state(advance(simulation(s, seed), 3)) for s in (system, finer))
    del one["concentration"], two["concentration"]
    assert_same(one, two)
