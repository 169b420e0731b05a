"""Imports of the package, file by file: those that run, and those for type checkers only."""

import ast
from pathlib import Path

import hybridrd

ROOT = Path(hybridrd.__file__).parent
# Lowest first; those on one line know nothing of each other.
LAYERS = [
    ["_version", "errors"],
    ["arrays"],
    ["arguments", "kernels"],
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
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# System reads and writes tables, whose reader knows the parts that a System is made of.
LAYER_OF_FILE = {"model.system": "system"}


def modules():
    """All files of the package."""
    return sorted(ROOT.rglob("*.py"))


def name_of(path):
    """The module's name without that of the package: ``run.loop``, ``plotting``, "" at the top."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(name):
    """The layer of a module, or of a name in one."""
    parts = name.split(".")
    return LAYER_OF_FILE.get(".".join(parts[:2]), parts[0])


def imports(path):
    """(name, line) of what a file imports, also in functions and for type checkers only."""
    return read(path.read_text(encoding="utf-8"), path)


def read(source, path):
    """(name, line) of what a source imports; relative imports are made absolute."""
    package = ("hybridrd", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(source)):
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


def graph():
    """For each module of the package those that it imports; the names of the top count as none."""
    names = {name_of(path): path for path in modules()}
    found = {}
    for name, path in names.items():
        found[name] = set()
        for imported, _ in imports(path):
            if not imported.startswith("hybridrd."):
                continue
            place = imported.removeprefix("hybridrd.")
            while place and place not in names:
                place = place.rpartition(".")[0]
            if place and place != name:
                found[name].add(place)
    return found
