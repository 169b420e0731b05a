"""FiPy meshes and equations of a user's own beside particles: closed forms, the package's PDE."""

import fipy as fp
import numpy as np
import pytest
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd
from hybridrd.continuum.fipy_mesh import check_planes

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)
# Wider and wider away from the plane x = 1, to x = 3.
WIDTHS = [0.1] * 5 + [0.15, 0.2, 0.25, 0.3, 0.3, 0.3]


def variable(mesh, c, **more):
    """A variable with the values c(x, y, ...) on a mesh."""
    value = c(*mesh.cellCenters.value) if callable(c) else c
    return fp.CellVariable(mesh=mesh, value=value, **more)


def plain(D=1.0):
    return fp.TransientTerm() == fp.DiffusionTerm(coeff=D)


def against_the_package(u, equation, dt, steps, initial, coupling, **more):
    """Both simulations of the same system, after the same steps."""
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 10)), particles=hrd.Box(x=(0, 5)), cells=100,
        coupling=coupling, **more,
    )  # fmt: skip
    theirs = hrd.FiPyContinuum({A: u}, equation)
    ours = hrd.Simulation(system.replace(initial={A: initial}), dt=dt, seed=1, solver="fipy")
    mine = hrd.Simulation(system, dt=dt, seed=1, continuum=theirs)
    for _ in range(steps):
        ours.step()
        mine.step()
    return ours, mine


@pytest.mark.parametrize(("coupling", "dt"), [("two-way", 0.016), ("mean-field", 0.1)])
def test_a_uniform_mesh_and_plain_diffusion_are_the_package_s_own(coupling, dt):
    """To round-off, every particle at its place; also where implicit Euler steps in."""
    low = 5.0 if coupling == "two-way" else 0.0
    mesh = fp.Grid1D(dx=0.1, nx=round((10 - low) / 0.1)) + [[low]]
    u = variable(mesh, lambda x: np.where((x > 5.3) & (x < 5.4), 3e4, 0.0))
    patch = hrd.Patch(3e4, x=(5.3, 5.4))
    ours, mine = against_the_package(u, plain(), dt, 40, patch, coupling)
    assert np.array_equal(ours.particles["A"].id, mine.particles["A"].id)
    apart = ours.particles["A"].positions - mine.particles["A"].positions
    assert np.abs(apart).max() < 1e-12  # the width of a layer is 0.1 but for round-off
    assert ours.copy_number[0] > 50
    assert np.abs(ours.concentration - mine.concentration).max() < 1e-9 * 3e4
    assert mine.total == pytest.approx(ours.total, rel=1e-12)
    taken = mine.diagnostics()["continuum"]["implicit_euler_steps"]
    assert taken == ours.diagnostics()["implicit_euler_steps"]
    assert (taken > 0) == (dt == 0.1)


def test_reactions_are_those_of_the_package_or_of_the_equation():
    """A decay done by mass action as in the package, or as a term, second order apart."""
    decay = [hrd.Reaction("A -> 0", k=0.8)]
    mesh = fp.Grid1D(dx=0.1, nx=100)
    start = lambda x: 100.0 * x  # noqa: E731
    exact = []
    for dt in (0.1, 0.05):
        system = hrd.System(
            species=[A], domain=hrd.Box(x=(0, 10)), particles=hrd.Box(x=(0, 5)), cells=100,
            coupling="mean-field", reactions=decay,
        )  # fmt: skip
        term = plain() - fp.ImplicitSourceTerm(coeff=-0.8)
        ends = []
        for equation, reactions in ((plain(), True), (term, False)):
            own = hrd.FiPyContinuum({A: variable(mesh, start)}, equation, reactions=reactions)
            sim = hrd.Simulation(system, dt=dt, seed=1, continuum=own)
            for _ in range(round(0.5 / dt)):
                sim.step()
            ends.append((sim.continuum * 0.1).sum())
        exact.append([end / (5000 * np.exp(-0.4)) - 1 for end in ends])
    assert abs(exact[0][0]) < 1e-12
    assert abs(exact[1][0]) < 1e-12
    assert 3.4 < exact[0][1] / exact[1][1] < 4.6


