"""The pictures of the README and the first page: ``python docs/figures/make_pictures.py``."""

from pathlib import Path

import hybridrd as hrd
from hybridrd.examples import CASES

HERE = Path(__file__).parent


def line() -> None:
    """The script of the first page."""
    A = hrd.Species("A", D=0.5)
    system = hrd.System(
        species=[A],
        reactions=[hrd.Reaction("A -> 0", k=0.05)],
        domain=hrd.Box(x=(0, 10)),
        particles=hrd.Box(x=(0, 5)),
        cells=200,
        initial={A: hrd.Patch(2000.0, x=(7, 10))},
    )
    hybrid = hrd.Simulation(system, dt=1e-3, seed=7).run(until=10.0, every=0.5)
    pde = hrd.mean_field(system, dt=1e-3, until=10.0, every=0.5)
    axes = hrd.plot.profile(hybrid, species="A", time=10.0, reference=pde)
    axes.figure.savefig(HERE / "line.png", dpi=110)


def sir() -> None:
    """The published SIR case, hybrid beside PDE."""
    case = CASES["sir"]
    system = case.system()
    hybrid = hrd.Simulation(system, dt=case.dt, seed=1).run(until=1.0, every=0.5)
    pde = hrd.mean_field(system, dt=case.dt, until=1.0, every=0.5)
    hrd.plot.overview(hybrid, reference=pde, times=case.times).savefig(HERE / "sir.png", dpi=100)


if __name__ == "__main__":
    line()
    sir()
