"""Fixtures of the tests of the phantom generator."""

import pytest

from tests.simulations.series import make_series


@pytest.fixture(scope="module")
def series():
    return make_series()
