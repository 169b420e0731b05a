"""Made-up results with particles where they are known to be, for tests of pictures."""

import numpy as np

from hybridrd.model.grid import Grid
from hybridrd.model.shell import ShellGrid
from hybridrd.results.dataset import Recorder

TIMES = (0.0, 0.5, 1.0, 1.5)
UNITS = {"length": "um", "time": "s"}
LINE = Grid((1.0,), (11.0,), (20,))
PLANE = Grid((0.0, 0.0), (10.0, 6.0), (20, 12))
CUBE = Grid((0.0, 0.0, 0.0), (3.0, 2.0, 4.0), (12, 8, 10))
SHELL = ShellGrid((1.0,), (5.0,), (16,))


def middle_of(grid):
    return 0.5 * (grid.lower[0] + grid.upper[0])


def with_particles(grid, numbers, seed=0, names=("A", "B"), **attributes):
    """A run with ``numbers[time][species]`` particles in the lower half along the first axis."""
    rng = np.random.default_rng(seed)
    low, high = list(grid.lower), [middle_of(grid), *grid.upper[1:]]
    offered = ("concentration", "row_size", "position", "particle_id")
    recorder = Recorder(grid, names, [], [], UNITS, None, offered)
    for t, row in zip(TIMES, numbers, strict=False):
        x = rng.uniform(low, high, (sum(row), len(low)))
        recorder.add(t, {
            "concentration": rng.uniform(1.0, 9.0, (len(names), grid.cells)),
            "row_size": np.array(row), "position": x, "particle_id": np.arange(sum(row)),
        })  # fmt: skip
    return recorder.dataset(
        {"kind": "simulation", "region_lower": low, "region_upper": high, "has_particles": 1,
         "units": UNITS, **attributes}
    )  # fmt: skip
