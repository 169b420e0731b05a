"""A system in words says all that it holds, in text and in HTML."""

from html.parser import HTMLParser

import numpy as np
import pytest

import hybridrd as hrd
from hybridrd.examples import CASES


def rate(x, t):
    return 0 * x + t


SQUARE = hrd.Box(x=(0, 2), y=(0, 1))
FULL = hrd.System(
    species=[hrd.Species("A", D=0.25), hrd.Species("B2", D=0.0)],
    domain=SQUARE,
    particles=hrd.Box(x=(0.5, 1), y=(0, 1)),
    cells=(8, 3),
    coupling="mean-field",
    walls={
        "x-": hrd.Reservoir({"A": 2.5}),
        "x+": hrd.PartiallyAbsorbing({"A": 0.125}),
        "y": hrd.Periodic(),
    },
    reactions=[
        hrd.Reaction("loss: A + B2 -> B2", lambda0=100.0, radius=0.1),
        hrd.Reaction("2 A -> 0", k=np.pi * 0.01 * 7, radius=0.1),
        hrd.Reaction("0 -> A", k=rate),
        hrd.Reaction("A -> 0", k=lambda y: y),
    ],
    initial={
        "A": [hrd.Patch(3.0, x=(0, 1)), hrd.Copies(5), np.full((8, 3), 1.5)],
        "B2": hrd.Points([[0.1, 0.2]]),
    },
    units={"length": "um"},
)


@pytest.mark.parametrize(
    "words",
    [
        "2 species in 2 dimensions",
        "domain     x in (0, 2), y in (0, 1)",
        "x in (0.5, 1), y in (0, 1); interface at x = 0.5, x = 1",
        "8 x 3, spacing 0.25 x 0.333333",
        "mean-field",
        "Layer() to the continuum (default)",
        "x- reservoir, A = 2.5",
        "x+ partially absorbing, kappa: A = 0.125",
        "y-, y+ periodic",
        "length um",
        "A   D = 0.25",
        # k = pi 0.1² lambda0, and back
        "k = 3.14159, lambda0 = 100, radius = 0.1  (loss)",
        "k = 0.219911, lambda0 = 7, radius = 0.1",
        "k = rate(x, t)",
        "k = function(y)",
        "A   3 on x in (0, 1)",
        "+   5 particles",
        "+   array on the cells, 1.5 to 1.5",
        "B2  1 particles at given positions",
    ],
)
def test_the_text_says(words):
    assert words in repr(FULL)
    assert repr(FULL) == str(FULL)


@pytest.mark.parametrize(
    ("changes", "words", "absent"),
    [
        ({"particles": None}, "none: a pure PDE", "interface"),
        ({"particles": SQUARE}, "everywhere: no PDE", "coupling"),
        ({"particles": SQUARE}, "CalibratedLayer() to the walls (default)", "continuum"),
        ({"coupling": "two-way"}, "CalibratedLayer() to the continuum (default)", "mean-field"),
        ({"coupling": "two-way", "fluctuations": True}, "two-way, discrete copies", "mean-field"),
        ({"interface": hrd.Layer(width=0.05)}, "Layer(width=0.05)", "default"),
        ({"interface": hrd.interface.Published("tau", width=0.05)}, "(rule=tau, ", "default"),
        ({"interface": hrd.ExactPlane(), "particles": None}, "pure PDE", "ExactPlane"),
        ({"walls": {}}, "x-, x+, y-, y+ reflecting", "periodic"),
        ({"walls": {"x+": hrd.Influx({"A": 5})}}, "x+ influx, A = 5", "reservoir"),
        ({"walls": {"x": hrd.Absorbing()}}, "x-, x+ absorbing", "periodic"),
        ({"walls": {"x": hrd.PartiallyAbsorbing(2)}}, "kappa = 2", "kappa:"),
        ({"initial": {}}, "A   none", "5 particles"),
        ({"initial": {"A": 2}}, "A   2 everywhere", "3 on"),
        (
            {"initial": {"A": hrd.Patch(2.0, center=(1, 0.5), radius=0.25)}},
            "within 0.25 of",
            "on x",
        ),
        ({"reactions": []}, "species", "reactions"),
        ({"units": {}}, "walls", "units"),
    ],
)
def test_the_text_follows_the_system(changes, words, absent):
    text = repr(FULL.replace(**changes))
    assert words in text
    assert absent not in text


def test_a_periodic_axis_has_an_interface_on_both_sides_of_its_region():
    region = FULL.replace(particles=hrd.Box(x=(0, 1), y=(0, 1)), walls={"x": hrd.Periodic()})
    assert "interface at x = 0, x = 1\n" in repr(region)


class Cells(HTMLParser):
    """The text of a document, and whether every element that opens also closes."""

    def __init__(self):
        super().__init__()
        self.text, self.open = [], []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("system", [FULL, *(c.system() for c in CASES.values())])
def test_html_holds_the_same_as_the_text(system):
    parser = Cells()
    parser.feed(system._repr_html_())
    parser.close()
    assert not parser.open
    from_html = " ".join(" ".join(parser.text).split())
    from_text = " ".join(repr(system).split())
    assert from_html == from_text


def test_html_escapes_what_users_wrote():
    script = FULL.replace(units={"length": "<script>alert('&')</script>"})
    assert "<script>" not in script._repr_html_()
    assert "&lt;script&gt;" in script._repr_html_()
    assert "A -&gt; 0" in script._repr_html_()


def test_the_words_of_drifts_formulas_kernels_and_places():
    drifting = hrd.System(
        species=[
            hrd.Species("A", D=1.0, potential="0.5 * x"),
            hrd.Species("B", D="1 + x", velocity=(2.0, lambda x, y: x * y)),
        ],
        domain=SQUARE,
        particles=SQUARE,
        reactions=[
            hrd.Reaction("A + B -> 0", k=1.0, kernel=hrd.pair_kernels.Gaussian(0.1)),
            hrd.Reaction("2 A -> B", k=1.0, radius=0.1, place="midpoint"),
        ],
    )
    words = str(drifting)
    for part in (
        "A  D = 1, potential 0.5 * x\n", "B  D = 1 + x, velocity (2, function(x, y))\n",
        "kernel Gaussian(", "products at: midpoint",
    ):  # fmt: skip
        assert part in words
