"""What every registered phantom keeps: built by name, canonical truth, and an acquisition at a dose."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bayesunmix.spectra import RESPONSES
from simulations import PHANTOMS, Phantom, Trial, acquire

pytestmark = pytest.mark.parametrize("name", list(PHANTOMS))
# SHA-256 of each truth. A phantom whose truth changes gets a new name; its line here stays as it is.
GOLDEN = json.loads((Path(__file__).parent / "golden_digests.json").read_text())


@cache
def built(name) -> Phantom:
    return PHANTOMS[name]()


@pytest.fixture
def phantom(name) -> Phantom:
    return built(name)


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


def test_its_truth_is_the_golden_one(name, phantom):
    assert phantom.digest() == GOLDEN[name], f"{name} has another truth than it had: give it a new name"


def test_truth_does_not_change_between_calls(name, phantom):
    assert PHANTOMS[name]().digest() == phantom.digest()


def test_counts_follow_the_path_through_each_material(phantom):
    assert len(phantom.materials) == len(phantom.labels)
    assert phantom.thickness_nm.min() >= 0
    present = phantom.thickness_nm > 0
    np.testing.assert_array_equal(present, phantom.truth.abundances > 0)
    if phantom.name == "nicr_film":  # its brightness is per pixel of material, as published
        return
    dose = 1.0 if phantom.relative_dose is None else phantom.relative_dose[:, None]
    abundances = phantom.truth.abundances / dose
    for k in range(len(phantom.labels)):
        per_nm = abundances[:, k][present[:, k]] / phantom.thickness_nm[:, k][present[:, k]]
        np.testing.assert_allclose(per_nm, per_nm[0], rtol=1e-9)


def test_line_intensities_are_part_of_the_counts(phantom):
    intensities = phantom.line_intensities()
    assert intensities
    total = phantom.truth.abundances.sum(axis=1).reshape(phantom.navigation_shape)
    lines = sum(intensities.values())
    assert lines.shape == phantom.navigation_shape
    assert (lines <= total * (1 + 1e-9)).all()
    assert lines.sum() > 0.5 * total.sum(), "most counts are lines"


def test_faults_of_the_detector_leave_places_and_brightness_about_as_they_are(name, phantom):
    realistic = PHANTOMS[name](detector=RESPONSES["realistic"])
    assert realistic.digest() != phantom.digest()
    np.testing.assert_allclose(realistic.thickness_nm, phantom.thickness_nm)
    shares = [p.truth.abundances.sum(axis=0) / p.truth.abundances.sum() for p in (realistic, phantom)]
    np.testing.assert_allclose(*shares, rtol=0.15)


def test_an_acquisition_at_dose_5(phantom):
    trial = acquire(phantom, 5, 0)
    assert isinstance(trial, Trial)
    assert trial.image.navigation_shape == phantom.navigation_shape
    np.testing.assert_array_equal(trial.image.energy_kev, phantom.energy_kev)
    expected = 5 * phantom.specimen.sum()
    if phantom.takeoff_deg is not None:  # some of the photons stay in the specimen
        assert trial.truth.abundances.sum() < 0.98 * expected
        expected = trial.truth.abundances.sum()
    assert abs(trial.image.n_photons - expected) < 5 * np.sqrt(expected)
    assert trial.image.total_map().ravel()[~phantom.specimen].sum() == 0