def steady(equation, mesh, inner, outer, seed, samples, scheme=None):
    """A two-way run that starts on a steady profile: particles in 0.3 < x < 0.7, own cells, flux.

    A reservoir at x = 0 on the particles' side, whatever the equation says at x = 3.
    """
    u = variable(mesh, outer)
    ends = mesh.facesRight
    u.constrain(float(outer(np.array(3.0))), ends)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 3)), particles=hrd.Box(x=(0, 1)), cells=30,
        walls={"x-": hrd.Reservoir({A: float(inner(0.0))})}, interface=scheme,
        initial={A: hrd.Patch(lambda x: np.maximum(inner(x), 0.0), x=(0, 1))},
    )  # fmt: skip
    own = hrd.FiPyContinuum({A: u}, equation)
    sim = hrd.Simulation(system, dt=0.005, seed=seed, continuum=own)

    def read(s):
        counts = s.concentration[0, 3:7].sum() * 0.1  # beyond reach of the layers' own profile
        return np.concatenate([[counts, s.crossings[0, 1]], s.continuum[0]])

    rows = sample(sim, read, 20, samples, 1)
    flux = (rows[-1, 1] - rows[0, 1]) / ((samples - 1) * 0.005)
    return rows[:, 0], rows[:, 2:], flux


def test_a_diffusion_coefficient_that_varies():
    """D = 1 + 2 (x - 1) beyond x = 1: a constant flux J, c(1) - c(x) = J log(D)/2."""
    mesh = fp.Grid1D(dx=WIDTHS) + [[1.0]]
    c0, J = 40000.0, 12000.0

    def inner(x):
        return c0 - J * x

    def outer(x):
        return c0 - J - 0.5 * J * np.log(1 + 2 * (x - 1))

    D = fp.FaceVariable(mesh=mesh, value=1.0 + 2.0 * (mesh.faceCenters[0] - 1.0))
    counts, fields, flux = steady(plain(D), mesh, inner, outer, 2, 200)
    expected = c0 * 0.4 - J * 0.2
    value, error = batches(counts / expected, 10)
    assert error < 0.006
    assert abs(value - 1) < 4 * error + 1e-3
    x = mesh.cellCenters.value[0]
    value, error = batches(fields / outer(x), 10)
    assert error.max() < 0.008
    assert np.all(np.abs(value - 1) < 4 * error + 2e-3)
    # A constant D would let a third less through: J = 2.18 rather than 3 times the drop.
    assert flux == pytest.approx(J, abs=4 * np.sqrt(2 * c0 * 0.1 / 0.01 / 1.25 / 4))


@pytest.mark.parametrize("v", [1.5, -1.5])
def test_a_drift_in_the_continuum(v):
    """J = -c' among the particles, J = v c - c' beyond: the slope has a kink at the plane."""
    mesh = fp.Grid1D(dx=[0.05] * 4 + WIDTHS[2:]) + [[1.0]]
    c0, c1, grown = 20000.0, 30000.0, np.exp(2.0 * v)
    J = (c0 * grown - c1) / ((1 + 1 / v) * grown - 1 / v)

    def inner(x):
        return c0 - J * x

    def outer(x):
        return J / v + (c0 - J - J / v) * np.exp(v * (x - 1))

    assert outer(3.0) == pytest.approx(c1)
    assert inner(1.0) == pytest.approx(outer(1.0))
    equation = fp.TransientTerm() + fp.ExponentialConvectionTerm(coeff=(v,)) == fp.DiffusionTerm()
    scheme = hrd.CalibratedLayer(width=0.1, offset=0.0)
    counts, fields, _ = steady(equation, mesh, inner, outer, 3, 120, scheme)
    expected = c0 * 0.4 - J * 0.2
    value, error = batches(counts / expected, 10)
    assert error < 0.008
    assert abs(value - 1) < 4 * error + 3e-3
    x = mesh.cellCenters.value[0]
    value, error = batches(fields / outer(x), 10)
    assert np.all(np.abs(value - 1) < 4 * error + 6e-3)


