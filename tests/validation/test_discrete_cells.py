"""Discrete cells at length: means and variances beside particles, from few to many copies."""

import numpy as np
import pytest
from support.sampling import batches

import hybridrd as hrd

pytestmark = pytest.mark.validation

A = hrd.Species("A", D=1.0)


def open_slab(c, k, shape, region, particles=True, fluctuations="discrete"):
    """0 <-> A at c copies a cell of width 1: the first `region` cells along x are particles."""
    axes = dict(zip("xyz", shape, strict=False))
    box = {axis: (0, n) for axis, n in axes.items()}
    birth = [hrd.Reaction("0 -> A", k=k * c), hrd.Reaction("A -> 0", k=k)]
    return hrd.System(
        species=[A], domain=hrd.Box(**box), reactions=birth, cells=shape,
        particles=hrd.Box(**box | {"x": (0, region)}) if particles else None,
        walls={axis: hrd.Periodic() for axis in axes if axis != "x"},
        initial={A: float(c)}, fluctuations=fluctuations,
    )  # fmt: skip


def contents(system, dt, samples, stride, seed):
    """Copies in cells ``(samples, cells along x, rows)`` at equilibrium."""
    sim = hrd.Simulation(system, dt=dt, seed=seed)
    found = []
    sim.step(4 * stride)
    for _ in range(samples):
        sim.step(stride)
        found.append(sim.concentration[0].reshape(system.cells[0], -1))
    return np.array(found)


def poisson(x, c, region, memory=1.0):
    """Mean and variance of the cells on both sides, of the region, and of whole rows: all 1.

    ``memory`` is the number of records after which the total has forgotten; with it the mean
    number wanders, and all variances by the same part.
    """
    samples = x.shape[0] * x.shape[2]
    slow = np.sqrt(2 * memory / x.shape[0] / (c * x[0].size))

    def error(c, n):
        return np.hypot(slow, np.sqrt(2 * (2 + 1 / c) / n))

    for cells in (x[:, :region], x[:, region:]):
        n = cells.size
        # Contents of one cell at times a few steps apart are not independent: half of them count.
        assert abs(cells.mean() / c - 1) < 0.002 + 4.5 * np.hypot(slow, np.sqrt(2 / (n * c)))
        assert abs(((cells - c) ** 2).mean() / c - 1) < 4.5 * error(c, n)
    for k in range(x.shape[1]):
        ratio = ((x[:, k] - c) ** 2).mean() / c
        assert abs(ratio - 1) < 4.5 * error(c, samples), k
    for total, cells in ((x[:, :region].sum(axis=1), region), (x.sum(axis=1), x.shape[1])):
        ratio = ((total - cells * c) ** 2).mean() / (cells * c)
        assert abs(ratio - 1) < 4.5 * error(c * cells, samples)


# By place: cells, None for an axis that grows as copies become fewer, and the particle region.
PLACES = {
    "line": ((4,), {"x": (0, 2)}),
    "plane": ((4, None), {"x": (0, 2)}),
    "slab": ((4, None), {"x": (1, 3)}),
    "solid": ((4, 4, None), {"x": (0, 2)}),
    "box in box": ((4, None), {"x": (1, 3), "y": (1, 3)}),
    "cube in cube": ((4, 4, None), {"x": (1, 3), "y": (1, 3), "z": (1, 3)}),
}
ROWS = {0.3: (100, 30), 1: (60, 20), 5: (20, 8), 50: (8, 4), 500: (4, 4)}  # in a plane, in 3D


