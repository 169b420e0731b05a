"""Places of the products of pairs: the same however the reaction is written, and nothing is lost.

In a box, beside reservoir walls and where two of them meet, across the plane, and at rest.
"""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import null_space
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd
from hybridrd.errors import ModelError
from hybridrd.model import doi
from hybridrd.theory import cdme

NAMES = "ABC"
SIGMA, DT = 0.15, 0.02
SETTINGS = ["box", "at rest", "wall", "edge", "two-way", "mean-field"]


def setting(where, *reactions, held=("A",), copies=40):
    """Three species in two dimensions; the walls hold a reservoir of the ``held`` ones."""
    D = [0.0] * 3 if where == "at rest" else [0.5, 0.3, 0.0]
    region = hrd.Box(x=(0, 1), y=(0, 1))
    planes = where in ("two-way", "mean-field")
    beyond = hrd.Reservoir(dict.fromkeys(held, 60.0))
    walls = {"wall": {"x": beyond}, "edge": {"x": beyond, "y": beyond}}
    initial = dict.fromkeys("AB", hrd.Copies(copies))
    return hrd.System(
        species=[hrd.Species(name, D=d) for name, d in zip(NAMES, D, strict=True)],
        domain=hrd.Box(x=(0, 2), y=(0, 1)) if planes else region,
        particles=region, cells=(8, 4) if planes else (4, 4), reactions=list(reactions),
        walls=walls.get(where, {}), coupling=where if planes else "two-way",
        initial=dict.fromkeys("AB", float(copies)) if planes else initial,
    )  # fmt: skip


def pair(equation, **rates):
    return hrd.Reaction(equation, radius=SIGMA, **({"lambda0": 5.0} | rates))


def ways(equation):
    """An equation with its sides in every order."""
    left, arrow, right = equation.partition(" -> ")
    orders = [list(itertools.permutations(side.split(" + "))) for side in (left, right)]
    return [arrow.join(map(" + ".join, sides)) for sides in itertools.product(*orders)]


def outcome(system, steps=8):
    sim = hrd.Simulation(system, dt=DT, seed=5)
    for _ in range(steps):
        sim.step()
    group = [sim.particles[name] for name in NAMES]
    found = [np.column_stack([g.id, g.positions])[np.argsort(g.id)] for g in group]
    return *found, sim.events, sim.total


@pytest.mark.parametrize(
    ("equation", "places"),
    [
        ("A + B -> B", (1,)),
        ("B + A -> B", (0,)),
        ("A + B -> C", (0,)),
        ("A + B -> C + A", (1, 0)),
        ("A + B -> 2 B", (1, 0)),
        ("A + B -> 2 A", (0, 1)),
        ("A + B -> A + B + C", (0, 1, 0)),
        ("B + A -> A + B + C", (1, 0, 0)),
        ("A + B -> 3 C", (0, 1, 0)),
        ("2 A -> A + B", (0, 1)),
        ("2 A -> B + A", (1, 0)),
        ("2 A -> 2 A + C", (0, 1, 0)),
        ("A -> B + A", (0, 0)),
        ("A + B -> 0", ()),
    ],
)
def test_places_of_products(equation, places):
    assert hrd.Reaction(equation, k=1.0).places == places


@pytest.mark.parametrize("where", SETTINGS)
@pytest.mark.parametrize(
    "equation", ["A + B -> A", "A + B -> B", "A + B -> 2 A", "A + B -> 2 B", "A + B -> A + C"]
)
def test_the_order_of_writing_changes_nothing(where, equation):
    first, *others = [outcome(setting(where, pair(text))) for text in ways(equation)]
    assert first[3][0] > 10
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert np.array_equal(a, b)


def test_a_first_order_product_of_the_same_species_is_the_particle():
    one, other = (
        outcome(setting("box", hrd.Reaction(text, k=3.0))) for text in ("A -> A + C", "A -> C + A")
    )
    assert one[3][0] > 10
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a, b)


def changes(system):
    """Copies that each reaction makes of each species, less those that it takes."""
    return np.array(
        [[c.products.count(n) - c.reactants.count(n) for n in NAMES] for c in system.channels]
    )


EVERY = [
    "A + B -> 0", "A + B -> A", "A + B -> B", "A + B -> C", "A + B -> 2 A", "A + B -> 2 B",
    "A + B -> 2 C", "A + B -> A + C", "A + B -> A + B + C", "A + B -> 3 C", "2 A -> 0", "2 A -> A",
    "2 A -> C", "2 A -> A + C", "2 A -> 2 A + C", "2 A -> 2 C",
]  # fmt: skip


