"""A System and its parts cannot be changed, and have hashes, copies and pickles."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import hybridrd as hrd

A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=0.5)


def system(**changes):
    fields = {
        "cells": 4,
        "particles": hrd.Box(x=(0, 1)),
        "walls": {"x-": hrd.Reservoir({A: 3.0}), "x+": hrd.PartiallyAbsorbing({"B": 1.0})},
        "initial": {A: [hrd.Points([[0.5]]), np.ones(4)], "B": hrd.Copies(3)},
        "reactions": [hrd.Reaction("A <-> B", k=1.0, k_back=2.0)],
        "units": {"length": "um"},
    }
    return hrd.System(species=[A, B], domain=hrd.Box(x=(0, 2)), **(fields | changes))


MAPPINGS = {
    "walls": lambda s: s.walls,
    "initial": lambda s: s.initial,
    "units": lambda s: s.units,
    "reservoir": lambda s: s.walls["x-"].concentrations,
    "kappa": lambda s: s.walls["x+"].kappa,
}
CHANGES = {
    "set": lambda m, k: m.__setitem__(k, 1.0),
    "delete": lambda m, k: m.__delitem__(k),
    "update": lambda m, k: m.update({k: 1.0}),
    "or": lambda m, k: m.__ior__({k: 1.0}),
    "pop": lambda m, k: m.pop(k),
    "popitem": lambda m, _: m.popitem(),
    "setdefault": lambda m, _: m.setdefault("new", 1.0),
    "clear": lambda m, _: m.clear(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("where", MAPPINGS)
def test_mappings_refuse_to_be_changed(where, change):
    made = system()
    mapping = MAPPINGS[where](made)
    with pytest.raises(hrd.ModelError, match=r"frozen; .*system\.replace") as refused:
        CHANGES[change](mapping, next(iter(mapping)))
    assert isinstance(refused.value, TypeError)  # as of Python's own
    assert made == system()


def test_fields_arrays_and_lists_refuse_to_be_changed():
    made = system()
    for thing, name in ((made, "cells"), (A, "D"), (made.domain, "x"), (made.walls["x-"], "a")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, 7)
    points, array = made.initial["A"]
    for values in (points.positions, array):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 9
    assert isinstance(made.initial["A"], tuple)
    assert made == system()


def test_what_was_given_may_change():
    walls, initial, cells = {"x-": hrd.Absorbing()}, {"A": [np.ones(4)]}, np.ones(4)
    made = system(walls=walls, initial=initial)
    alone = system(initial={"A": cells})
    walls["x+"] = hrd.Absorbing()
    initial["A"][0][:] = 5
    cells[:] = 5
    assert list(made.walls) == ["x-"]
    assert (made.initial["A"][0] == 1).all()
    assert (alone.initial["A"] == 1).all()


def test_a_changed_one_is_made_from_the_mapping():
    made = system()
    other = made.replace(walls={**made.walls, "x+": hrd.Absorbing()}, initial=made.initial | {})
    assert other.walls["x-"] == made.walls["x-"]
    assert other.walls["x+"] == hrd.Absorbing()
    assert other != made


def test_equal_systems_have_one_hash():
    assert hash(system()) == hash(system())
    assert len({system(), system(), system(coupling="mean-field")}) == 2
    listed = system(initial={"A": [hrd.Copies(1)]})
    assert listed == system(initial={"A": hrd.Copies(1)})
    assert hash(listed) == hash(system(initial={"A": hrd.Copies(1)}))
    parts = [hrd.Points([[0.0]]), hrd.Points([[-0.0]]), hrd.Reservoir({"A": 1}), A, hrd.Absorbing()]
    assert len(set(parts)) == 4  # 0 and -0 are one place


def by_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, by_pickle])
def test_copies_and_pickles_are_equal_and_frozen(twin):
    made = system()
    other = twin(made)
    assert other == made
    assert hash(other) == hash(made)
    with pytest.raises(hrd.ModelError, match="frozen"):
        other.walls["x+"] = hrd.Absorbing()
    with pytest.raises(ValueError, match="read-only"):
        other.initial["A"][1][0] = 9
    with pytest.raises(ValueError, match="read-only"):
        twin(hrd.Points([[0.5]])).positions[0] = 9
