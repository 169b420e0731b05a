"""Imports point down the layers, and importing the package is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hybridrd

ROOT = Path(hybridrd.__file__).parent
# Lowest first; those on one line know nothing of each other.
LAYERS = [
    ["_version", "errors"],
    ["arrays"],
    ["kernels"],
    ["arguments"],
    ["interface"],
    ["model"],
    ["toml"],
    ["system"],
    ["sbml"],
    ["continuum"],
    ["results"],
    ["theory"],
    ["particles"],
    ["coupling"],
    ["reactions"],
    ["run"],
    ["simulation"],
    ["ensembles"],
    ["examples"],
    ["plotting"],
    ["exporters"],
    ["cli"],
    ["__main__"],
]
# System reads and writes tables, whose reader knows the parts that a System is made of.
LAYER_OF_FILE = {"model.system": "system"}
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# What importing the package must not load.
HEAVY = ["fipy", "xarray", "zarr", "dask", "matplotlib", "numba", "scipy", "pydantic", "pandas"]


def modules():
    return sorted(ROOT.rglob("*.py"))


def layer_of(path):
    """The layer's name of a file: its folder or, at the top, its own name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return LAYER_OF_FILE.get(".".join(parts), parts[0])


def only_for_types(node):
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def statements(tree):
    """All nodes that run, also inside functions; not those for type checkers."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if only_for_types(child):
                todo.extend(child.orelse)
            else:
                todo.append(child)


def imports(path):
    """(name, line) of every module imported in a file, relative ones made absolute."""
    return read(path.read_text(encoding="utf-8"), path)


def read(source, path):
    package = ("hybridrd", *path.relative_to(ROOT).parts[:-1])
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("import_module")
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.args[0].value, node.lineno


def test_every_module_has_a_layer():
    top = {layer_of(path) for path in modules()} - {"__init__"}
    assert top <= set(RANK)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_down(path):
    wrong = []
    here = layer_of(path)
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] != "hybridrd" or len(parts) < 2 or parts[1] not in RANK:
            continue  # another package, or a public name of this one
        there = LAYER_OF_FILE.get(".".join(parts[1:3]), parts[1])
        if here == "__init__" and there != "_version":
            wrong.append(f"line {line} imports {name}; names load on first use")
        elif here != "__init__" and there != here and RANK[there] >= RANK[here]:
            wrong.append(f"line {line} imports {name} from a layer that is not below")
    assert not wrong, f"{path.relative_to(ROOT)}: {'; '.join(wrong)}"


def test_the_rules_see_what_they_forbid():
    # Imports inside functions and relative ones are read, those for types are not.
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hybridrd.model import a\n"
        "else:\n    import hybridrd.plot\n"
        "def f():\n    from hybridrd.simulation.run import Run\n    from ..theory import cdme\n"
    )
    path = ROOT / "kernels" / "made_up.py"
    found = [name for name, _ in read(source, path)]
    assert sorted(found) == [
        "hybridrd.plot",
        "hybridrd.simulation.run.Run",
        "hybridrd.theory.cdme",
        "typing.TYPE_CHECKING",
    ]


def test_only_one_file_imports_fipy():
    users = [
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if any(name.split(".")[0] == "fipy" for name, _ in imports(path))
    ]
    assert users == ["continuum/fipy_solver.py"]


def loaded(code):
    """Names of the modules that a fresh interpreter has loaded after some code."""
    code += "\nimport sys; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import hybridrd").isdisjoint(HEAVY)
    # The same where names are listed, and errors and the version are used.
    code = "import hybridrd\ndir(hybridrd), hybridrd.__version__, hybridrd.ModelError"
    assert loaded(code).isdisjoint(HEAVY)


def test_describing_a_system_loads_no_solver():
    code = "import hybridrd as hrd\nhrd.Species('A', D=1.0), hrd.Box(x=(0, 1)), hrd.Reservoir"
    assert loaded(code).isdisjoint({"fipy", "xarray", "dask", "matplotlib", "pydantic"})


def test_every_public_name_loads():
    for name in hybridrd.__all__:
        assert getattr(hybridrd, name) is not None
    assert set(hybridrd.__all__) <= set(dir(hybridrd))
    with pytest.raises(AttributeError, match="no attribute 'Specie'"):
        _ = hybridrd.Specie
