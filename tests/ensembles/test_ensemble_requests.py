"""Covariances, quantiles and replicas of ensembles, against the replicas run one by one."""

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.ensembles import requests
from hybridrd.errors import CapacityError, ModelError

A, B, C = (hrd.Species(name, D=0.5) for name in "ABC")
RUN = {"dt": 0.01, "until": 0.05, "every": 0.02, "seed": 4}  # four records: 0, 0.02, 0.04, 0.05


def binding():
    box = hrd.Box(x=(0, 1))
    return hrd.System(
        species=[A, B, C], domain=box, particles=box, cells=4,
        reactions=[hrd.Reaction("A + B <-> C", lambda0=20.0, radius=0.1, k_back=5.0)],
        initial={A: hrd.Copies(20), B: hrd.Copies(15)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    """What eight replicas record, by variable."""
    own = [hrd.Simulation(binding(), 0.01, 4, replica=i).run(0.05, 0.02) for i in range(8)]
    return {name: np.array([run[name].values for run in own]) for name in own[0].data_vars}


@pytest.mark.parametrize("name", ["concentration", "copy_number", "flux", "events"])
def test_covariances_are_those_of_the_replicas(runs, name):
    result = hrd.ensemble(binding(), 8, covariance=[name], **RUN)
    found = result[f"{name}_cov"]
    pair = ("reaction", "reaction_2") if name == "events" else ("species", "species_2")
    assert found.dims[:3] == ("time", *pair)
    assert found[pair[1]].values.tolist() == found[pair[0]].values.tolist()
    d = runs[name] - runs[name].mean(axis=0)
    exact = np.einsum("rti...,rtj...->tij...", d, d) / 7
    near = {"rtol": 1e-12, "atol": 1e-13 * max(1.0, np.square(runs[name]).max())}
    np.testing.assert_allclose(found, exact, **near)
    assert "total_cov" not in result


def test_binding_makes_partners_vary_together():
    # n_A + n_C and n_B + n_C are constant: A and B have one variance, and C the negative of it.
    result = hrd.ensemble(binding(), 8, covariance=["copy_number"], **RUN)
    cov = result["copy_number_cov"]
    variance = cov.sel(species="A", species_2="A")
    assert (variance[1:] > 0).all()
    np.testing.assert_allclose(cov.sel(species="A", species_2="B"), variance, rtol=1e-12)
    np.testing.assert_allclose(cov.sel(species="A", species_2="C"), -variance, rtol=1e-12)


def test_quantiles_and_replicas_are_those_of_the_replicas(runs):
    levels = [0.1, 0.5, 1.0]
    result = hrd.ensemble(
        binding(), 8, quantiles=levels, keep=["copy_number", "concentration"], **RUN
    )
    for name in ("copy_number", "concentration"):
        assert result[name].dims[0] == "replica"
        assert result[name].dtype == runs[name].dtype
        np.testing.assert_array_equal(result[name], runs[name])
        exact = np.quantile(runs[name], levels, axis=0)
        np.testing.assert_array_equal(result[f"{name}_quantile"], exact)
    assert result["replica"].values.tolist() == list(range(8))
    assert result["quantile"].values.tolist() == levels
    assert "total_quantile" not in result


def test_quantiles_alone_leave_out_fields_and_replicas(runs):
    result = hrd.ensemble(binding(), 8, quantiles=[0.5], **RUN)
    named = {str(name) for name in result.data_vars if str(name).endswith("_quantile")}
    assert named == {f"{name}_quantile" for name in runs if name != "concentration"}
    assert "replica" not in result.dims
    np.testing.assert_array_equal(result["total_quantile"][0], np.median(runs["total"], axis=0))


def test_what_is_asked_for_changes_nothing_else():
    plain = hrd.ensemble(binding(), 3, **RUN)
    more = hrd.ensemble(
        binding(), 3, covariance=["total"], quantiles=[0.5], keep=["copy_number"], **RUN
    )
    for name in plain.data_vars:
        assert plain[name].identical(more[name]), name


def test_it_can_be_saved_and_compared(tmp_path):
    result = hrd.ensemble(
        binding(), 3, covariance=["total"], quantiles=[0.5], keep=["copy_number"], **RUN
    )
    hrd.save(result, tmp_path / "a.zarr")
    assert hrd.load(tmp_path / "a.zarr").identical(result)
    plain = hrd.ensemble(binding(), 3, **RUN)
    assert hrd.compare(result, plain)["difference"].tolist() == [0.0] * 12


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"keep": ["mass"]}, "keep: mass cannot be kept; choose from concentration, copy_number"),
        ({"keep": "total"}, "give a list of names"),
        ({"covariance": ["flux"], "record": ["total"]}, "flux cannot be covaried.* from total"),
        ({"quantiles": [1.5]}, r"quantiles = 1\.5: a probability is at most 1"),
        ({"quantiles": [float("nan")]}, "quantiles = nan"),
        ({"quantiles": 0.5}, r"quantiles = 0\.5: give a list"),
        ({"quantiles": [0.5], "record": ["concentration"]}, r"give keep=\['concentration'\]"),
    ],
)
def test_what_cannot_be_asked_for(asked, words):
    with pytest.raises(ModelError, match=words):
        hrd.ensemble(binding(), 2, **RUN, **asked)


def test_too_many_replicas_to_keep_are_refused_with_figures(monkeypatch):
    # 4 records of 3 species on 4 cells and of 3 numbers, 8 bytes each: 480 bytes a replica.
    keep = ["concentration", "copy_number"]
    kept = hrd.ensemble(binding(), 2, keep=keep, **RUN)
    assert sum(kept[name].nbytes for name in keep) == 2 * 480
    words = r"1,100,000 replicas of concentration, copy_number take 0\.528 GB.* 1,041,666 replicas"
    with pytest.raises(CapacityError, match=words):
        hrd.ensemble(binding(), 1_100_000, keep=keep, **RUN)
    every = [str(name)[:-5] for name in kept.data_vars if str(name).endswith("_mean")]
    size = sum(v.nbytes for n, v in hrd.ensemble(binding(), 2, keep=every, **RUN).items()
               if n in every)  # fmt: skip
    monkeypatch.setattr(requests, "KEPT_BYTES", size - 1)
    with pytest.raises(CapacityError):
        hrd.ensemble(binding(), 2, keep=every, **RUN)
    monkeypatch.setattr(requests, "KEPT_BYTES", size)
    assert hrd.ensemble(binding(), 2, keep=every, **RUN).sizes["replica"] == 2
