"""Comparison table that is printed completely."""

from __future__ import annotations

import shutil

import pandas as pd

_MOST_ROWS = 1000  # rows; more are cut
_WIDTH = 120  # where there is no terminal


class ComparisonTable(pd.DataFrame):
    """A data frame whose text has all columns and rows, the numbers short.

    Pandas omits columns that are wider than the terminal; here they continue below. Selections from
    a table, and values computed from it, are such tables too. The values are unchanged.
    """

    @property
    def _constructor(self) -> type[ComparisonTable]:
        return ComparisonTable

    def __repr__(self) -> str:
        counts = [name for name in self.columns if str(name).startswith("count")]
        return self.to_string(
            max_rows=_MOST_ROWS,
            line_width=shutil.get_terminal_size((_WIDTH, 24)).columns,
            float_format="{:.3g}".format,
            formatters=dict.fromkeys(counts, "{:.6g}".format),
        )
