"""Files that no parser should see: too deep, too large, no files, no text."""

import os
import subprocess
import sys

import pytest
from support.networks import sbml

import hybridrd as hrd

BOX = hrd.Box(x=(0, 3))


def imported(path):
    return hrd.from_sbml(path, domain=BOX, D=1.0, radius=0.1)


@pytest.fixture
def path(tmp_path):
    return sbml(tmp_path / "m.xml", [("R", {"A": 1}, {}, "k*A", False)], {"A": 1}, {"k": 1.0})


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def nested(n, operator="<minus/>"):
    return f"<apply>{operator}" * n + "<ci>A</ci>" + "</apply>" * n


@pytest.mark.parametrize("n", [600, 20_000])
@pytest.mark.parametrize("where", ["law", "annotation"])
def test_deep_nesting(n, where, path):
    """20,000 elements in one another end libSBML with a segmentation fault."""
    if where == "law":
        change(path, "<ci> A </ci>", nested(n))
    else:
        change(path, "<listOfComp", f"<annotation>{'<a>' * n}{'</a>' * n}</annotation><listOfComp")
    with pytest.raises(
        hrd.ModelError, match=r"m\.xml, line \d+: elements are nested more than 500"
    ):
        imported(path)


def test_nesting_that_libsbml_takes(path):
    # -(-(... A)) of 150 levels is A; formulas may be long, too.
    change(path, "<ci> A </ci>", nested(150))
    assert imported(path).reactions[0].k == 1.0
    many = "<apply><plus/>" + "<ci>A</ci>" * 5000 + "</apply>"
    change(path, nested(150), many)
    assert imported(path).reactions[0].k == pytest.approx(5000)


def test_a_wide_sum(path):
    """200,000 terms in a row end libSBML with a segmentation fault, too."""
    change(path, "<ci> A </ci>", "<apply><plus/>" + "<ci>A</ci>" * 200_000 + "</apply>")
    with pytest.raises(hrd.ModelError, match="more than 10000 parts in one operator"):
        imported(path)


def test_entities(path):
    bomb = "".join(f'<!ENTITY e{k + 1} "{f"&e{k};" * 10}">' for k in range(9))
    text = path.read_text().replace("?>", f'?><!DOCTYPE sbml [<!ENTITY e0 "A">{bomb}]>', 1)
    path.write_text(text.replace("<ci> A </ci>", "<ci>&e9;</ci>"))
    with pytest.raises(hrd.ModelError, match="document type declaration, which SBML does not have"):
        imported(path)


def test_definitions_that_double(path):
    """f40(x) is 2^40 x if f1(x) = x + x, f2(x) = f1(x) + f1(x), ...: the work is bounded."""
    functions = {"f0": "lambda(x, x)"}
    functions |= {f"f{k + 1}": f"lambda(x, f{k}(x) + f{k}(x))" for k in range(40)}
    sbml(path, [("R", {"A": 1}, {}, "f40(A)", False)], {"A": 1}, functions=functions)
    with pytest.raises(hrd.ModelError, match="more than 100000 parts when written out"):
        imported(path)


def test_definitions_that_refer_to_themselves(path):
    functions = {"f": "lambda(x, g(x))", "g": "lambda(x, 2*f(x))"}
    sbml(path, [("R", {"A": 1}, {}, "f(A)", False)], {"A": 1}, functions=functions)
    with pytest.raises(hrd.ModelError, match="refer to one another through too many"):
        imported(path)


