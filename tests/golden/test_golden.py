"""Short runs of every kind give what they gave, bit for bit."""

import pytest

from . import CASES, FILE, differences, fingerprint, read

ENTRIES = read()


def test_every_case_has_an_entry():
    assert list(ENTRIES) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_what_it_was(name):
    found = differences(name, ENTRIES[name])
    assert not found, "\n".join([f"{name} differs from {FILE.name}:", *found])


def test_the_serial_ensemble_is_that_of_workers():
    """Two entries of one thing."""
    serial, workers = (ENTRIES[f"ensemble-{n}"]["variables"] for n in ("serial", "workers"))
    assert serial == workers


def test_a_restart_is_the_run_without_one():
    assert ENTRIES["restart"]["variables"] == ENTRIES["no-restart"]["variables"]


def test_two_threads_are_one():
    assert ENTRIES["threads-2"]["variables"] == ENTRIES["threads-1"]["variables"]


def test_a_fingerprint_sees_the_last_bit_and_the_order():
    import numpy as np

    values = np.array([1.0, 2.0, np.nan, 4.0])
    one = fingerprint(values)
    assert one == fingerprint(values.copy())
    assert fingerprint(np.nextafter(values, 9.0))["hash"] != one["hash"]
    assert fingerprint(values[::-1])["sums"] != one["sums"]
    assert one["size"] == 7.0
