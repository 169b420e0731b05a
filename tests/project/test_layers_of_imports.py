"""Imports point down the layers, in no circle, and importing the package is cheap."""

import subprocess
import sys

import pytest
from support.imports import RANK, ROOT, graph, imports, layer_of, modules, name_of, read

import hybridrd

# What importing the package must not load.
HEAVY = ["fipy", "xarray", "zarr", "dask", "matplotlib", "numba", "scipy", "pydantic", "pandas"]


def test_every_module_has_a_layer():
    assert {layer_of(name_of(path)) for path in modules()} - {""} <= set(RANK)


def runs(path):
    """What a file imports when it runs: not what the top of the package lists for type checkers."""
    return [] if name_of(path) == "" else imports(path)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path):
    wrong = []
    here = layer_of(name_of(path))
    for name, line in runs(path):
        place = name.removeprefix("hybridrd.")
        if place == name or place.split(".")[0] not in RANK:
            continue  # another package, or a public name of this one
        there = layer_of(place)
        if there != here and RANK[there] >= RANK[here]:
            wrong.append(f"line {line} imports {name} from a layer that is not below")
    assert not wrong, f"{path.relative_to(ROOT)}: {'; '.join(wrong)}"


def circle(arrows):
    """Some names that lead back to themselves, none where nothing does."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        path.append(name)
        for other in sorted(arrows.get(name, ())):
            if found := visit(other):
                return found
        done.add(path.pop())
        return []

    return next(filter(None, map(visit, sorted(arrows))), [])


def test_no_files_import_each_other_in_a_circle():
    # Imports in functions and for type checkers count; the top of the package names everything.
    arrows = {name: others for name, others in graph().items() if name}
    assert circle(arrows) == []


def test_circles_are_found():
    assert circle({"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_the_rules_see_what_they_forbid():
    # Imports inside functions, relative ones and those for types are read.
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hybridrd.model import a\n"
        "else:\n    import hybridrd.plotting\n"
        "def f():\n    from hybridrd.simulation.plan import Plan\n    from ..theory import cdme\n"
    )
    found = [name for name, _ in read(source, ROOT / "kernels" / "made_up.py")]
    assert sorted(found) == [
        "hybridrd.model.a",
        "hybridrd.plotting",
        "hybridrd.simulation.plan.Plan",
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
