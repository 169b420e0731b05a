"""Messages about arguments that do not exist name a page, and the page has the word."""

import re
from pathlib import Path

import pytest

import hybridrd as hrd
from hybridrd.arguments import _PAGES
from hybridrd.errors import UsageError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", _PAGES)
def test_page_says_what_there_is(name):
    page, _, there = _PAGES[name].partition(": ")
    text = (ROOT / page).read_text("utf-8")
    for word in re.findall(r"(\w+)(?==)", there) or [name]:
        assert word in text


def test_velocity_leads_to_the_page_on_forces():
    with pytest.raises(UsageError, match=r"see docs/forces\.md: Species has potential= and velo"):
        hrd.Reaction("A -> 0", k=1.0, velocity=2.0)
