"""The JSON schema of the TOML file from the command line, for editors."""

import json
import tomllib
from pathlib import Path

import pytest
from support.command_line import LINE, call, folder  # noqa: F401

import hybridrd as hrd
from hybridrd.toml.config import json_schema

pytestmark = pytest.mark.usefixtures("folder")


def test_it_is_printed_whole():
    assert json.loads(call("schema")) == json_schema()


def test_a_file_beside_it_names_it_in_its_first_line():
    said = call("schema", "--out", "hybridrd.schema.json")
    assert json.loads(Path("hybridrd.schema.json").read_text()) == json_schema()
    first = said[said.index("#:schema") :].strip()
    assert first == "#:schema ./hybridrd.schema.json"
    Path("line.toml").write_text(f"{first}\n{LINE}")
    assert hrd.System.from_toml("line.toml") == hrd.System.from_dict(tomllib.loads(LINE))


def test_names_are_checked_by_it_as_by_the_reader():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(call("schema")))
    data = tomllib.loads(LINE)
    assert validator.is_valid(data)
    data["species"][0]["name"] = "2A"
    assert not validator.is_valid(data)


def test_what_stands_there_is_not_overwritten_unasked():
    Path("s.json").write_text("mine")
    assert "s.json: exists" in call("schema", "--out", "s.json", code=2)
    assert Path("s.json").read_text() == "mine"
    call("schema", "--out", "s.json", "--overwrite")
    assert json.loads(Path("s.json").read_text()) == json_schema()


def test_another_suffix_or_a_folder_that_is_not_there():
    assert "'.txt'" in call("schema", "--out", "s.txt", code=2)
    assert "no directory no" in call("schema", "--out", "no/s.json", code=2)
