"""Extensions by a user: the examples of the page, against closed forms."""

import numpy as np
import pytest
import xarray as xr
from support import figures
from support.sampling import batches, particles_in_bins, sample

import hybridrd as hrd
from hybridrd.interface import SCHEMES
from hybridrd.interface.operator import layer_offset
from hybridrd.model.walls import CLOSED, Law, Wall
from hybridrd.toml.schema import SchemeTable

page = figures.load("make_extending")
A = hrd.Species("A", D=1.0)


@pytest.fixture
def line():
    return hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2)), particles=hrd.Box(x=(0, 1)), cells=4,
        initial={A: 50.0},
    )  # fmt: skip


def run(system, observe, **more):
    return hrd.Simulation(system, dt=1e-3, seed=1).run(
        until=3e-3, every=1e-3, observe=observe, **more
    )


def test_a_data_array_keeps_its_labels_also_on_disk(line, tmp_path):
    def look(sim):
        counts = particles_in_bins(sim, "A", [np.array([0.0, 0.5, 1.0])])
        return xr.DataArray(
            counts, {"half": ("half", [0.25, 0.75], {"units": "um"})}, attrs={"units": "1/um"}
        )

    def cells(sim):
        return xr.DataArray(sim.concentration, dims=["species", "x"])

    observe = {"look": look, "cells": cells, "pair": lambda _: [1, 2]}
    result = run(line, observe)
    assert result["look"].dims == ("time", "half")
    assert result["half"].values.tolist() == [0.25, 0.75]
    assert (result["half"].attrs["units"], result["look"].attrs["units"]) == ("um", "1/um")
    assert result["pair"].dims == ("time", "pair_0")
    assert np.array_equal(result["look"].sum("half"), result["copy_number"].sel(species="A"))
    assert np.array_equal(result["cells"], result["concentration"])
    run(line, observe, out=tmp_path / "a.zarr")
    assert hrd.load(tmp_path / "a.zarr").load().equals(result)
    assert hrd.load(tmp_path / "a.zarr")["look"].attrs == result["look"].attrs


def changing():
    names = iter("abcdefgh")
    return lambda _: xr.DataArray([1.0], dims=[next(names)])


WRONG = {
    "a growing dimension": (lambda _: xr.DataArray([1.0], dims=["time"]), "be called 'time' here"),
    "the name of a variable": (lambda _: xr.DataArray([1.0], dims=["flux"]), "called 'flux'"),
    "other cells": (
        lambda _: xr.DataArray([1.0] * 4, {"x": range(4)}), "coordinate 'x' is not that of",
    ),
    "fewer cells": (
        lambda _: xr.DataArray([1.0, 2.0], {"x": [0.0, 1.0]}), "'x' has 2 entries, .* result 4",
    ),
    "another dimension": (changing(), r"were \('a',\) in the first record, now they are \('b',\)"),
}  # fmt: skip


@pytest.mark.parametrize(("look", "message"), WRONG.values(), ids=WRONG)
def test_labels_that_do_not_fit_are_refused(line, look, message):
    with pytest.raises(hrd.ModelError, match=rf"observe\['look'\]: .*{message}"):
        run(line, {"look": look})


@pytest.fixture
def one_event():
    # The JSON schema lists the schemes that there are when it is first asked for.
    assert SchemeTable.model_json_schema()
    known = dict(SCHEMES)
    names = page.run("An observable", "A scheme")
    yield names["OneEventLayer"]
    SCHEMES.clear()
    SCHEMES.update(known)


