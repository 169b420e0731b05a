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


@pytest.mark.parametrize("name", sorted(set(accuracy.TABLES) - {"continua"}))
def test_table_is_what_its_operators_give(name):
    shown, made = accuracy.block(PAGE, name), accuracy.TABLES[name]()
    assert shown.count("\n") == made.count("\n")
    assert numbers(shown) == pytest.approx(numbers(made), abs=2e-3, rel=2e-3)


@pytest.mark.validation
@pytest.mark.ci
def test_sampled_table_has_poisson_numbers_beside_what_fluctuates():
    """As in the table, with fewer samples: whole copies for few, normal noise for many."""
    for content in (3.0, 300.0):
        for kind, fluctuates in (("gaussian", True), (None, False)):
            found = accuracy.sampled.measure(content, kind, samples=40, k=0.5)
            for value, error in found.values():
                assert not fluctuates or abs(value - 1) < 4.5 * max(error, 0.01)
            assert fluctuates or found["total"][0] < 0.8