def test_a_rectilinear_mesh_in_the_plane_keeps_its_mass():
    """FiPy's walls and a swirl that is 0 on them: what leaves the particles is in the cells."""
    mesh = fp.Grid2D(dx=[0.2, 0.3, 0.5, 0.5], dy=[0.3, 0.45, 0.25]) + [[1.0], [0.0]]
    X, Y = mesh.faceCenters
    bend = np.pi * np.array([(X - 1) / 1.5, Y])
    swirl = fp.FaceVariable(mesh=mesh, rank=1, value=[
        2 * np.sin(bend[0]) * np.cos(bend[1]), -2 * np.cos(bend[0]) * np.sin(bend[1]) / 1.5
    ])  # fmt: skip
    drift = fp.UpwindConvectionTerm(coeff=swirl)
    u = variable(mesh, 40.0)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2.5), y=(0, 1)), particles=hrd.Box(x=(0, 1), y=(0, 1)),
        cells=(10, 4), initial={A: hrd.Copies(100, x=(0, 1))},
    )  # fmt: skip
    own = hrd.FiPyContinuum({A: u}, fp.TransientTerm() + drift == fp.DiffusionTerm(coeff=1.0))
    sim = hrd.Simulation(system, dt=0.01, seed=1, continuum=own)
    assert sim.total[0] == pytest.approx(100 + 60, rel=1e-14)
    for _ in range(50):
        sim.step()
    assert sim.total[0] == pytest.approx(160, rel=1e-12)
    assert sim.continuum.min() >= 0
    assert abs(sim.copy_number[0] - 100) > 5
    # FiPy's variable has what the simulation has.
    assert (u.value * mesh.cellVolumes).sum() == pytest.approx(
        (sim.continuum[0].ravel(order="F") * mesh.cellVolumes).sum(), rel=1e-13
    )


def test_uniform_stays_uniform_on_a_rectilinear_mesh():
    mesh = fp.Grid2D(dx=[0.5, 0.5, 0.2, 0.8], dy=[7.0, 19.0, 3.5, 10.5])
    own = hrd.FiPyContinuum({A: variable(mesh, 20.0)}, plain())
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2), y=(0, 40)), particles=hrd.Box(x=(0, 1), y=(0, 40)),
        cells=(8, 40), coupling="mean-field", initial={A: hrd.Patch(20.0, x=(0, 1))},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.1, seed=5, continuum=own)
    edges = [np.array([0.0, 0.5, 1.0]), np.arange(41.0)]
    n = sample(sim, lambda s: particles_in_bins(s, "A", edges), 0, 120, 1)
    assert np.abs(sim.continuum - 20).max() < 1e-10
    for moment in (n, (n - 10) ** 2):  # mean and variance, as of Poisson numbers
        value, error = batches(moment.mean(axis=(1, 2)), 12)
        assert error < 0.4
        assert abs(value - 10) < 4 * error


def test_two_coupled_species_and_a_coefficient_of_time():
    """A decays at the rate t, B at 1: exp(-t^2/2) and exp(-t) are left, to second order."""
    mesh = fp.Grid1D(dx=[0.25, 0.75, 0.5, 0.5])
    lost = []
    for dt in (0.1, 0.05):
        a, b = variable(mesh, 8.0), variable(mesh, 4.0)
        now = fp.Variable(value=0.0)
        both = (
            fp.TransientTerm(var=a)
            == fp.DiffusionTerm(coeff=1.0, var=a) - fp.ImplicitSourceTerm(coeff=now, var=a)
        ) & (
            fp.TransientTerm(var=b)
            == fp.DiffusionTerm(coeff=0.5, var=b) - fp.ImplicitSourceTerm(coeff=1.0, var=b)
        )
        own = hrd.FiPyContinuum({B: b, A: a}, both, time=now)
        system = hrd.System(
            species=[A, B], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=8,
            coupling="mean-field",
        )  # fmt: skip
        sim = hrd.Simulation(system, dt=dt, seed=1, continuum=own)
        for _ in range(round(1 / dt)):
            sim.step()
        exact = np.array([[8 * np.exp(-0.5)], [4 * np.exp(-1.0)]])
        lost.append(sim.continuum / exact - 1)
    assert np.all(np.abs(lost[1]) < 1e-3)
    assert lost[0] / lost[1] == pytest.approx(np.full((2, 4), 4.0), abs=0.7)


def test_sweeps_solve_a_reaction_that_is_not_linear():
    """dc/dt = -c^2 from 1: 1/(1 + t), second order with sweeps enough, first without."""
    mesh = fp.Grid1D(dx=[1.0, 1.0])
    errors = []
    for sweeps, dt in ((1, 0.1), (1, 0.05), (4, 0.1), (4, 0.05)):
        u = variable(mesh, 1.0, hasOld=True)
        own = hrd.FiPyContinuum({A: u}, plain() + fp.ImplicitSourceTerm(coeff=u), sweeps=sweeps)
        system = hrd.System(
            species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=8,
            coupling="mean-field",
        )  # fmt: skip
        sim = hrd.Simulation(system, dt=dt, seed=1, continuum=own)
        for _ in range(round(0.5 / dt)):
            sim.step()
        errors.append(abs(sim.continuum[0, 0] - 1 / 1.5))
    assert errors[2] / errors[3] > 3.3
    assert errors[3] < 0.2 * errors[1]