def ratios(x, c, kept, inside):
    """Variances over Poisson's, record by record: of cells, of each, of the region, of the total.

    ``x`` is ``(records, cells)``. A total forgets slowly, its changes between records do not: of a
    total whose mean decays as ``kept`` they have ``1 - kept²`` of its variance. What is left of
    the others without their share of the total forgets as diffusion is fast.
    """
    size = x.shape[1]
    total = x.sum(axis=1) - c * size
    changes = (total[1:] - kept * total[:-1]) ** 2 / (1 - kept**2)

    def ratio(part, cells):
        share = cells / size
        rest = part[1:] - cells * c - share * total[1:, None]
        slow = 2 * share * rest * total[1:, None] + share**2 * changes[:, None]
        return (rest**2 + slow) / (cells * c)

    each = ratio(x, 1)
    region = ratio(x[:, inside].sum(axis=1)[:, None], inside.sum())[:, 0]
    sides = each[:, inside].mean(axis=1), each[:, ~inside].mean(axis=1)
    return *sides, each, region, changes / (c * size)


def birth_and_death(place, c, k, rows, dt, stride, records):
    """Copies in cells ``(records, cells)`` of 0 <-> A, and which cells are particles."""
    shape, region = PLACES[place]
    shape = tuple(n or rows for n in shape)
    axes = dict(zip("xyz", shape, strict=False))
    box = {axis: (0, n) for axis, n in axes.items()}
    system = hrd.System(
        species=[A], domain=hrd.Box(**box), particles=hrd.Box(**box | region), cells=shape,
        reactions=[hrd.Reaction("0 -> A", k=k * c), hrd.Reaction("A -> 0", k=k)],
        walls={axis: hrd.Periodic() for axis in axes if axis not in region},
        initial={A: float(c)}, fluctuations="discrete",
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=dt, seed=1)
    sim.step(40)
    x = np.empty((records, np.prod(shape)))
    for record in x:
        sim.step(stride)
        record[:] = sim.concentration[0].ravel()
    at = np.indices(shape).reshape(len(shape), -1)
    inside = np.ones(at.shape[1], bool)
    for n, axis in enumerate(axes):
        low, high = region.get(axis, box[axis])
        inside &= (at[n] >= low) & (at[n] < high)
    return x, inside, np.exp(-k * dt * stride)