@pytest.mark.parametrize("where", SETTINGS)
@pytest.mark.parametrize("equation", EVERY)
def test_what_no_wall_lets_pass_is_never_lost(where, equation):
    """Copies that are there: those of the start and what the events that were counted make."""
    swapped = equation.replace("A + B ->", "B + A ->")
    for text in dict.fromkeys((equation, swapped)):
        system = setting(where, pair(text))
        sim = hrd.Simulation(system, dt=DT, seed=6)
        start = sim.total
        for _ in range(8):
            sim.step()
        nu = changes(system)
        assert sim.events[0] > 10
        if where == "two-way":  # the continuum reacts as well: what the reaction keeps
            kept = null_space(nu.astype(float))
            assert np.abs(kept.T @ (sim.total - start)).max() < 1e-9 * start.max()
        elif where != "mean-field":
            closed = slice(1 if where in ("wall", "edge") else 0, None)  # A comes and goes
            expected = start + sim.events @ nu
            assert_allclose(sim.total[closed], expected[closed], rtol=0, atol=0)


@pytest.mark.parametrize("where", ["box", "wall", "edge", "two-way"])
@pytest.mark.parametrize("equation", ["A + B <-> C", "B + A <-> C", "2 A <-> C", "A + B <-> B"])
def test_reversible_pairs_keep_what_no_wall_lets_pass(where, equation):
    system = setting(where, pair(equation, k_back=6.0))
    sim = hrd.Simulation(system, dt=DT, seed=7)
    start = sim.total
    for _ in range(20):
        sim.step()
    nu = changes(system)
    assert np.all(sim.events > 10)
    if where == "two-way":
        assert np.abs(null_space(nu.astype(float)).T @ (sim.total - start)).max() < 1e-8
    else:
        closed = slice(0 if where == "box" else 1, None)
        assert_allclose(sim.total[closed], (start + sim.events @ nu)[closed], rtol=0, atol=0)


@pytest.mark.parametrize("where", ["box", "wall", "edge", "two-way", "mean-field"])
@pytest.mark.parametrize("equation", ["A + B -> B", "B + A -> B", "A + B -> B + C"])
def test_a_cloud_at_rest_does_not_move(where, equation):
    system = setting(where, pair(equation))
    still = [hrd.Species("A", D=0.5), hrd.Species("B", D=0.0), hrd.Species("C", D=0.0)]
    start = np.random.default_rng(1).uniform(0.4, 0.6, (60, 2))
    system = system.replace(species=still, initial={"A": 60.0, "B": hrd.Points(start)})
    sim = hrd.Simulation(system, dt=DT, seed=8)
    for _ in range(8):
        sim.step()
    b = sim.particles["B"]
    assert sim.events[0] > 10
    assert np.array_equal(b.positions[np.argsort(b.id)], start)


def test_walls_that_are_catalysed_away_keep_the_catalyst():
    """The walls bring A, B takes it away: the 20 copies of B fell to 17.6, 15.8, 14.1."""
    system = setting("wall", pair("A + B -> B", lambda0=None, k=0.05), copies=20)
    result = hrd.Simulation(system, dt=DT, seed=9).run(3.0, 1.0)
    assert result["copy_number"].sel(species="B").values.tolist() == [20] * 4


# --- shares beside a wall, by closed forms -------------------------------------------------------


def still_pairs(equation, held, n=1500):
    """Immobile A far from each other, each with V_cap c = 1.2 immobile B beyond the wall.

    Every A reacts with 1 - exp(-1.2) = 0.699 until t = 1.
    """
    strip = hrd.Box(x=(0, 1), y=(0, n))
    c = 1.2 / float(doi.cap_volume(0.1, 0.4, 2))
    system = hrd.System(
        species=[hrd.Species(name, D=0.0) for name in NAMES], domain=strip, particles=strip,
        cells=(4, 50), reactions=[hrd.Reaction(equation, lambda0=1.0, radius=0.4)],
        walls={"x+": hrd.Reservoir({"B": c} | dict.fromkeys(held, 0.0))},
        initial={"A": hrd.Points([(0.9, k + 0.5) for k in range(n)])},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.05, seed=4)
    for _ in range(20):
        sim.step()
    return sim, sim.copy_number / n, 4.5 * math.sqrt(0.21 / n)


@pytest.mark.parametrize("equation", ["A + B -> C", "B + A -> C"])
def test_immobile_partners_of_a_reservoir_react_and_their_product_stays(equation):
    sim, (a, b, c), bound = still_pairs(equation, ())
    assert abs(a - math.exp(-1.2)) < bound
    assert a + c == 1
    assert b == 0
    assert np.all(sim.particles["C"].positions[:, 0] == 0.9)