def test_cells_of_joined_and_periodic_meshes_are_found():
    near, far = fp.Grid2D(dx=[0.25, 0.75], dy=[0.5, 0.7]), fp.Grid2D(dx=[0.5], dy=[0.5, 0.7])
    mesh = (far + [[2.0], [0.0]]) + (near + [[1.0], [0.0]])  # FiPy counts the far cells first
    own = hrd.FiPyContinuum({A: variable(mesh, lambda x, y: x + 10 * y)}, plain())
    assert [list(e) for e in own.edges] == [
        pytest.approx([1, 1.25, 2, 2.5]), pytest.approx([0, 0.5, 1.2])
    ]  # fmt: skip
    domain = hrd.Box(x=(0, 4), y=(0, 2))
    start = own.start(hrd.System(species=[A], domain=domain), 0.1)
    centers = np.array([[1.125], [1.625], [2.25]])
    assert start[0] == pytest.approx(centers + 10 * np.array([0.25, 0.85]))
    own.show(start + 1)
    assert own.variables["A"].value == pytest.approx(
        mesh.cellCenters.value[0] + 10 * mesh.cellCenters.value[1] + 1
    )
    ring = fp.PeriodicGrid2DTopBottom(dx=[0.5, 0.2], dy=0.25, nx=2, ny=4) + [[1.0], [2.0]]
    own = hrd.FiPyContinuum({A: variable(ring, 1.0)}, plain())
    assert [list(e) for e in own.edges] == [
        pytest.approx([1, 1.5, 1.7]), pytest.approx([2, 2.25, 2.5, 2.75, 3])
    ]  # fmt: skip


def made(u, equation=None, **more):
    return hrd.FiPyContinuum(u, plain() if equation is None else equation, **more)


LINE = fp.Grid1D(dx=0.5, nx=4)
U = variable(LINE, 1.0)
WRONG = {
    "integers": (lambda: made({A: variable(LINE, 30)}), "type int.* as in value=30.0"),
    "no dict": (lambda: made(U), "variables by species"),
    "a time of floats": (lambda: made({A: U}, time=0.0), "time = 0.0: give a Variable"),
    "a time of integers": (lambda: made({A: U}, time=fp.Variable(value=0)), "time holds numbers"),
    "no variable": (lambda: made({}), "give FiPy's variable"),
    "not of FiPy": (lambda: made({A: np.ones(4)}), r"variables\['A'\] = .* a CellVariable"),
    "a vector": (
        lambda: made({A: fp.CellVariable(mesh=LINE, rank=1, value=(1.0,))}), r"the shape \(1, 4\)",
    ),
    "two meshes": (
        lambda: made({A: U, B: variable(fp.Grid1D(dx=0.5, nx=4), 1.0)}), "A and B are on two mesh",
    ),
    "an equation for another": (lambda: made({A: U}, {B: plain()}), "those of B, but variables of"),
    "no equation": (lambda: made({A: U}, {A: "c' = c''"}), "is not an equation of FiPy"),
    "no sweep": (lambda: made({A: U}, sweeps=0), "sweeps = 0"),
    "no solver": (lambda: made({A: U}, solver="lu"), "solver = 'lu': give a solver of FiPy"),
    "nothing old": (lambda: made({A: U}, sweeps=2), "hasOld=True"),
    "a triangular mesh": (
        lambda: made({A: fp.CellVariable(mesh=fp.Tri2D(nx=2, ny=2), value=1.0)}),
        "not rectilinear: two of its cells",
    ),
    "a cylinder": (
        lambda: made({A: fp.CellVariable(mesh=fp.CylindricalGrid1D(dx=0.5, nx=4), value=1.0)}),
        r"not rectilinear: the cell at .* the box around it 0.5",
    ),
}  # fmt: skip


def test_it_says_what_it_is():
    assert repr(made({A: U})) == "FiPyContinuum(A on 4 cells)"


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_refused(make, message):
    with pytest.raises(hrd.ModelError, match=message):
        make()


