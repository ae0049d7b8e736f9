"""What every registered phantom keeps: built by name, canonical truth, and an acquisition at a dose."""

import numpy as np
import pytest

from simulations import PHANTOMS, Phantom, Trial

pytestmark = pytest.mark.parametrize("name", list(PHANTOMS))


@pytest.fixture
def phantom(name) -> Phantom:
    return PHANTOMS[name]()


def test_it_is_a_phantom_of_its_own_name_with_documentation(name, phantom):
    assert isinstance(phantom, Phantom)
    assert phantom.name == name
    assert "Parameters" in PHANTOMS[name].__doc__


def test_truth_is_canonical_and_at_unit_dose(phantom):
    truth = phantom.truth
    assert truth.is_nonnegative
    np.testing.assert_allclose(truth.endmembers.sum(axis=1), 1, atol=1e-12)
    assert truth.abundances[phantom.specimen].sum(axis=1).mean() == pytest.approx(1, rel=1e-12)
    assert (truth.abundances.max(axis=0) > 0).all(), "every component occurs"


def test_axes_are_calibrated(phantom):
    assert len(phantom.axes) == len(phantom.navigation_shape)
    assert all(axis.scale > 0 and axis.units != "px" for axis in phantom.axes)
    assert (np.diff(phantom.energy_kev) > 0).all()


def test_truth_does_not_change_between_calls(name, phantom):
    assert PHANTOMS[name]().digest() == phantom.digest()


def test_an_acquisition_at_dose_5(phantom):
    trial = phantom.acquire(5, 0)
    assert isinstance(trial, Trial)
    assert trial.image.navigation_shape == phantom.navigation_shape
    np.testing.assert_array_equal(trial.image.energy_kev, phantom.energy_kev)
    expected = 5 * phantom.specimen.sum()
    assert abs(trial.image.n_photons - expected) < 5 * np.sqrt(expected)
    assert trial.image.total_map().ravel()[~phantom.specimen].sum() == 0
