"""Random small systems that can be run with dt = 0.05: cells of width 1, D at most 0.4."""

import itertools
from unittest import mock

from hypothesis import strategies as st

import hybridrd as hrd
from hybridrd.continuum import field
from hybridrd.continuum.cache import SolverCache

DT = 0.05
ASSEMBLED = SolverCache()  # FiPy's assembly is most of the time: simulations share it
STOICHIOMETRY = {  # change of (A, B, C) by an event
    "0 -> A": (1, 0, 0),
    "A -> 0": (-1, 0, 0),
    "A -> 2 A": (1, 0, 0),
    "B -> A + C": (1, -1, 1),
    "A -> B": (-1, 1, 0),
    "C -> A": (1, 0, -1),
}
PAIRS = ["A + B -> C", "2 A -> 0", "A + B -> 2 B", "B + C -> B", "2 C -> A"]
CONVERSIONS = ["A -> B", "C -> A", "B -> C"]  # keep the sum of all
RADIUS = 0.4


@st.composite
def species(draw):
    coefficients = [draw(st.sampled_from([0.4, 0.1, 0.0])) for _ in "ABC"]
    return [hrd.Species(name, D=D) for name, D in zip("ABC", coefficients, strict=True)]


@st.composite
def boxes(draw, whole=False):
    """(domain, particle region, cells); the region is at least two cells wide."""
    d = draw(st.integers(1, 3))
    most = {1: 9, 2: 6, 3: 4}[d]
    cells = tuple(draw(st.integers(2, most)) for _ in range(d))
    origin = draw(st.sampled_from([0.0, -3.7]))
    domain, region = {}, {}
    for axis, n in zip("xyz", cells, strict=False):
        first = draw(st.integers(0, n - 2))
        last = draw(st.integers(first + 2, n))
        domain[axis] = (origin, origin + n)
        region[axis] = (origin, origin + n) if whole else (origin + first, origin + last)
    return hrd.Box(**domain), hrd.Box(**region), cells


@st.composite
def walls(draw, axes, moving, closed=False):
    """Walls of all kinds; species in ``moving`` may enter."""
    kinds = ["reflecting"]
    if not closed:
        kinds += [
            "absorbing",
            "partial",
            *(["reservoir", "influx", "leaky", "bath", "drain"] if moving else []),
        ]
    result = {}
    for axis in axes:
        if draw(st.booleans()) and draw(st.booleans()):
            result[axis] = hrd.Periodic()
            continue
        for side in "-+":
            kind = draw(st.sampled_from(kinds))
            name = draw(st.sampled_from(moving)) if moving else "A"
            result[axis + side] = {
                "reflecting": hrd.Reflecting(),
                "absorbing": hrd.Absorbing(),
                "partial": hrd.PartiallyAbsorbing(2.0),
                "reservoir": hrd.Reservoir({name: 8.0}),
                "influx": hrd.Influx({name: lambda t: 5.0 + t}),
                "leaky": hrd.Leaky({name: 2.0}, outside={name: lambda t: 8.0 + t}),
                "bath": hrd.Leaky({name: 2.0}, outside={name: hrd.Bath(5.0, 9.0)}),
                "drain": hrd.Influx({name: -6.0}),
            }[kind]
    return result


@st.composite
def initial_states(draw, domain, by_cell=True):
    """A sum of parts for each species, at most about ten particles a cell."""
    axis, (low, high) = draw(st.sampled_from(list(zip(domain.axes, domain.intervals, strict=True))))
    middle = 0.5 * (low + high)
    offered = [
        4.0,
        hrd.Patch(10.0, **{axis: (low, middle)}),
        hrd.Patch(9.0, center=tuple(0.6 * a + 0.4 * b for a, b in domain.intervals), radius=0.9),
        hrd.Copies(25, **{axis: (middle, high)}),
    ]
    if by_cell:
        offered.append(hrd.Patch(lambda x: 3 + 0 * x))
    return {
        name: draw(st.lists(st.sampled_from(offered), max_size=2, unique_by=id)) for name in "ABC"
    }


@st.composite
def reactions(draw, offered):
    chosen = draw(st.lists(st.sampled_from(offered), max_size=4, unique=True))
    return [
        hrd.Reaction(text, lambda0=2.0, radius=RADIUS)
        if text in PAIRS
        else hrd.Reaction(text, k=draw(st.sampled_from([0.3, 2.0])))
        for text in chosen
    ]


SCHEMES = [None, hrd.Layer(), hrd.CalibratedLayer(), hrd.ExactPlane()]


@st.composite
def systems(draw, closed=False, offered=(*STOICHIOMETRY, *PAIRS), couplings=None, cellless=False):
    """A System of three species; if ``cellless``, of particles that do not ask for cells."""
    kinds = draw(species())
    domain, region, cells = draw(boxes(whole=cellless))
    moving = [] if cellless else [s.name for s in kinds if s.D > 0]
    coupling = draw(st.sampled_from(couplings or ["two-way", "mean-field"]))
    scheme = draw(st.sampled_from(SCHEMES))
    noisy = coupling == "two-way" and scheme is None and draw(st.booleans())
    return hrd.System(
        species=kinds,
        domain=domain,
        particles=region,
        cells=cells,
        walls=draw(walls(domain.axes, moving, closed)),
        reactions=draw(reactions(list(offered))),
        interface=scheme,
        coupling=coupling,
        fluctuations=draw(st.sampled_from(["discrete", "gaussian"])) if noisy else None,
        initial=draw(initial_states(domain, by_cell=not cellless)),
    )


def simulation(system, seed, **options):
    with mock.patch.object(field, "SolverCache", return_value=ASSEMBLED):
        return hrd.Simulation(system, dt=DT, seed=seed, **options)


def advance(sim, steps):
    for _ in itertools.repeat(None, steps):
        sim.step()
    return sim
