"""Text of model files, checked before it is parsed."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from hybridrd.arguments import check_file
from hybridrd.errors import ModelError

LARGEST = 64 * 2**20  # bytes
_DEEPEST = 500  # depth of nested elements; libSBML's stack overflows at about 10 000
_WIDEST = 10_000  # number of arguments of an operator, which libSBML nests
_LONGEST = 10_000  # characters of a formula of level 1


def read_text(path: Path, kind: str, largest: int = LARGEST) -> str:
    """The text of a regular file of at most ``largest`` bytes, in UTF-8.

    Raises
    ------
    ModelError
        If there is no such file, or it is not such text; ``kind`` names what to give.
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


def core_of(text: str, where: str) -> str:
    """SBML without notes, annotations and package elements, checked before it is parsed.

    Raises
    ------
    ModelError
        If it is malformed, nested too deeply, or defines entities, with the line.
    """
    data = text.encode()
    parser = expat.ParserCreate("utf-8", " ")
    scan = _Scan(parser, where)
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, str(error))
        raise ModelError(f"{where}: not XML, line {error.lineno}: {why}") from error
    kept, done = [], 0
    for first, last in scan.foreign:
        end = data.index(b">", last) + 1
        kept += [
            data[done:first],
            b"\n" * data.count(b"\n", first, end),  # keeps line numbers
        ]
        done = end
    return b"".join([*kept, data[done:]]).decode()


_SBML = "http://www.sbml.org/sbml/level"
_MATH = "http://www.w3.org/1998/Math/MathML"
_OPERANDS = ("ci", "cn", "csymbol", "apply", "piece", "piecewise")


class _Scan:
    """Depth, width and foreign parts of a document, from the events of a parser.

    Attributes
    ----------
    foreign
        Offsets of the first and the last tag of each part outside the core (bytes).
    """

    def __init__(self, parser: expat.XMLParserType, where: str) -> None:
        self.foreign: list[tuple[int, int]] = []
        self._parser, self._where = parser, where
        self._children: list[int] = []  # for each open element
        self._opened: tuple[int, int] | None = None  # depth and offset of a foreign part

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._children:
            _check_root(local, attributes, self._where)
        elif self._opened is None:
            self._children[-1] += 1
            if self._children[-1] > _WIDEST and namespace == _MATH and local in _OPERANDS:
                self._refuse(f"more than {_WIDEST} parts in one operator; write them in groups")
            if len(attributes.get("formula", "")) > _LONGEST:
                self._refuse(f"a formula of more than {_LONGEST} characters")
            core = namespace.startswith(_SBML) and local not in ("notes", "annotation")
            if (not core and namespace != _MATH) or _is_package(namespace):
                self._opened = len(self._children), self._parser.CurrentByteIndex
        self._children.append(0)
        if len(self._children) > _DEEPEST:
            self._refuse(f"elements are nested more than {_DEEPEST} deep")

    def end(self, name: str) -> None:  # noqa: ARG002
        self._children.pop()
        if self._opened is not None and self._opened[0] == len(self._children):
            first, last = self._opened[1], self._parser.CurrentByteIndex
            if last > first:  # an empty element has no content
                self.foreign.append((first, last))
            self._opened = None

    def doctype(self, *_: object) -> None:
        self._refuse("it has a document type declaration, which SBML does not have; delete it")

    def _refuse(self, what: str) -> NoReturn:
        raise ModelError(f"{self._where}, line {self._parser.CurrentLineNumber}: {what}")


def _is_package(namespace: str) -> bool:
    """Whether an SBML namespace is that of a package: .../level3/version1/fbc/version2."""
    return namespace.startswith(_SBML + "3/") and not namespace.endswith("/core")


def _check_root(local: str, attributes: dict[str, str], where: str) -> None:
    if local != "sbml":
        raise ModelError(f"{where}: not SBML: its root is <{local[:80]}>, not <sbml>")
    level = attributes.get("level", "")
    if level not in ("1", "2", "3"):
        raise ModelError(f"{where}: SBML of level {level[:80]!r}; there are levels 1, 2 and 3")