def test_species_and_variables_must_agree():
    system = hrd.System(
        species=[A, B], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=8
    )
    with pytest.raises(hrd.ModelError, match="variables of A, the system the species A, B"):
        hrd.Simulation(system, dt=1e-3, continuum=made({A: U}))


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        (fp.DiffusionTerm(coeff=1.0) == 0, "has each species its TransientTerm"),
        (
            fp.DiffusionTerm(coeff=1.0) == fp.ImplicitSourceTerm(coeff=2.0),
            "a step of 1e-15 changes A by 2; the equation needs a TransientTerm",
        ),
        (
            fp.TransientTerm() + fp.ConvectionTerm(coeff=(1.0, 2.0)) == 0,
            "FiPy cannot solve the equation of the continuum at t = 0: VectorCoeffError",
        ),
    ],
    ids=["Laplace", "Helmholtz", "a vector of two"],
)  # fmt: skip
def test_an_equation_that_goes_nowhere_is_refused(equation, message):
    system = hrd.System(species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=8)
    with pytest.raises(hrd.ModelError, match=message):
        hrd.Simulation(system, dt=1e-3, continuum=made({A: variable(LINE, 1.0)}, equation))


def test_a_plane_between_the_faces_is_refused_with_the_nearest():
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 0.75)), cells=8
    )
    with pytest.raises(hrd.ModelError, match=r"x = 0.75 .* along x are at 0.5 and 1\."):
        hrd.Simulation(system, dt=1e-3, continuum=made({A: U}))


def test_a_checkpoint_goes_on_with_the_objects_made_anew(tmp_path):
    def own():
        mesh = fp.Grid1D(dx=WIDTHS) + [[1.0]]
        return hrd.FiPyContinuum({A: variable(mesh, lambda x: 300 * x)}, plain())

    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 3)), particles=hrd.Box(x=(0, 1)), cells=30,
        initial={A: hrd.Patch(300.0, x=(0, 1))},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.005, seed=1, continuum=own())
    first = sim.run(until=0.1, every=0.02, checkpoint=tmp_path / "run", out=tmp_path / "a.zarr")
    assert first.sizes["time"] == 6
    twin = hrd.Simulation.restore(tmp_path / "run", continuum=own())
    again = twin.run(until=0.2, out=tmp_path / "a.zarr")
    straight = hrd.Simulation(system, dt=0.005, seed=1, continuum=own()).run(until=0.2, every=0.02)
    assert again.load().equals(straight)


HELD = {
    "value": lambda u, mesh: u.constrain(3.0, mesh.facesLeft),
    "gradient": lambda u, mesh: u.faceGrad.constrain([2.0], mesh.facesLeft),
    "every wall": lambda u, mesh: u.constrain(3.0, mesh.exteriorFaces),
}
FREE = {
    "no gradient": lambda u, mesh: u.faceGrad.constrain([0.0], mesh.facesLeft),
    "outer wall": lambda u, mesh: u.constrain(3.0, mesh.facesRight),
}


def constrained(constrain, coupling="two-way"):
    mesh = fp.Grid1D(dx=0.1, nx=20) + [[1.0]]
    u = variable(mesh, lambda x: 5.0 + 0 * x)
    constrain(u, mesh)
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 3)), particles=hrd.Box(x=(0, 1)), cells=30,
        coupling=coupling, initial={A: hrd.Patch(5.0, x=(0, 1))},
    )  # fmt: skip
    return hrd.Simulation(system, dt=2e-3, seed=1, continuum=hrd.FiPyContinuum({A: u}, plain()))


@pytest.mark.parametrize("case", HELD)
def test_a_constraint_on_a_plane_is_refused(case):
    words = r"variables\['A'\] has a constraint on the plane x = 1 of the particle region"
    with pytest.raises(hrd.ModelError, match=words):
        constrained(HELD[case])


@pytest.mark.parametrize("case", FREE)
def test_a_constraint_elsewhere_is_not(case):
    assert constrained(FREE[case]).run(0.01, 0.01)["total"].notnull().all()


def test_a_constraint_on_a_face_within_the_plane_is_refused():
    """In two dimensions a plane is part of a line of faces; beyond its ends FiPy is free."""
    square, region = hrd.Box(x=(0, 2), y=(0, 2)), hrd.Box(x=(0, 1), y=(0, 1))
    system = hrd.System(species=[A], domain=square, particles=region, cells=(20, 20))
    mesh = fp.Grid2D(dx=0.1, dy=0.1, nx=20, ny=20)
    x, y = mesh.faceCenters
    on_line = abs(x - 1.0) < 1e-6
    for part, refused in ((y < 1, True), (y > 1, False)):
        u = fp.CellVariable(mesh=mesh, value=5.0)
        u.constrain(3.0, on_line & part)
        theirs = hrd.FiPyContinuum({A: u}, plain())
        if refused:
            with pytest.raises(hrd.ModelError, match="on the plane x = 1"):
                hrd.Simulation(system, dt=1e-3, seed=1, continuum=theirs)
        else:
            check_planes(u, "A", system)
