"""The accuracy page says what the operators say."""

import re

import numpy as np
import pytest
from support import figures

accuracy = figures.load("make_accuracy")
PAGE = (figures.FOLDER.parent / "accuracy.md").read_text()


def numbers(text):
    """All numbers in a text; 1/8 counts as two."""
    return np.array(re.findall(r"\d+\.?\d*(?:e-?\d+)?", text), float)


@pytest.mark.parametrize("name", sorted(set(accuracy.TABLES) - {"fade"}))
def test_table_is_what_its_operators_give(name):
    shown, made = accuracy.block(PAGE, name), accuracy.TABLES[name]()
    assert shown.count("\n") == made.count("\n")
    assert numbers(shown) == pytest.approx(numbers(made), abs=2e-3, rel=2e-3)


def test_sampled_table_fades_out_and_is_unbiased():
    """As in the table, with fewer samples: silent at one particle a cell, right at twenty."""
    for content, low, high in ((1.0, 0.6, 0.72), (20.0, 0.85, 1.15)):
        found = accuracy.fading.measure(content, samples=3000)
        assert low < found["ratio"][0] < high
        assert abs(found["bias"][0]) < 4 * found["bias"][1]