@pytest.mark.parametrize("k", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("c", list(ROWS))
@pytest.mark.parametrize("place", list(PLACES))
def test_birth_and_death_beside_particles(place, c, k):
    """Seen to 1 % in cells and 2 % in the region and the total, 4 % where a line has few copies."""
    shape = PLACES[place][0]
    rows = ROWS[c][len(shape) == 3]
    copies = c * np.prod([n or rows for n in shape])
    # Some copies are born between records.
    stride = round(2 * min(25, max(2, 0.5 / (k * copies))))
    x, inside, kept = birth_and_death(place, c, k, rows, 0.5, stride, 8000 if c < 500 else 4000)
    found = [batches(values, 25) for values in ratios(x, c, kept, inside)]
    for (ratio, error), bound in zip(found, (0.045, 0.045, 0.07, 0.045, 0.035), strict=True):
        assert np.all(error < bound)
        # With 24 degrees of freedom: 1e-5 of all, and of some 10,000 single cells.
        assert np.all(np.abs(ratio - 1) < (5.5 if ratio.ndim == 0 else 7.5) * error)
    for cells in (x[:, inside], x[:, ~inside]):
        mean, error = batches(cells.mean(axis=1) / c, 25)
        assert abs(mean - 1) < 0.002 + 5.5 * error


def test_a_million_copies_a_cell():
    x, inside, kept = birth_and_death("line", 10**6, 1.0, 1, 0.05, 1, 400)
    found = [batches(values, 25) for values in ratios(x, 10**6, kept, inside)]
    for ratio, error in found:
        assert np.all(np.abs(ratio - 1) < 5.5 * error)
    assert abs(x.mean() / 10**6 - 1) < 0.002


@pytest.mark.parametrize("dt", [0.05, 0.6, 1.0])
def test_any_step(dt):
    poisson(contents(open_slab(5, 0.1, (6, 200), 3), dt, 100, round(2 / dt), seed=2), 5, 3, 5.0)


@pytest.mark.parametrize("c", [0.3, 50, 10**6])
def test_cells_alone(c):
    system = open_slab(c, 0.1, (6, 400), 3, particles=False)
    x = contents(system, 0.25, 100, 8, seed=4)
    poisson(x, c, 3, memory=5.0)
    # The structure factor, along the rows: 1 at every wave number.
    modes = np.abs(np.fft.rfft(x.sum(axis=1) - 6 * c, axis=1)) ** 2 / (6 * c * x.shape[2])
    bands = [modes[:, a:b] for a, b in ((1, 10), (10, 40), (40, 100), (100, 200))]
    for band in bands:
        assert abs(band.mean() - 1) < 4.5 * np.sqrt(2.0 / band.size)


def test_closed_rows_are_multinomial():
    system = open_slab(5, 0.0, (6, 60), 3).replace(reactions=[])
    x = contents(system, 0.5, 1500, 8, seed=6)
    assert (x.sum(axis=(1, 2)) == x[0].sum()).all()
    c = x[0].mean()
    ratio = ((x - c) ** 2).mean() / (c * (1 - 1 / 360))
    assert abs(ratio - 1) < 4.5 * np.sqrt(4 / x.size)
    region = x[:, :3].sum(axis=(1, 2))
    assert abs(region.var() / (180 * c * 0.5) - 1) < 4.5 * np.sqrt(2 * 6 / len(region))


@pytest.mark.parametrize("c", [3.0, 10.0, 30.0])
def test_like_pairs_in_cells_beside_particles(c):
    """0 -> A, 2 A -> 0, slow beside diffusion: one voxel's law for cells, region and particles."""
    k, rows = 0.02, 100
    # Reactions are so slow beside diffusion that a row of six cells is one well-mixed voxel.
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 1.2), y=(0, rows)),
        particles=hrd.Box(x=(0, 0.6), y=(0, rows)), cells=(6, rows), walls={"y": hrd.Periodic()},
        reactions=[
            hrd.Reaction("0 -> A", k=k * c**2), hrd.Reaction("2 A -> 0", k=k, radius=0.05)
        ],
        initial={A: c}, fluctuations="discrete",
    )  # fmt: skip
    ways = (
        system,
        system.replace(particles=None),
        system.replace(particles=system.domain, fluctuations=None),
    )
    # Numbers are of cells of the area 0.2; the total forgets in 1/(2 k c), some records.
    x, alone, particles = (
        contents(way, 0.02, 100, 60, seed=7 + n) * 0.2 for n, way in enumerate(ways)
    )
    mean = particles.mean()
    slow = np.sqrt(2 / (2 * k * c) / 1.2 / 100 / (mean * 6 * rows))
    error = 4.5 * np.hypot(slow, np.sqrt(2 / (x.size * mean))) * np.sqrt(2) + 0.002
    assert abs(x.mean() / mean - 1) < error
    assert abs(alone.mean() / mean - 1) < error
    first = x[:, 3]  # the first cell beside the plane
    assert abs(first.mean() / mean - 1) < error + 4.5 * np.sqrt(2 / (first.size * mean))
    fano = [y.sum(axis=1).var() / y.sum(axis=1).mean() for y in (x, alone, particles)]
    assert fano[0] == pytest.approx(fano[2], rel=4.5 * np.sqrt(2 * 4 / (100 * rows)))
    assert fano[1] == pytest.approx(fano[2], rel=4.5 * np.sqrt(2 * 4 / (100 * rows)))


def test_a_linear_profile_has_no_jump():
    """A steady gradient across the plane: all but the curved layer on a line, to 0.05 h."""
    J, top = 50.0, 12
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, top), y=(0, 40)), cells=(top, 40),
        particles=hrd.Box(x=(0, 6), y=(0, 40)), fluctuations="discrete",
        walls={"x-": hrd.Influx({A: J}), "x+": hrd.Reservoir({A: 20.0}), "y": hrd.Periodic()},
        initial={A: lambda x: 20 + J * (top - x)},
    )  # fmt: skip
    for dt in (0.1, 0.5):
        x = contents(system, dt, 300, round(1 / dt), seed=2).mean(axis=(0, 2))
        off = (x - 20 - J * (top - np.arange(top) - 0.5)) / J
        assert np.abs(np.delete(off, 5)).max() < 0.05


