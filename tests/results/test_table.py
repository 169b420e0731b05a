"""The table of a comparison prints whole, at any width, and holds what it holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_compare import poisson_runs, profile, record

from hybridrd.results.compare import compare
from hybridrd.results.table import ComparisonTable


def table() -> pd.DataFrame:
    (run,) = poisson_runs(profile(), 1, seed=1)
    return compare(run, record(profile(), kind="mean-field"))


def of_rows(n: int) -> ComparisonTable:
    return ComparisonTable({"count_a": np.arange(n) + 0.5, "z": np.full(n, 1 / 3)})


@pytest.mark.parametrize("width", [40, 80, 100, 300])
def test_no_column_is_left_out(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    found = table()
    text = str(found)
    assert "..." not in text
    headings = [word for line in text.splitlines() for word in line.split()]
    assert all(headings.count(str(name)) == 1 for name in found.columns)
    assert max(len(line) for line in text.splitlines()) <= width


def test_no_row_is_left_out() -> None:
    with pd.option_context("display.max_rows", 10):
        assert len(str(of_rows(500)).splitlines()) == 501
        assert len(str(of_rows(5000)).splitlines()) < 1010


def test_numbers_are_short_where_they_are_printed_and_whole_where_they_are_used() -> None:
    found = of_rows(2)
    assert str(found).split() == ["count_a", "z", "0", "0.5", "0.333", "1", "1.5", "0.333"]
    assert found["z"].tolist() == [1 / 3, 1 / 3]


def test_a_part_of_a_table_prints_as_one() -> None:
    assert type(table()[["count_a", "z"]].tail(2)) is ComparisonTable
    assert isinstance(table(), pd.DataFrame)