@pytest.mark.parametrize(("equation", "made"), [("A + B -> C", 1), ("B + A -> C", 0)])
def test_where_the_wall_holds_the_product_its_place_decides(equation, made):
    sim, (a, _, c), bound = still_pairs(equation, "C")
    assert abs(a - math.exp(-1.2)) < bound
    assert c == made * sim.events[0] / 1500


def test_beyond_two_walls_both_must_hold_the_product():
    """B is beyond both walls of a corner and C beyond one: C made in the corner is not lost."""
    box = hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(
        species=[hrd.Species(name, D=0.0) for name in NAMES], domain=box, particles=box, cells=4,
        walls={"x-": hrd.Reservoir({"B": 50.0, "C": 0.0}), "y-": hrd.Reservoir({"B": 50.0})},
        reactions=[hrd.Reaction("B + A -> C", lambda0=1.0, radius=0.4)],
        initial={"A": hrd.Points([[1e-9, 1e-9]] * 3000)},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.01, seed=3)
    sim.step()
    share = sim.copy_number[2] / sim.events[0]
    # Of the three quarters beyond, C may be in the one beyond x- alone; the rest is put at A's.
    assert abs(share - 2 / 3) < 4.5 * math.sqrt(2 / 9 / sim.events[0])
    assert sim.events[0] > 500


def test_only_partners_in_pairs_may_be_at_rest_in_a_reservoir():
    system = setting("box", pair("A + B -> C"))
    still = [hrd.Species("A", D=1.0), hrd.Species("B", D=0.0), hrd.Species("C", D=0.0)]
    fine = system.replace(species=still, walls={"x+": hrd.Reservoir({"B": 2.0})})
    assert hrd.Simulation(fine, dt=DT, seed=1).diagnostics()["interface"] == []
    with pytest.raises(ModelError, match="C has D = 0 and cannot enter"):
        fine.replace(walls={"x+": hrd.Reservoir({"C": 2.0})})
    with pytest.raises(ModelError, match="has no effect"):
        fine.replace(reactions=[pair("A + B -> B + A")])


# --- the first of a like pair --------------------------------------------------------------------


def test_either_of_a_like_pair_is_the_first():
    """C is made where the first one is: in half of the pairs the older, with the lower id."""
    box = hrd.Box(x=(0, 600))
    left = 3.0 * np.arange(200) + 1.0
    system = hrd.System(
        species=[hrd.Species("A", D=0.0), hrd.Species("C", D=0.0)], domain=box, particles=box,
        reactions=[hrd.Reaction("2 A -> 2 A + C", lambda0=20.0, radius=0.5)],
        initial={"A": [hrd.Points(left[:, None]), hrd.Points(left[:, None] + 0.25)]},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.05, seed=2)
    for _ in range(10):
        sim.step()
    x = sim.particles["C"].positions[:, 0]
    assert len(x) == sim.events[0] > 1500
    share = np.isclose((x - 1.0) % 3.0, 0.0).mean()
    assert abs(share - 0.5) < 4.5 * 0.5 / math.sqrt(len(x))


def test_products_of_like_pairs_are_flat_beside_a_reservoir():
    """Those that entered last are near the wall; by the lower id C stood 7 % deep."""
    c, k, dt = 400.0, 0.1, 0.01
    box = hrd.Box(x=(0, 1))
    a, still = hrd.Species("A", D=1.0), hrd.Species("C", D=0.0)
    radius, edges = 0.1, np.array([0, 0.1, 0.9, 1.0])
    system = hrd.System(
        species=[a, still], domain=box, particles=box, cells=10, interface=hrd.ExactPlane(),
        walls={"x": hrd.Reservoir({a: c, still: 0.0})}, initial={a: c},
        reactions=[hrd.Reaction("2 A -> 2 A + C", k=k, radius=radius)],
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=3)
    counts = sample(sim, lambda s: particles_in_bins(s, "C", [edges]), 0, 20, 60)
    made = np.diff(counts, axis=0, prepend=0) / (0.5 * k * c * c * 60 * dt * np.diff(edges))
    value, error = batches(0.5 * (made[:, 0] + made[:, 2]), 20)
    assert error < 0.012
    assert abs(value - 1) < 4.5 * error


# --- the master equation -------------------------------------------------------------------------

LINE = hrd.Box(x=(0, 1.5))


def on_a_line(reaction, walls, copies, D=(0.3, 0.1, 0.05), **options):
    species = [hrd.Species(name, D=d) for name, d in zip(NAMES, D, strict=True)]
    return hrd.System(
        species=species, domain=LINE, particles=LINE, cells=5, walls=walls, reactions=[reaction],
        initial={name: hrd.Copies(n) for name, n in copies.items()}, **options,
    )  # fmt: skip


