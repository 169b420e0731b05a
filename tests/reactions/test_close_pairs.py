"""Close pairs kept from the previous half step equal those of a new search."""

import numpy as np
import pytest
from support.close_pairs import are_known, find_pairs, search_of

import hybridrd as hrd

REACTIONS = {
    "product meets nobody": ["A + B -> C"],
    "loses the first of a pair": ["A + B -> B"],
    "product takes part": ["A + B -> 2 B", "2 B -> B"],
    "several": ["A + B -> C", "2 A -> A", "2 B -> 0"],
    "nothing goes": ["A + B -> A + B + C"],
}


def simulation(equations, seed=1):
    species = [hrd.Species(s, D=0.2) for s in "ABC"]
    box = hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(
        species=species,
        reactions=[hrd.Reaction(e, lambda0=20.0, radius=0.06) for e in equations],
        domain=box,
        particles=box,
        walls={"x-": hrd.Periodic(), "x+": hrd.Periodic()},
        cells=4,
        initial={species[0]: hrd.Copies(300), species[1]: hrd.Copies(300)},
    )
    return hrd.Simulation(system, dt=2e-3, seed=seed)


def run(equations, steps=12, forgets=False):
    sim, known = simulation(equations), 0
    for _ in range(steps):
        if forgets:
            search_of(sim).stamps[-1] = -1
        known += are_known(sim)
        sim.step()
    groups = sim.particles.values()
    found = [dict(zip(g.id.tolist(), g.positions.tolist(), strict=True)) for g in groups]
    return found, sim.events, known


@pytest.mark.parametrize("equations", REACTIONS.values(), ids=REACTIONS)
def test_pairs_that_are_kept_are_those_of_a_new_search(equations):
    kept, kept_events, _ = run(equations)
    again, events, known = run(equations, forgets=True)
    assert known == 0
    assert kept == again
    np.testing.assert_array_equal(kept_events, events)
    assert (events > 20).all()


@pytest.mark.parametrize(
    ("equations", "kept"),
    [(["A + B -> C"], 11), (["A + B -> A + B + C"], 11), (["A + B -> 2 B"], 0)],
)
def test_pairs_are_looked_for_once_a_step_where_products_meet_nobody(equations, kept):
    assert run(equations, 12)[2] == kept


def test_pairs_are_looked_for_again_after_particles_have_changed_in_between():
    changed, twin = simulation(["A + B -> C"]), simulation(["A + B -> C"])
    for sim in (changed, twin):
        for _ in range(4):
            sim.step()
    state = twin.state()
    changed.load_state(state)  # the same particles, stored anew
    search_of(twin).stamps[-1] = -1  # and a twin that has forgotten
    for sim in (changed, twin):
        for _ in range(4):
            sim.step()
    for one, other in zip(changed.particles.values(), twin.particles.values(), strict=True):
        assert dict(zip(one.id.tolist(), one.positions.tolist(), strict=True)) == dict(
            zip(other.id.tolist(), other.positions.tolist(), strict=True)
        )


@pytest.mark.parametrize("numbers", [(12, 700), (700, 12), (12, 4000), (4000, 12)])
def test_pairs_of_a_rare_and_a_common_species_are_those_that_are_close(numbers):
    sim = simulation(["A + B -> C"])
    system = sim.system.replace(
        initial={n: hrd.Copies(k) for n, k in zip("AB", numbers, strict=True)}
    )
    sim = hrd.Simulation(system, dt=2e-3, seed=4)
    i, j = find_pairs(sim)
    groups = list(sim.particles.values())
    a, b = groups[0].positions, groups[1].positions
    gap = a[:, None] - b[None]
    gap[..., 0] -= np.round(gap[..., 0])  # periodic along x
    near = np.argwhere((gap**2).sum(axis=-1) <= 0.06**2)
    assert len(near) > 50
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(map(tuple, near.tolist()))
