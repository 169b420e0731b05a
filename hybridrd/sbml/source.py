"""Text of model files, checked before a parser sees it."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from hybridrd.arguments import check_file
from hybridrd.errors import ModelError

LARGEST = 64 * 2**20  # bytes
_DEEPEST = 500  # elements in one another; libSBML's stack ends at about 10 000
_WIDEST = 10_000  # arguments of an operator, which libSBML nests
_LONGEST = 10_000  # characters of a formula of level 1


def read_text(path: Path, kind: str, largest: int = LARGEST) -> str:
    """The text of a regular file of at most ``largest`` bytes, in UTF-8.

    Raises
    ------
    ModelError
        If there is no such file, or it is not that; ``kind`` is what to give.
    """
    check_file(path, largest)
    try:
        with path.open("rb") as file:
            data = file.read(largest)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such file; give {kind}") from error
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}; give {kind}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: not text in UTF-8 (byte {error.start}); save it as such"
            + (", uncompressed" if data[:2] in (b"\x1f\x8b", b"PK", b"BZ") else "")
        ) from error


def check_xml(text: str, where: str) -> None:
    """Refuse XML that is malformed, nested too deeply, or defines entities.

    Raises
    ------
    ModelError
        With the line of what is wrong.
    """
    parser = expat.ParserCreate("utf-8")
    children: list[int] = []

    def refuse(what: str) -> None:
        raise ModelError(f"{where}, line {parser.CurrentLineNumber}: {what}")

    def start(name: str, attributes: dict[str, str]) -> None:
        if not children:
            _check_root(name, attributes, where)
        else:
            children[-1] += 1
            if children[-1] == _WIDEST and name.rpartition(":")[2] in _MATH:
                refuse(f"more than {_WIDEST} parts in one operator; write them in groups")
        if len(attributes.get("formula", "")) > _LONGEST:
            refuse(f"a formula of more than {_LONGEST} characters")
        children.append(0)
        if len(children) > _DEEPEST:
            refuse(f"elements are nested more than {_DEEPEST} deep")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: children.pop()  # noqa: ARG005
    parser.StartDoctypeDeclHandler = lambda *_: refuse(
        "it has a document type declaration, which SBML does not have; delete it"
    )
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, str(error))
        raise ModelError(f"{where}: not XML, line {error.lineno}: {why}") from error


_MATH = ("ci", "cn", "csymbol", "apply", "piece", "piecewise")


def _check_root(name: str, attributes: dict[str, str], where: str) -> None:
    if name.rpartition(":")[2] != "sbml":
        raise ModelError(f"{where}: not SBML: its root is <{name[:80]}>, not <sbml>")
    level = attributes.get("level", "")
    if level not in ("1", "2", "3"):
        raise ModelError(f"{where}: SBML of level {level[:80]!r}; there are levels 1, 2 and 3")
