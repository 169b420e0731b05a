"""Configuration of the documentation."""

import inspect
import shutil
import sys
from pathlib import Path

import hybridrd

# Sphinx reads what is below its folder, and the notebooks stand beside it.
here = Path(__file__).parent
shutil.rmtree(here / "notebooks", ignore_errors=True)
shutil.copytree(here.parent / "notebooks", here / "notebooks", ignore=shutil.ignore_patterns(".*"))
sys.path.insert(0, str(here))  # mathml.py
# Sphinx imports modules by their public names; that of `hybridrd.plotting` is an attribute.
sys.modules["hybridrd.plot"] = hybridrd.plot

project = "hybridrd"
author = "The hybridrd developers"
release = hybridrd.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "mathml",
]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_math_renderer = "mathml"  # Sphinx's own loads a script from a network
html_title = f"hybridrd {release}"
html_sidebars = {"**": ["navigation.html"]}  # all pages by their captions
html_theme_options = {"navbar_center": [], "show_prev_next": True}
templates_path = ["_templates"]
exclude_patterns = ["_build", "paper"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
# A name between single backticks is a link where there is something to link to.
default_role = "py:obj"
# What a page links to by :py:func: and the like must be there; names in docstrings need not.
nitpicky = True
nitpick_ignore_regex = [(r"py:obj", r".*"), (r"py:class", r".*")]
suppress_warnings = ["mystnb.unknown_mime_type"]


def arguments_of_init(_app, what, _name, obj, _options, _signature, returns):
    """The arguments of a class are those of its ``__init__``, also where it has a ``__new__``."""
    if what == "class" and "__new__" in vars(obj) and "__init__" in vars(obj):
        parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
        public = [p.replace(annotation=p.empty) for p in parameters]
        return str(inspect.Signature(public)), returns
    return None


def setup(app):
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", arguments_of_init)
