"""Wrong descriptions are refused with the name of what is wrong; what is accepted runs."""

import copy
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.command_line import folder  # noqa: F401
from support.mutations import BASES, DT, LINE, as_file, mutated, places, toml
from typer.testing import CliRunner

import hybridrd as hrd
from hybridrd.cli.app import app
from hybridrd.errors import AccuracyWarning, HybridrdError

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(data):
    """What a short run gives, or the message with which it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        try:
            system = hrd.System.from_dict(data)
            if system.particles is None:
                return hrd.mean_field(system, DT, 2 * DT, DT)
            return hrd.Simulation(system, DT, seed=1).run(2 * DT, DT)
        except HybridrdError as error:
            return str(error)


def words_of(data, changed):
    """Names of all that was changed, and of all fields, for a change may not fit another one."""
    paths = [*changed, *(path for base in (data, *BASES) for path in places(base))]
    return {str(key) for path in paths for key in path if isinstance(key, str) and key.strip()}


def place_of(path):
    """A path as messages write it, ``species[0].D``."""
    words = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return "".join(words).removeprefix(".")


def is_named(path, line):
    """Whether a line has the place, or that of the table around it and the words inside."""
    return any(
        place_of(path[:k]) in line and all(key in line for key in path[k:] if isinstance(key, str))
        for k in range(min(2, len(path)), len(path) + 1)
    )


@pytest.mark.parametrize("data", BASES)
def test_what_is_right_runs(data):
    assert not isinstance(outcome(data), str)


@pytest.mark.parametrize("data", BASES)
def test_a_value_that_fits_nowhere_is_refused_with_its_place(data):
    for path in places(data):
        wrong = copy.deepcopy(data)
        inside = wrong
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = [{"?": "?"}]
        said = outcome(wrong)
        assert isinstance(said, str), path
        lines = said.splitlines()
        assert all(is_named(path, line) for line in lines), (path, said)


@given(mutated())
@settings(max_examples=150)
def test_refused_by_name_or_finite(case):
    data, changed = case
    result = outcome(data)
    if isinstance(result, str):
        assert any(word in result for word in words_of(data, changed)), result
        assert "pydantic" not in result
        assert "Traceback" not in result
        return
    for name, values in result.data_vars.items():
        measured = values[1:] if name == "flux" else values
        if name == "bath":  # NaN for species that have none
            measured = values.max("species")
        assert np.isfinite(measured).all(), name
    assert (result["concentration"] >= 0).all() or data["system"].get("coupling") != "mean-field"
    assert (result["copy_number"] >= 0).all()


def run_file(text):
    """Exit code and messages of the command line."""
    Path("a.toml").write_text(text, encoding="utf-8", errors="surrogatepass")
    result = CliRunner().invoke(
        app, ["run", "a.toml", "--out", "a", "--overwrite", "--dt", str(DT), "--until", str(2 * DT)]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


@pytest.mark.usefixtures("folder")
@given(mutated())
@FEW
def test_the_command_line_says_what_is_wrong(case):
    try:
        text = as_file(case[0])
    except ValueError:  # TOML has no null
        return
    code, said = run_file(text)
    assert code in (0, 2)
    assert code == 0 or said.startswith(("Error: ", "Warning: ", "Usage: ")), said
    assert "Traceback" not in said
    assert Path("a").exists() or code == 2
    assert not list(Path().glob(".*"))  # nothing half-written


@pytest.mark.usefixtures("folder")
@given(st.integers(0, 600), st.integers(0, 30), st.text(max_size=8))
@example(0, 0, "\ufeff")
@FEW
def test_a_damaged_file_is_refused_or_runs(start, length, text):
    whole = as_file(LINE)
    code, said = run_file(whole[:start] + text + whole[start + length :])
    assert code in (0, 2)
    assert "Traceback" not in said


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("levels", [50, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_nesting_is_refused(levels, brackets):
    opened = "[" * levels if brackets == "[]" else "{x = " * levels
    code, said = run_file(f"system = {opened}1{brackets[1] * levels}\n")
    assert code == 2
    assert said.startswith("Error: a.toml"), said[:200]


@pytest.mark.usefixtures("folder")
def test_a_number_of_thousands_of_digits_is_refused():
    code, said = run_file(as_file(LINE).replace("0.5", "1" * 5000))
    assert code == 2
    assert said.startswith("Error: a.toml: not valid TOML")


def test_the_files_say_what_the_dicts_say():
    import tomllib

    for data in BASES:
        assert tomllib.loads(as_file(data)) == data
    assert toml({"a b": [True, "\x7f", 1e300]}) == '{"a b" = [true, "\\u007f", 1e+300]}'
