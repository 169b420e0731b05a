"""Formulas of the documentation are set as MathML when it is built, with no script or network."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CONF = f"""
import sys
sys.path.insert(0, {str(DOCS)!r})
extensions = ["mathml"]
html_math_renderer = "mathml"
html_theme = "basic"
"""
PAGE = r"""
Page
====

A line with :math:`\sqrt{D t}` and equation :eq:`half`.

.. math::
   :label: half

   \frac{a}{2}

.. math::

   F(u) = \begin{cases}u^2 & u < 1\\ 0 & u > 1\end{cases}

.. math::
   :no-wrap:

   \begin{align}
   a &= b \\
   c &= d
   \end{align}
"""


def build(folder, page):
    (folder / "conf.py").write_text(CONF)
    (folder / "index.rst").write_text(page)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, folder, folder / "html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, folder / "html" / "index.html"


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    done, page = build(tmp_path_factory.mktemp("page"), PAGE)
    assert done.returncode == 0, done.stderr
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def formulas(html):
    found = re.findall(r"<math.*?</math>", html, re.S)
    return [ET.fromstring(text.replace("&ApplyFunction;", "\u2061")) for text in found]


def tags(formula):
    return [part.tag for part in formula.iter()]


def test_every_formula_is_mathml(formulas, html):
    root, half, cases, align = formulas
    assert "msqrt" in tags(root)
    assert root.get("display") is None
    assert [part.text for part in half.find(".//mfrac").iter() if part.text] == ["a", "2"]
    assert half.get("display") == "block"
    assert [len(t.findall("mtr")) for t in cases.iter("mtable")] == [1, 2]  # a line of two cases
    assert len(align.findall(".//mtr")) == 2
    assert "\\" not in re.sub(r"<[^>]*>", "", html[html.index("<math") : html.rindex("</math>")])


def test_a_labelled_formula_has_its_number_and_is_linked(html):
    assert re.search(r'id="equation-half".*?<span class="eqno">\(1\)', html, re.S)
    assert re.search(r'<a class="reference internal" href="#equation-half">\(1\)</a>', html)


def test_numbers_are_given_by_sphinx_alone(formulas):
    assert "".join(formulas[3].itertext()).split() == ["a=bc=d"]


def test_nothing_comes_from_a_network(html):
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"(https?:)?//", html)


def test_a_formula_that_cannot_be_read_fails_the_build(tmp_path):
    done, page = build(tmp_path, "Page\n====\n\nWith :math:`\\notacommand{x}` in it.\n")
    assert done.returncode != 0
    assert "notacommand" in done.stderr
    assert "index.rst:4" in done.stderr
    assert "<code>\\notacommand{x}</code>" in page.read_text(encoding="utf-8")
