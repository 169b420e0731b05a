"""Numbers that no float holds, or of which no power does: refused with the argument's name."""

import pytest

import hybridrd as hrd
from hybridrd.model import doi

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(0, 1))
HUGE = 10**400


def simulation():
    system = hrd.System(species=[A], domain=LINE, particles=LINE, cells=10)
    return hrd.Simulation(system, dt=0.01, seed=1)


# What is given, and what the message must name.
BEYOND = {
    "D": (lambda: hrd.Species("A", D=HUGE), "species A: D: .* finite and at least 0"),
    "more digits than can be written": (lambda: hrd.Species("A", D=10**5000), "species A: D: "),
    "negative": (lambda: hrd.Species("A", D=-HUGE), "species A: D: .* at least 0"),
    "rate": (lambda: hrd.Reaction("A -> 0", k=HUGE), "'A -> 0': k: "),
    "copies": (lambda: hrd.Copies(HUGE), "Copies: n: "),
    "concentration": (lambda: hrd.Patch(HUGE), "Patch: concentration: "),
    "reservoir": (lambda: hrd.Reservoir({A: HUGE}), "Reservoir: value of A: "),
    "box": (lambda: hrd.Box(x=(0, HUGE)), r"Box\(x=...\): bound: .* finite"),
    "point": (lambda: hrd.Points([[HUGE]]), "Points: positions: a number of more than 300 digits"),
    "cells": (lambda: hrd.System(species=[A], domain=LINE, cells=HUGE), "cells: "),
    "dt": (lambda: hrd.Simulation(simulation().system, dt=HUGE), "dt: .* greater than 0"),
    "until": (lambda: simulation().run(until=HUGE), "until: "),
    "function": (
        lambda: hrd.mean_field(
            hrd.System(species=[A], domain=LINE, cells=10, initial={A: lambda x: [HUGE] * len(x)}),
            dt=0.01,
            until=0.01,
        ),
        "the function's values: a number of more than 300 digits",
    ),
}


@pytest.mark.parametrize("case", BEYOND)
def test_a_number_of_hundreds_of_digits_is_refused(case):
    make, words = BEYOND[case]
    with pytest.raises(hrd.ModelError, match=words):
        make()


@pytest.mark.parametrize("radius", [1e-300, 1e-101, 1e101, 1e300])
def test_a_radius_whose_volume_is_no_number_is_refused(radius):
    for make in (
        lambda: hrd.Reaction("A + B -> 0", k=1, radius=radius),
        lambda: hrd.Reaction("A + B -> 0", lambda0=1, radius=radius),
        lambda: hrd.Reaction(f"A +({radius:g}) B -> 0", k=1),
        lambda: doi.reactive_volume(radius, 3),
        lambda: doi.pair_probability(1.0, dt=1.0, D=1.0, sigma=radius, dimension=3),
    ):
        with pytest.raises(hrd.ModelError, match=r"between 1e-100 and 1e\+100; use another unit"):
            make()


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_at_the_ends_volume_and_rates_are_numbers(dimension):
    for radius in (1e-33, 1e33):
        reaction = hrd.Reaction("A + B -> 0", k=1.0, radius=radius)
        lambda0 = reaction.rates(dimension)["lambda0"]
        assert doi.macroscopic_rate(lambda0, radius, dimension) == pytest.approx(1.0)
