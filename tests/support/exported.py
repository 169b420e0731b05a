"""Results to export, and their particles record by record."""

import numpy as np

import hybridrd as hrd

# ASE reads chemical symbols only; these happen to be some.
S, I = hrd.Species("S", D=0.5), hrd.Species("I", D=0.2)
DOMAINS = {
    "line": hrd.Box(x=(1, 5)),
    "plane": hrd.Box(x=(1, 5), y=(-1, 1)),
    "space": hrd.Box(x=(1, 5), y=(-1, 1), z=(0, 3)),
}
REGIONS = {
    "line": hrd.Box(x=(1, 3)),
    "plane": hrd.Box(x=(1, 3), y=(-1, 1)),
    "space": hrd.Box(x=(1, 3), y=(-1, 1), z=(0, 3)),
}
CELLS = {"line": (8,), "plane": (8, 4), "space": (8, 4, 6)}
UNITS = {"length": "um", "time": "s"}


def system(kind, **changes):
    fields = {
        "species": [S, I],
        "domain": DOMAINS[kind],
        "particles": REGIONS[kind],
        "cells": CELLS[kind],
        "walls": {} if kind == "line" else {"y": hrd.Periodic()},
        "reactions": [hrd.Reaction("S -> I", k=2.0)],
        "initial": {S: 20.0, I: hrd.Copies(3)},
        "units": UNITS,
    }
    return hrd.System(**{**fields, **changes})


def shell():
    ball = hrd.Shell(1.0, 2.0)
    return hrd.System(
        species=[S, I], domain=ball, particles=ball, cells=10,
        walls={"outer": hrd.Reservoir({S: 5.0})},
    )  # fmt: skip


def run(described, **options):
    return hrd.Simulation(described, dt=0.01, seed=3).run(
        until=0.1, every=0.02, positions=True, **options
    )


def particles(result):
    """Time, positions in 3D, names and ids of each record, from the Dataset."""
    ends = np.cumsum(result["row_size"].values.sum(axis=1))
    for k, end in enumerate(ends):
        sizes = result["row_size"].values[k]
        rows = slice(end - sizes.sum(), end)
        x = result["position"].values[rows]
        names = np.repeat(result["species"].values.astype(str), sizes)
        padded = np.column_stack([x, np.zeros((len(x), 3 - x.shape[1]))])
        yield result["time"].values[k], padded, names, result["particle_id"].values[rows]


def written(result, path, **options):
    hrd.export(result, path, **options)
    folder = path.parent
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    return path