@pytest.mark.parametrize(("rise", "dt"), [(0.4, 0.25), (0.2, 0.5), (-0.4, 0.25)])
def test_boltzmann_beside_the_plane(rise, dt):
    """The layer, the first cells and the region at equilibrium in a potential, to 0.5 %."""
    drifting = hrd.Species("A", D=1.0, potential=lambda x: rise * x)
    mean = np.exp(-rise * (np.arange(12) - 5.5))
    mean *= 1e5 / mean[:6].sum()
    system = hrd.System(
        species=[drifting], domain=hrd.Box(x=(0, 12)), particles=hrd.Box(x=(0, 6)), cells=12,
        initial={drifting: hrd.Patch(lambda x: mean[6] * np.exp(-rise * (x - 6.5)))},
        fluctuations="discrete",
    )  # fmt: skip
    x = contents(system, dt, 800, round(1 / dt), seed=6)[:, :, 0]
    parts = x.reshape(20, 40, 12).mean(axis=1) / (mean * x.sum(axis=1).mean() / mean.sum())
    error = parts.std(axis=0, ddof=1) / np.sqrt(20)
    assert (np.abs(parts.mean(axis=0) - 1)[4:9] < 0.005 + 2 * error[4:9]).all()


@pytest.mark.parametrize(("radius", "rows"), [(1.0, 200), (2.0, 60)])
def test_pairs_across_cells_and_the_plane(radius, rows):
    """With correct_pairs as many pairs react beside the plane as elsewhere, on both sides."""
    system = hrd.System(
        species=[A, hrd.Species("B", D=1.0), hrd.Species("C", D=0.0)], cells=(12, rows),
        domain=hrd.Box(x=(0, 12), y=(0, rows)), particles=hrd.Box(x=(4, 8), y=(0, rows)),
        walls={"x": hrd.Periodic(), "y": hrd.Periodic()}, initial={"A": 1.0, "B": 1.0},
        reactions=[hrd.Reaction("A + B -> A + B + C", k=0.2, radius=radius)],
        fluctuations="discrete", correct_pairs=True,
    )  # fmt: skip
    found = []
    for seed in range(8):
        sim = hrd.Simulation(system, dt=0.1, seed=seed)
        sim.step(1000)
        a, b, c = sim.concentration.reshape(3, 12, rows).sum(axis=2)
        columns = c / (0.2 * a.sum() / 12 * b.sum() / 12 / rows * 100)
        found.append([columns[list(pair)].mean() for pair in ((3, 8), (4, 7), (5, 6), (0, 11))])
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - 1) < 4.5 * error + 0.01).all()


def test_seven_copies_in_cells_and_as_particles():
    """2 A <-> C on both sides of a plane: the numbers of complexes have the law of one volume."""
    k, back, size = 0.6, 0.4, 2.0
    species = [hrd.Species(name, D=1.0) for name in "AC"]
    system = hrd.System(
        species=species, domain=hrd.Box(x=(0, size)), particles=hrd.Box(x=(0, 1)), cells=8,
        reactions=[hrd.Reaction("2 A <-> C", k=k, k_back=back, radius=0.05)],
        initial={"A": hrd.Copies(7)}, fluctuations="discrete",
    )  # fmt: skip
    found = np.zeros((60, 4))
    for seed, run in enumerate(found):
        sim = hrd.Simulation(system, dt=0.02, seed=seed)
        sim.step(400)
        for _ in range(100):
            sim.step(40)
            a, c = (round(total) for total in sim.total)
            assert a + 2 * c == 7
            run[c] += 0.01
    free = 7 - 2 * np.arange(3.0)
    odds = k * free * (free - 1) / 2 / size / (back * np.arange(1.0, 4.0))
    law = np.append(1.0, np.cumprod(odds))
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - law / law.sum()) < 4.5 * error).all()
