"""The pictures of the page on pictures: ``python docs/figures/make_gallery.py``."""

from pathlib import Path
from typing import Any

import pyvista

import hybridrd as hrd

HERE = Path(__file__).parent
UNITS = {"length": "um", "time": "s"}
STEPS = {"dt": 5e-3, "until": 2.0, "every": 0.1}

A, B = hrd.Species("A", D=0.5), hrd.Species("B", D=0.2)
SPREAD = hrd.System(
    species=[A, B],
    reactions=[hrd.Reaction("A + B -> 2 B", k=0.05, radius=0.1), hrd.Reaction("B -> 0", k=0.3)],
    domain=hrd.Box(x=(0, 8), y=(0, 4)),
    particles=hrd.Box(x=(0, 4), y=(0, 4)),
    cells=(64, 32),
    walls={"x+": hrd.Reservoir({A: 40.0}), "y": hrd.Periodic()},
    initial={A: 40.0, B: hrd.Patch(60.0, center=(2, 2), radius=0.8)},
    units=UNITS,
)
LINE = hrd.System(
    species=[A],
    domain=hrd.Box(x=(0, 10)),
    particles=hrd.Box(x=(0, 5)),
    cells=100,
    initial={A: hrd.Patch(400.0, x=(5, 8))},
    units=UNITS,
)
SHELL = hrd.System(
    species=[A],
    domain=hrd.Shell(inner=1, outer=5),
    particles=hrd.Shell(inner=1, outer=3),
    cells=80,
    walls={"inner": hrd.Absorbing(), "outer": hrd.Reservoir({A: 10.0})},
    initial={A: 10.0},
    units=UNITS,
)
ROOM = SPREAD.replace(
    domain=hrd.Box(x=(0, 8), y=(0, 4), z=(0, 4)),
    particles=hrd.Box(x=(0, 4), y=(0, 4), z=(0, 4)),
    cells=(32, 16, 16),
    reactions=[],
    walls={"x+": hrd.Reservoir({A: 10.0}), "z": hrd.Periodic()},
    initial={A: hrd.Patch(10.0, x=(6, 8)), B: hrd.Patch(20.0, center=(2, 2, 2), radius=1.0)},
)


def save(drawn: Any, name: str) -> None:
    """Save the figure that axes belong to."""
    drawn.figure.savefig(HERE / f"gallery_{name}.png", dpi=100)


def main() -> None:
    run = hrd.Simulation(SPREAD, dt=5e-3, seed=1).run(until=2.0, every=0.1, positions=True)
    many = hrd.ensemble(SPREAD, replicas=20, seed=1, **STEPS)
    pde = hrd.mean_field(SPREAD, **STEPS)
    save(hrd.plot.profile(many, B, reference=pde), "profile")
    save(hrd.plot.counts(many, reference=pde), "counts")
    save(hrd.plot.field(run, B, time=1.0), "field")
    save(hrd.plot.snapshot(run, time=1.0), "snapshot")
    save(hrd.plot.compare(many, pde, B)[0], "compare")
    hrd.plot.movie(run, kind="snapshot").save(HERE / "gallery_movie.gif", dpi=80)

    line = {"dt": 1e-2, "until": 10.0, "every": 0.2}
    run = hrd.Simulation(LINE, dt=1e-2, seed=1).run(until=10.0, every=0.2, positions=True)
    save(hrd.plot.kymograph(run, A), "kymograph")
    save(hrd.plot.snapshot(run, A, time=2.0), "strip")
    many, pde = hrd.ensemble(LINE, replicas=20, seed=1, **line), hrd.mean_field(LINE, **line)
    save(hrd.plot.compare(many, pde, A, time=2.0)[0], "compare_line")

    run = hrd.Simulation(SHELL, dt=5e-3, seed=1).run(until=2.0, every=1.0, positions=True)
    save(hrd.plot.snapshot(run, A), "shell")

    run = hrd.Simulation(ROOM, dt=5e-3, seed=1).run(until=2.0, every=1.0, positions=True)
    plotter = pyvista.Plotter(off_screen=True, window_size=(900, 640))
    hrd.plot.scene(run, plotter=plotter).screenshot(HERE / "gallery_scene.png")


if __name__ == "__main__":
    main()
