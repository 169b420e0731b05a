"""The notebooks: stripped in the repository, and their code runs (with HYBRIDRD_FAST=1)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TITLES = [
    "01_reservoir_and_poisson_counts",
    "02_hybrid_against_pde_profiles",
    "03_smoluchowski_limit",
    "04_cdme_particles_pde",
    "05_annihilation_and_covariance",
    "06_sir",
    "07_large_copy_numbers",
    "08_fit_a_rate",
    "09_innovation_on_a_landscape",
]
QUICK = ("02", "06")  # the others take longer than a test should


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code(path):
    """The code cells as one script."""
    cells = [c for c in read(path)["cells"] if c["cell_type"] == "code"]
    return "\n\n".join("".join(c["source"]) for c in cells)


def test_all_are_there_and_in_the_documentation():
    assert [p.stem for p in NOTEBOOKS] == TITLES
    index = (FOLDER.parent / "docs" / "index.md").read_text(encoding="utf-8")
    assert [line[10:] for line in index.splitlines() if line.startswith("notebooks/")] == TITLES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem[:2])
def test_outputs_are_stripped(path):
    book = read(path)
    assert book["nbformat"] == 4
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    assert set(book["metadata"]) == {"kernelspec", "language_info"}
    assert book["cells"][0]["source"][0].startswith("# ")
    for cell in book["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def run(path, folder):
    script = folder / f"{path.stem}.py"
    script.write_text(code(path), encoding="utf-8")
    environment = {**os.environ, "HYBRIDRD_FAST": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", script],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize(
    "path", [p for p in NOTEBOOKS if p.stem[:2] in QUICK], ids=lambda p: p.stem[:2]
)
def test_code_runs(path, tmp_path):
    run(path, tmp_path)


@pytest.mark.validation
@pytest.mark.parametrize(
    "path", [p for p in NOTEBOOKS if p.stem[:2] not in QUICK], ids=lambda p: p.stem[:2]
)
def test_code_of_the_longer_ones_runs(path, tmp_path):
    run(path, tmp_path)
