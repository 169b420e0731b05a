"""Descriptions of small systems with one or two mistakes in them, as plain data and as TOML."""

import copy
import json

from hypothesis import strategies as st

DT = 0.002
LINE = {
    "system": {
        "domain": {"x": [0, 4]}, "particles": {"x": [0, 2]}, "cells": 8, "coupling": "two-way",
        "interface": {"scheme": "layer", "width": 0.5}, "units": {"length": "um", "time": "s"},
        "walls": {"x-": {"reservoir": {"A": 3.0}}, "x+": {"influx": {"A": 2.0}}},
    },
    "species": [
        {"name": "A", "D": 0.5, "initial": [{"concentration": 4.0, "x": [1, 3]}, {"copies": 3}]},
        {"name": "B", "D": 0.0, "initial": 2.0},
    ],
    "reactions": [
        {"reaction": "2 A <-> B", "lambda0": 3.0, "radius": 0.2, "k_back": 0.1},
        {"reaction": "0 -> A", "k": 2.0, "name": "birth"},
    ],
    "run": {"dt": DT, "until": 2 * DT, "every": DT, "seed": 3},
}  # fmt: skip
SQUARE = {
    "system": {
        "domain": {"x": [0, 1], "y": [0, 1]}, "particles": "domain", "cells": [4, 4],
        "walls": {"x": "periodic", "y-": "absorbing", "y+": {"partially-absorbing": {"A": 2.0}}},
    },
    "species": [
        {"name": "A", "D": 0.1,
         "initial": {"concentration": 9.0, "center": [0.5, 0.5], "radius": 0.3}},
    ],
    "reactions": [{"reaction": "2 A -> 0", "k": 0.1, "radius": 0.1}],
    "run": {"dt": DT, "until": 2 * DT, "replicas": 2},
}  # fmt: skip
SHELL = {
    "system": {
        "domain": {"inner": 1.0, "outer": 3.0}, "particles": {"inner": 1.0, "outer": 2.0},
        "cells": 20, "coupling": "mean-field",
        "walls": {"inner": {"partially-absorbing": 2.0}, "outer": {"reservoir": {"A": 1.0}}},
    },
    "species": [{"name": "A", "D": 1.0, "initial": {"positions": [[1.5]]}}],
    "run": {"dt": DT, "until": 2 * DT},
}  # fmt: skip
PDE = {
    "system": {
        "domain": {"x": [0, 1], "y": [0, 1], "z": [0, 1]},
        "cells": [2, 3, 2],
        "walls": {
            "z-": {"leaky": {"A": {"kappa": 2.0, "outside": 5.0, "partition": 0.5}}},
            "z+": {"leaky": {"B": {"kappa": 2.0, "outside": {"volume": 2.0, "initial": 1.0}}}},
        },
    },
    "species": [
        {"name": "A", "D": 1.0, "initial": {"concentration": [[[1, 2]] * 3] * 2}},
        {"name": "B", "D": 1.0},
    ],
    "reactions": [{"reaction": "A <-> B", "k": 1.0, "k_back": 2.0}],
    "run": {"dt": DT, "until": 2 * DT},
}
BASES = [LINE, SQUARE, SHELL, PDE]

# Nothing between what runs in a moment and what no memory holds.
NUMBERS = [0, 1, 2, 3, -1, 0.5, -0.25, 1e-300, 5e-324, 1e15, 1e300, 2**63, 10**400, -(10**400)]
NUMBERS += [float("nan"), float("inf"), float("-inf"), -0.0]
WORDS = ["", " ", "A", "B", "x", "domain", "periodic", "absorbing", "A -> B", "A ->", "->", "1e3"]
WORDS += ["two-way", "layer", "exact-plane", "0", "nan", "\x00", "é∅", "__class__", "A" * 300]


def deep(levels, leaf, as_list):
    for _ in range(levels):
        leaf = [leaf] if as_list else {"x": leaf}
    return leaf


LEAVES = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.booleans(), st.none(), st.text(max_size=5)
)
VALUES = st.one_of(
    LEAVES,
    st.lists(LEAVES, max_size=4),
    st.dictionaries(st.sampled_from([*WORDS, "reservoir", "concentration"]), LEAVES, max_size=2),
    st.builds(deep, st.sampled_from([3, 40]), LEAVES, st.booleans()),
)


def places(data, path=()):
    """Paths of all values in nested dicts and lists."""
    if path:
        yield path
    if not isinstance(data, (dict, list)):
        return
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield from places(value, (*path, key))


@st.composite
def mutated(draw):
    """(data, paths of what was changed)."""
    data = copy.deepcopy(draw(st.sampled_from(BASES)))
    changed = []
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        path = draw(st.sampled_from(sorted(places(data), key=str)))
        inside = data
        for key in path[:-1]:
            inside = inside[key]
        kind = draw(st.sampled_from(["replace"] * 4 + ["remove", "add", "copy"]))
        key = path[-1]
        if kind == "replace":
            inside[key] = draw(VALUES)
        elif kind == "remove":
            del inside[key]
        elif kind == "add" and isinstance(inside, dict):
            path = (*path[:-1], draw(st.sampled_from([*WORDS, "DD", "dt", "cells", "k"])))
            inside[path[-1]] = draw(VALUES)
        elif isinstance(inside, list):
            inside.insert(0, copy.deepcopy(inside[key]))
        changed.append(path)
        if not list(places(data)):
            break
    return data, changed


def toml(value):
    """A value in TOML, tables inline. Raises ValueError for None, which TOML does not have."""
    if value is None:
        raise ValueError("TOML has no null")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return repr(value)


def as_file(data):
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in data.items())