@pytest.mark.parametrize("equation", ["A + B <-> C", "B + A <-> C"])
def test_a_reservoir_of_one_partner_sets_the_equilibrium(equation):
    """c_C/c_B = c_A k/k_back, everywhere: B and C come from each other beside the wall as well."""
    reaction = hrd.Reaction(equation, k=0.8, radius=0.4, k_back=1.5)
    given = on_a_line(reaction, {"x+": hrd.Reservoir({"A": 1.0})}, {"B": 1})
    given = given.replace(initial=dict(given.initial) | {"A": 1.0})
    late = cdme.solve(given, 3, {"A": 13, "B": 1, "C": 1}, until=30, every=30)
    c = late["concentration"].isel(time=-1)
    expected = 1.0 * 0.8 / 1.5
    assert_allclose(c.sel(species="C") / c.sel(species="B"), expected, rtol=2e-4)
    assert_allclose(c.sel(species="B") * 1.5 * (1 + expected), 1, rtol=2e-3)


def test_particles_have_the_equilibrium_that_a_reservoir_of_one_partner_sets():
    reaction = hrd.Reaction("A + B <-> C", lambda0=1.0, radius=0.4, k_back=1.5)
    walls = {"x": hrd.Reservoir({"A": 2.0})}
    share, n = 1 / (1 + 1.5 / (0.8 * 2.0)), 4000
    copies = {"B": round(n * (1 - share)), "C": round(n * share)}
    given = on_a_line(reaction, walls, copies, interface=hrd.ExactPlane())
    sim = hrd.Simulation(given, dt=0.02, seed=11)
    edges = [np.array([0, 0.2, 0.4, 1.1, 1.3, 1.5])]
    bins = sample(sim, lambda s: particles_in_bins(s, "C", edges), 60, 80, 8)
    value, error = batches(bins / (n * share * np.diff(edges[0]) / 1.5), 20)
    assert error.max() < 0.02
    assert np.all(np.abs(value - 1) < 4.5 * error)


@pytest.mark.parametrize(
    ("equation", "held", "made"),
    [
        ("A + B -> C", "B", "C"),
        ("A + B -> C", "BC", "C"),  # at A's place
        ("B + A -> C", "B", "C"),
        ("B + A -> C", "BC", ""),  # at B's, lost beyond the wall
        ("A + B -> C + A", "BC", "A"),
        ("A + B -> C + A", "B", "CA"),
        ("A + B -> 3 C", "BC", "CC"),
        ("A + B -> 3 C", "B", "CCC"),
        ("B + A -> 3 C", "BC", "C"),
        ("A + B -> 2 A", "B", "AA"),
        ("B + A -> 2 A", "AB", "A"),
    ],
)
def test_the_master_equation_puts_products_where_particles_do(equation, held, made):
    walls = {"x-": hrd.Reservoir({n: 4.0 if n == "B" else 0.0 for n in held})}
    reaction = hrd.Reaction(equation, lambda0=1.5, radius=0.4)
    given = on_a_line(reaction, walls, {"A": 1}, D=(0.0, 0.1, 0.0))
    rates = {}
    for e in cdme.voxel_model(given, 3).events:
        if e.takes == ((0, 0),):
            rates[e.makes] = rates.get(e.makes, 0.0) + e.rate
    products = tuple((NAMES.index(n), 0) for n in made)
    if made == "A":
        assert rates == {}
    else:
        assert_allclose(rates.pop(products), 1.5 * 4 * 0.16)
        assert rates == {}


def test_particles_and_master_equation_agree_where_the_product_is_kept():
    """B in a reservoir, C held by no wall: counts of C by place, from one copy of A each."""
    copies = 20_000
    reaction = hrd.Reaction("B + A -> C", lambda0=1.5, radius=0.4)
    walls = {"x-": hrd.Reservoir({"B": 4.0})}
    one = on_a_line(reaction, walls, {"A": 1}, D=(0.3, 0.0, 0.05))
    truth = cdme.solve(one, 25, max_copies={"A": 1, "B": 0, "C": 1}, until=0.4, every=0.4)
    p = truth["concentration"].isel(time=-1).values.reshape(3, 5, 5).mean(axis=2) * 0.3
    many = one.replace(initial={"A": hrd.Copies(copies)})
    run = hrd.Simulation(many, dt=0.005, seed=4).run(until=0.4, every=0.4)
    measured = run["concentration"].isel(time=-1).values * 0.3 / copies
    assert p[2].sum() > 0.1
    assert np.all(np.abs(measured - p) <= 4.5 * np.sqrt(p * (1 - p) / copies))
    assert run["copy_number"].isel(time=-1).sum() == copies
