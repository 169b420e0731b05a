"""The Python of the pages runs: every ```python block, those of a page one after another."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hybridrd as hrd

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "first-steps",
            "reservoirs",
            "shapes",
            "coming-from",
            "studies",
            "survive",
            "interchange",
            "pictures",
            "extending",
        )
    ),
]


# Some ten seconds each.
LONG = [f"docs/{name}.md" for name in ("biochemistry", "epidemiology", "ecology")]


def script(page):
    """All ```python blocks of a page; what other programs run stands in other blocks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))


@pytest.mark.validation
@pytest.mark.ci
@pytest.mark.parametrize(
    "page", [*PAGES, *(pytest.param(page, marks=pytest.mark.validation) for page in LONG)]
)
def test_page_runs(page, tmp_path):
    code = script(page)
    assert code.count("hrd.") > 3
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "page.py"],
        cwd=tmp_path, env={**os.environ, "MPLBACKEND": "Agg"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_first_page_has_the_script_of_the_readme():
    """But for the comment."""
    readme = script("README.md").splitlines()
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    shown = page.split("```{code-block} python\n")[1].split("```")[0].splitlines()
    assert shown == [line.split("  #")[0] for line in readme]


@pytest.mark.parametrize("page", ["README.md", *(p.name for p in (ROOT / "docs").glob("*.md"))])
def test_links_to_files_lead_somewhere(page):
    folder = ROOT if page == "README.md" else ROOT / "docs"
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (folder / page).read_text("utf-8"))
    assert [t for t in targets if not (folder / t).exists()] == []


def test_files_of_the_pages_can_be_read(tmp_path):
    found = 0
    for page in (ROOT / "docs").glob("*.md"):
        for text in re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            (tmp_path / "page.toml").write_text(text, encoding="utf-8")
            assert hrd.System.from_toml(tmp_path / "page.toml").is_hybrid
            found += 1
    assert found
