"""Pictures of the page on shapes: a dish with pillars, a cell from an image, a front followed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import hybridrd as hrd

FOLDER = Path(__file__).parent
A = hrd.Species("A", D=1.0)
SQUARE = hrd.Box(x=(0, 1), y=(0, 1))


def dish() -> None:
    """A dish with pillars: particles in a piece of it, the PDE as contours."""
    pillars = [hrd.Ball((x, y), 0.05) for x in (0.3, 0.5, 0.7) for y in (0.3, 0.5, 0.7)]
    obstacles = hrd.Outside(hrd.Ball((0.5, 0.5), 0.48))
    for pillar in pillars:
        obstacles = obstacles | pillar
    system = hrd.System(
        species=[A], domain=SQUARE, cells=(60, 60), obstacles=obstacles,
        particles=hrd.Box(x=(0.4, 0.9), y=(0.4, 0.9)) & hrd.Ball((0.5, 0.5), 0.4),
        initial={A: hrd.Patch(4e6, center=(0.25, 0.4), radius=0.1)},
    )  # fmt: skip
    options = {"dt": 2e-4, "until": 0.05, "every": 0.05}
    pde = hrd.mean_field(system, **options)
    dt = options.pop("dt")
    run = hrd.Simulation(system, dt=dt, seed=1).run(**options)
    ax = hrd.plot.field(run, "A", reference=pde)
    ax.figure.savefig(FOLDER / "shapes_dish.png", dpi=90)


def cell_image(path: Path) -> None:
    """An image of a cell: bright, with a dark nucleus."""
    image = Image.new("L", (200, 200), 0)
    draw = ImageDraw.Draw(image)
    angle = np.linspace(0, 2 * np.pi, 200)
    r = 70 + 18 * np.cos(3 * angle) + 8 * np.sin(5 * angle)
    outline = zip(100 + r * np.cos(angle), 100 + r * np.sin(angle), strict=True)
    draw.polygon([(float(x), float(y)) for x, y in outline], fill=220)
    draw.ellipse((85, 90, 135, 130), fill=60)
    image.save(path)


def cell() -> None:
    """A cell from an image: whole copies, particles around the nucleus."""
    with tempfile.TemporaryDirectory() as folder:
        cell_image(Path(folder) / "cell.png")
        inside = hrd.shapes.from_image(Path(folder) / "cell.png")
    system = hrd.System(
        species=[A], domain=SQUARE, cells=(50, 50), obstacles=hrd.Outside(inside),
        particles=hrd.Ball((0.55, 0.45), 0.25), fluctuations="discrete",
        initial={A: hrd.Patch(1e5, shape=inside & hrd.Box(x=(0, 0.35), y=(0, 1)))},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=2e-4, seed=2).run(until=0.04, every=0.04)
    hrd.plot.field(run, "A").figure.savefig(FOLDER / "shapes_cell.png", dpi=90)


def front() -> None:
    """A front that the region follows."""
    system = hrd.System(
        species=[A],
        reactions=[hrd.Reaction("A -> 2 A", k=1.0), hrd.Reaction("2 A -> A", k=0.002, radius=0.5)],
        domain=hrd.Box(x=(0, 30), y=(0, 30)), cells=(30, 30), fluctuations="discrete",
        particles=hrd.Adaptive(low=10, high=30, every=0.1),
        initial={A: hrd.Patch(100.0, center=(15, 15), radius=3.0)},
    )  # fmt: skip
    run = hrd.Simulation(system, dt=0.05, seed=3).run(until=6.0, every=3.0)
    hrd.plot.field(run, "A", time=6.0).figure.savefig(FOLDER / "shapes_front.png", dpi=90)


if __name__ == "__main__":
    dish()
    cell()
    front()
