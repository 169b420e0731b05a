"""No equation of the source is without its function, and each does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hybridrd as hrd

PAGE = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\(.+?) \| (.+?) \| (.+) \|$", PAGE.split("## Every equation")[1], re.M)


def test_every_equation_has_a_function():
    listed = [n for row in ROWS for n in re.findall(r"\((A?\d+)\)", row[0])]
    source = [str(n) for n in range(1, 38)] + [f"A{n}" for n in range(1, 17)]
    assert sorted(listed) == sorted(source)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_functions_exist_and_say_what_they_do(row):
    names = re.findall(r"\{py:(?:func|class)\}`~?hybridrd\.([\w.]+)`", row[2])
    assert names
    for name in names:
        found = hrd
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found)
        assert len(found.__doc__) > 100


def test_doi_is_a_reactive_sphere():
    """(36) with kappa = k_S (g coth g - 1), and kappa's limits V_sigma lambda0 and infinity."""
    doi, smoluchowski = hrd.theory.doi, hrd.theory.smoluchowski
    for lambda0 in np.geomspace(1e-9, 1e6, 16):
        kappa = doi.surface_reactivity(lambda0, D=0.7, sigma=0.4)
        rate = smoluchowski.rate(0.7, 0.4, kappa)
        assert_allclose(rate, doi.doi_rate_3d(lambda0, 0.7, 0.4), rtol=1e-9)
    slow = doi.surface_reactivity(1e-9, 0.7, 0.4)
    assert_allclose(slow, doi.macroscopic_rate(1e-9, 0.4, 3), rtol=1e-8)


@pytest.mark.validation
def test_large_copy_numbers_leave_the_mean_field():
    """The covariance's share of (20) falls as 1/c_R where k c_R is kept; one run as c_R^-1/2."""
    shares, deviations, sizes = [], [], [20.0, 200.0, 2000.0]
    A, line = hrd.Species("A", D=1.0), hrd.Box(x=(0, 1))
    for c_R in sizes:
        system = hrd.System(
            species=[A], domain=line, particles=line, cells=10, initial={A: c_R},
            reactions=[hrd.Reaction("2 A -> 0", k=2.0 / c_R, radius=0.01)],
            walls={"x+": hrd.Reservoir({A: c_R})},
        )  # fmt: skip
        late = hrd.theory.moments.closed_moments(system, 8, [6.0]).isel(time=-1)
        c, covariance = late["mean"].values[0], late["covariance"].values[0, 0]
        terms = hrd.theory.moments.pair_terms(
            c, covariance + np.outer(c, c), width=0.125, lambda0=100.0 / c_R, radius=0.01
        )
        shares.append(abs(terms.covariance.sum() / terms.exact.sum()))
        run = hrd.Simulation(system, dt=1e-2, seed=1).run(until=20.0, every=0.2)
        count = run["copy_number"].isel(species=0).sel(time=slice(3.0, None))
        deviations.append(float(np.sqrt(((count / (c.mean()) - 1) ** 2).mean())))
    assert_allclose(np.diff(np.log10(shares)), -1, atol=0.02)
    slope = np.polyfit(np.log(sizes), np.log(deviations), 1)[0]
    assert abs(slope + 0.5) < 0.1  # about 40 independent records: 11 % each, 0.034 of the slope