def test_the_scheme_of_the_page(one_event):
    scheme = one_event(width=0.2)
    numbers = scheme.numbers(1.0, 0.01, "mean-field", 0.1, 1.0, "A at x+")
    assert (numbers.survival, numbers.alpha) == pytest.approx((0.75, 0.25))
    # exp(-beta alpha) = 3/4
    assert numbers.offset == pytest.approx(0.2 * layer_offset(0.25, 4 * np.log(4 / 3)))
    # Uniform is stationary: a slab of 40 such lines, of 20 particles each.
    system = hrd.System(
        species=[A], domain=hrd.Box(x=(0, 2), y=(0, 40)), particles=hrd.Box(x=(0, 1), y=(0, 40)),
        cells=(10, 40), coupling="mean-field", interface=scheme, initial={A: 20.0},
    )  # fmt: skip
    sim = hrd.Simulation(system, dt=0.01, seed=2)
    value, error = batches(sample(sim, lambda s: s.copy_number[0] / 800, 0, 4000, 1))
    assert error < 0.007
    assert abs(value - 1) < 4 * error


def test_a_registered_scheme_is_known_by_name(one_event, line, tmp_path):
    system = line.replace(interface=one_event(width=0.2), coupling="mean-field")
    sim = hrd.Simulation(system, dt=0.01, seed=1)
    sim.checkpoint(tmp_path / "a.npz")
    assert hrd.Simulation.restore(tmp_path / "a.npz").system == system
    del SCHEMES[one_event.name]
    with pytest.raises(hrd.ModelError, match=r"register your own scheme in .*SCHEMES"):
        hrd.Simulation.restore(tmp_path / "a.npz")
    hrd.Simulation.restore(tmp_path / "a.npz", system=system)


class Sieve(Wall):
    """Lets A out, but for good."""

    def law(self, species):
        return Law(kappa=2.0) if species == "A" else CLOSED


def test_a_wall_of_your_own_is_its_law():
    B, line = hrd.Species("B", D=0.5), hrd.Box(x=(0, 1))
    mine = hrd.System(
        species=[A, B], domain=line, particles=line, cells=20, walls={"x-": Sieve()},
        initial={A: 50.0, B: 50.0},
    )  # fmt: skip
    same = mine.replace(walls={"x-": hrd.PartiallyAbsorbing({A: 2.0})})
    runs = [hrd.Simulation(s, dt=1e-3, seed=1).run(until=0.1, every=0.05) for s in (mine, same)]
    assert runs[0].equals(runs[1])
    assert runs[0]["crossings"].sum() > 0
    fields = [hrd.mean_field(s, dt=1e-3, until=0.1, every=0.05) for s in (mine, same)]
    assert fields[0].equals(fields[1])
    with pytest.raises(hrd.ModelError, match="cannot be written as plain data"):
        mine.to_dict()


def test_the_bath_of_the_page():
    """Particles, c'' = c and closed at 0, use up tanh(1) c_bath; 5 (20 - c_bath/5) is fed."""
    names = page.run("An observable", "A reservoir in a few lines")
    sim, bath = names["sim"], 100 / (1 + np.tanh(1.0))
    rows = sample(sim, lambda s: (s.copy_number[0], s.continuum[0, 0]), 0, 20000, 1)
    for found, expected in zip(rows.T, (bath * np.tanh(1.0), bath), strict=True):
        value, error = batches(found / expected)
        assert error < 0.03
        assert abs(value - 1) < 4 * error


def test_the_stream_of_the_page_carries_the_dye_along():
    """The spot is at y = 0.6, and so is what is among the particles; the plume is above it."""
    names = page.run("An observable", "A FiPy mesh and equation beside particles")
    last = names["result"]["concentration"].sel(species="dye").isel(time=-1)
    turn = np.exp(1j * (last["y"] - 0.6) * np.pi / 2)  # y is periodic, of length 4
    inside, beyond = last.sel(x=slice(0, 0.5)), last.sel(x=slice(1.0, 1.5))
    at = [float(np.angle((c * turn).sum())) * 2 / np.pi for c in (inside, beyond)]
    assert abs(at[0]) < 0.2
    assert 0.4 < at[1] < 1.6
    counts = names["sim"].diagnostics()["continuum"]
    assert counts["cells"] == [14, 32]
