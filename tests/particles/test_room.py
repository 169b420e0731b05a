"""More new particles than memory holds are refused by what brings them, before they are drawn."""

import math

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.particles import room as newcomers
from hybridrd.particles.memory import FreeMemory

DT = 0.01
A, B = hrd.Species("A", D=1.0), hrd.Species("B", D=1.0)
SHAPES = {
    "line": hrd.Box(x=(0, 1)),
    "plane": hrd.Box(x=(0, 1), y=(0, 2)),
    "box": hrd.Box(x=(0, 1), y=(0, 2), z=(0, 1)),
    "shell": hrd.Shell(1.0, 3.0),
}


def late(value, start=0.015):
    """0, then a value: what a look at time 0 does not show."""
    return lambda t: value if t > start else 0.0


def simulation(shape="line", **changes):
    domain = SHAPES[shape]
    fields = {"species": [A, B], "domain": domain, "particles": domain, "cells": 10}
    return hrd.Simulation(hrd.System(**fields | changes), dt=DT, seed=1)


def refused(make):
    with pytest.raises(hrd.CapacityError) as found:
        make()
    message = str(found.value)
    assert "GB" in message
    assert "free" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1e12, 1e19, 1e22, 1e25, 1e95])
def test_creations_that_no_memory_holds(shape, k):
    for rate in (k, late(k)):
        sim = hrd.Reaction("0 -> A + B", k=rate)
        message = refused(lambda sim=sim: simulation(shape, reactions=[sim]).run(0.05))
        assert "'0 -> A + B'" in message
        assert "particles" in message


@pytest.mark.parametrize("k", [1e14, 1e25])
def test_creations_that_depend_on_place(k):
    wave = hrd.Reaction("0 -> A", k=lambda x, t: k * x * (t > 0.012))
    sim = simulation(reactions=[wave])
    message = refused(lambda: sim.run(0.05))
    assert sim.steps == 1
    assert "at t = 0.01, after step 1" in message
    expected = 0.5 * k * 0.5 * DT  # mean of x over the line, half a step
    assert f"reaction '0 -> A' in half a step ({expected:.3g} particles)" in message


WALLS = {
    "an influx": (hrd.Influx, None, "influx of A at"),
    "a reservoir": (hrd.Reservoir, None, "arrivals of A at"),
    "an open plane": (hrd.Reservoir, hrd.ExactPlane(), "arrivals of A at"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("value", [1e15, 1e19, 1e25])
def test_arrivals_that_no_memory_holds(shape, wall, value):
    make, interface, words = WALLS[wall]
    name = "outer" if shape == "shell" else "x+"
    interface = {} if interface is None or shape == "shell" else {"interface": interface}
    sim = simulation(shape, walls={name: make({A: late(value)})}, **interface)
    message = refused(lambda: sim.run(0.05))
    assert f"{words} {name} in a step (" in message
    constant = refused(
        lambda: simulation(shape, walls={name: make({A: value})}, **interface).run(DT)
    )
    assert f"A at {name}" in constant


def test_the_influx_of_a_step_is_counted():
    flux = 3e13
    sim = simulation("plane", walls={"x+": hrd.Influx({A: late(flux)})})
    message = refused(lambda: sim.run(0.05))
    assert f"({flux * 2 * DT:.3g} particles)" in message  # a face of length 2


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_line_is_drawn_at_what_is_free(dimension, monkeypatch):
    number = 2e6
    needed = number * newcomers.new_bytes(dimension)
    for free, fits in ((1.01 * needed, True), (0.99 * needed, False)):
        monkeypatch.setattr(newcomers, "free_memory", lambda free=free: FreeMemory(free, "here"))
        if fits:
            newcomers.check_new(number, dimension, "it", "use less")
        else:
            with pytest.raises(hrd.CapacityError, match=r"are free here: it \(2e\+06 .*use less"):
                newcomers.check_new(number, dimension, "it", "use less")


def test_where_nobody_knows_what_is_free_there_is_a_limit(monkeypatch):
    monkeypatch.setattr(newcomers, "free_memory", lambda: FreeMemory(math.inf, "on this machine"))
    newcomers.check_new(1e9, 3, "it", "use less")
    for number in (1e18, math.inf):
        with pytest.raises(hrd.CapacityError, match=r"it .*use less"):
            newcomers.check_new(number, 3, "it", "use less")


def test_few_are_drawn_without_a_look(monkeypatch):
    def look():
        raise AssertionError("memory was looked at")

    monkeypatch.setattr(newcomers, "free_memory", look)
    newcomers.check_new(newcomers.FEW, 3, "it", "use less")


def test_chains_are_stopped_before_memory_is_full(monkeypatch):
    monkeypatch.setattr(newcomers, "FEW", 1e3)
    split = hrd.Reaction("A -> 2 A", k=1000.0)  # exp(5) descendants in half a step
    sim = simulation(reactions=[split], initial={A: hrd.Copies(1000)})
    monkeypatch.setattr(newcomers, "free_memory", lambda: FreeMemory(1e6, "here"))
    message = refused(lambda: sim.run(DT))
    assert "what one reaction or species becomes in half a step" in message
    assert "use a smaller rate or dt" in message


def test_what_fits_is_drawn_as_before():
    sim = simulation(reactions=[hrd.Reaction("0 -> A", k=3e7)])
    sim.run(DT)
    mean = 3e7 * DT
    assert sim.copy_number[0] == pytest.approx(mean, abs=5 * np.sqrt(mean))
