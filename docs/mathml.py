"""Formulas as MathML, set when the pages are built: a page needs neither a network nor a script."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_converter = LatexToMathML(fancy_error=False)


def mathml(node: nodes.Element, block: bool) -> str:
    """The MathML of a formula's TeX; a formula that cannot be read is a warning and stays TeX."""
    tex = node.astext().strip()
    if tex.startswith(r"\begin{"):  # its number is given by Sphinx
        tex = re.sub(r"\\(begin|end)\{(align|equation|gather|multline)\}", r"\\\1{\2*}", tex)
    elif block and r"\\" in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    try:
        return str(_converter.convert_with_local_state(tex, displaystyle=block))
    except LatexError as error:
        message = "formula %r: %s"
        logging.getLogger(__name__).warning(message, tex, error, location=node, type="mathml")
        return f"<code>{escape(tex)}</code>"


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(f"{mathml(node, block=False)}</span>")
    raise nodes.SkipNode


def displayed(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula of its own line, with its number and a link to it if it has a label."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"{mathml(node, block=True)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.add_css_file("mathml.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