def test_powers_of_sums(path):
    species = {f"S{k}": 1 for k in range(60)}
    law = f"({' + '.join(species)})^8"
    sbml(path, [("R", {"S0": 1}, {}, law, False)], species)
    with pytest.raises(hrd.ModelError, match=r"reaction R: a product of .* terms"):
        imported(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not XML, line 1: no element found"),
        (b"<sbml", "not XML, line 1: unclosed token"),
        (b"<sbml level='3'><model></sbml>", "not XML, line 1: mismatched tag"),
        (b"<html/>", "not SBML: its root is <html>, not <sbml>"),
        (b"<sbml level='3' version='1'>\x00</sbml>", "not XML, line 1"),
        (b"\x1f\x8b\x08\x00", r"not text in UTF-8 \(byte 1\); save it as such, uncompressed"),
        ("<sbml name='é'/>".encode("latin-1"), r"not text in UTF-8 \(byte 12\)"),
        ("<sbml/>".encode("utf-16"), r"not text in UTF-8 \(byte 0\)"),
        (b"<sbml xmlns='http://x' level='3' version='1'/>", r"not SBML, line \d"),
        (
            b"<sbml xmlns='http://www.sbml.org/sbml/level3/version1/core' level='3' version='1'/>",
            "not SBML|contains no model",
        ),
    ],
)
def test_text_that_is_not_sbml(data, words, path):
    path.write_bytes(data)
    with pytest.raises(hrd.ModelError, match=rf"m\.xml: {words}"):
        imported(path)


def test_a_byte_order_mark(path):
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert imported(path).reactions[0].k == 1.0


def test_what_is_not_a_file(tmp_path, path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (pipe, "/dev/zero"):
        with pytest.raises(hrd.ModelError, match="a device or a pipe"):
            imported(place)
        with pytest.raises(hrd.ModelError, match="a device or a pipe"):
            hrd.from_antimony(place, domain=BOX, D=1.0)
    with pytest.raises(hrd.ModelError, match="is a directory"):
        imported(tmp_path)
    with pytest.raises(hrd.ModelError, match="no such file"):
        imported(tmp_path / "none.xml")
    with pytest.raises(hrd.ModelError, match="File name too long"):
        imported("a" * 300)
    with path.open("r+b") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(hrd.ModelError, match="67,108,865 bytes; at most 67,108,864 are read"):
        imported(path)


def test_reading_in_another_thread(path):
    """A thread of 1 MiB of stack reads what the limit of depth lets through."""
    change(path, "<ci> A </ci>", nested(490))
    code = (
        "import threading, hybridrd as hrd\n"
        "threading.stack_size(2**20)\n"
        "def read():\n"
        "    try:\n"
        f"        hrd.from_sbml({str(path)!r}, domain=hrd.Box(x=(0, 3)), D=1.0)\n"
        "    except hrd.ModelError:\n"
        "        pass\n"
        "    print('done')\n"
        "thread = threading.Thread(target=read); thread.start(); thread.join()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr


def test_only_the_core_is_parsed(path):
    """Notes, annotations and elements of packages are left out; lines keep their numbers."""
    from hybridrd.sbml.source import core_of

    more = (
        '<notes><p xmlns="http://www.w3.org/1999/xhtml">a\n&gt; b</p></notes>\n<annotation>'
        '<x:a xmlns:x="http://x" b=">"><x:c/>\n</x:a></annotation>\n'
    )
    package = "http://www.sbml.org/sbml/level3/version1/layout/version1"
    change(path, "<model", f'<model xmlns:layout="{package}"')
    change(path, "<listOfSpecies>", f"{more}<layout:a>é\n<layout:b/></layout:a><listOfSpecies>")
    text = path.read_text()
    core = core_of(text, "m")
    assert not any(word in core for word in ("<notes", "<annotation", "layout:", "&gt;"))
    lines = [k for k, line in enumerate(text.splitlines()) if "kineticLaw" in line]
    assert [k for k, line in enumerate(core.splitlines()) if "kineticLaw" in line] == lines
    assert imported(path).reactions[0].k == 1.0


def test_a_package_that_a_file_needs_is_refused_without_its_elements(path):
    package = "http://www.sbml.org/sbml/level3/version1/comp/version1"
    change(path, "<sbml ", f'<sbml xmlns:c="{package}" c:required="true" ')
    change(
        path,
        "<listOfSpecies>",
        "<c:listOfSubmodels><c:submodel/></c:listOfSubmodels><listOfSpecies>",
    )
    with pytest.raises(hrd.ModelError, match="it needs the SBML package 'comp'"):
        imported(path)
