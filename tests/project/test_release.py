"""Release: one version everywhere, correct bounds, a citation, a changelog in its format."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from smoke import SMOKE

import hybridrd as hrd

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]


def test_one_version_everywhere():
    assert PROJECT["project"]["dynamic"] == ["version"]
    place = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{hrd.__version__}"' in place.read_text()
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert cited[1] == hrd.__version__
    archived = json.loads((ROOT / ".zenodo.json").read_text())
    assert (archived["version"], archived["license"]) == (hrd.__version__, "MIT")


def test_the_changelog_is_in_its_form_and_knows_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", h) for h in headings[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.M)) <= kinds
    assert hrd.__version__ in text


def test_supported_pythons():
    at_least = tuple(map(int, PROJECT["project"]["requires-python"][2:].split(".")))
    named = re.findall(r":: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert min(tuple(map(int, v.split("."))) for v in named) == at_least
    assert PROJECT["tool"]["mypy"]["python_version"] == named[0]


def test_all_is_every_extra_for_users():
    (everything,) = EXTRAS["all"]
    names = set(re.search(r"\[(.*)\]", everything)[1].split(","))
    assert names == set(EXTRAS) - {"all", "test", "docs", "lint"}


def test_tests_have_what_the_extras_need_at_the_same_bound():
    """Else a bound could stand that no test has seen."""
    for name in set(EXTRAS) - {"all", "test", "docs", "lint"}:
        assert set(EXTRAS[name]) <= set(EXTRAS["test"]), name


def test_lowest_bounds_are_versions():
    """.ci/lowest.py has a line for each requirement: ``a>=1.2`` is ``a==1.2``."""
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest.py", "test"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.split()
    assert len(lines) == len(PROJECT["project"]["dependencies"]) + len(EXTRAS["test"])
    assert "numpy==" + PROJECT["project"]["dependencies"][0].removeprefix("numpy>=") in lines


def test_the_smoke_subset_is_there():
    for name, functions in SMOKE.items():
        (path,) = (ROOT / "tests").rglob(name)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        there = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert set(functions) <= there, name
