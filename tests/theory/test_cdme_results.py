"""Results of the master equation beside others: compared and exported as they are."""

import numpy as np
import pytest
import pyvista

import hybridrd as hrd
from hybridrd.theory import cdme

A = hrd.Species("A", D=1.0)
LINE = hrd.Box(x=(1, 5))


def system(copies=6):
    return hrd.System(
        species=[A], domain=LINE, particles=LINE, cells=4, initial={A: hrd.Copies(copies)},
        reactions=[hrd.Reaction("A -> 0", k=1.0)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def truth():
    return cdme.solve(system(), voxels=4, max_copies=6, until=1.0, every=0.5)


def test_it_compares_with_itself_and_with_the_pde(truth):
    same = hrd.compare(truth, truth)
    assert (same["difference"] == 0).all()
    np.testing.assert_allclose(same["count_a"], 6 * np.exp(-np.array([0.0, 0.5, 1.0])))
    pde = hrd.mean_field(system(), dt=1e-3, until=1.0, every=0.5)
    for found in (hrd.compare(truth, pde), hrd.compare(pde, truth)):
        np.testing.assert_allclose(found["count_a"], found["count_b"], rtol=1e-6)
        assert found["l2"].max() < 1e-6


def test_its_voxels_are_cells_for_paraview(truth, tmp_path):
    hrd.export(truth, tmp_path / "a.vtu", time=0.5)
    mesh = pyvista.read(tmp_path / "a.vtu")
    assert mesh.bounds[:2] == (1.0, 5.0)
    np.testing.assert_allclose(mesh.cell_data["concentration_A"], 1.5 * np.exp(-0.5))
    hrd.export(truth, tmp_path / "a.pvd")
    with pytest.raises(hrd.ResultError, match="there are no particles; export its concentration"):
        hrd.export(truth, tmp_path / "a.vtp")


def test_a_steady_state_has_no_records(tmp_path):
    birth = hrd.Reaction("0 -> A", k=0.1)
    rest = cdme.steady_state(
        system().replace(reactions=[*system().reactions, birth]), 2, max_copies=8
    )
    words = "not a Dataset without time: a steady state has no records"
    for refused in (lambda: hrd.compare(rest, rest), lambda: hrd.export(rest, tmp_path / "a.vtu")):
        with pytest.raises(hrd.ResultError, match=words):
            refused()


def test_what_has_lost_its_attributes(truth, tmp_path):
    bare = truth.drop_attrs(deep=False)
    words = "has no attribute 'region_lower', .*give a result with all of its attributes"
    for refused in (lambda: hrd.compare(bare, bare), lambda: hrd.export(bare, tmp_path / "a.vtu")):
        with pytest.raises(hrd.ResultError, match=words):
            refused()
