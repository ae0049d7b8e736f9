"""Line maps of counts and of estimates, against sums over windows that are written out."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.line_maps import line_map
from simulations import PHANTOMS, acquire


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"]((24, 40), pixel_nm=6.0), 20, 0)


@pytest.mark.parametrize(("line", "low", "high"), [("Ni_Ka", 7.315, 7.625), ("Si_Ka", 1.635, 1.835)])
def test_a_line_gathers_one_full_width_on_either_side(trial, line, low, high):
    energy = trial.image.energy_kev
    expected = trial.image.dense()[..., (energy > low) & (energy < high)].sum(axis=-1)
    np.testing.assert_array_equal(line_map(trial.image, line), expected)


def test_a_range_is_that_of_crop(trial):
    expected = trial.image.crop(5.0, 5.8).total_map()
    np.testing.assert_array_equal(line_map(trial.image, (5.0, 5.8)), expected)


def test_the_map_of_an_estimate_is_that_of_its_expected_counts(trial):
    energy = trial.image.energy_kev
    expected = trial.truth.expected()[:, (energy >= 5.0) & (energy < 5.8)].sum(axis=1).reshape(24, 40)
    np.testing.assert_allclose(line_map(trial.image, (5.0, 5.8), trial.truth), expected)


@pytest.mark.parametrize(("line", "gain"), [("Ni_Ka", 0.95), ((7.465, 7.475), 0.1)])
def test_principal_components_denoise_a_line_map(trial, line, gain):
    truth = line_map(trial.image, line, trial.truth)
    result = bu.unmix(trial.image, 3, "pca")
    raw, denoised = line_map(trial.image, line), line_map(trial.image, line, result.estimate)
    assert denoised.shape == (24, 40)
    assert ((denoised - truth) ** 2).mean() < gain * ((raw - truth) ** 2).mean()
    assert denoised.sum() == pytest.approx(raw.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("Ni", "an element and a line, got 'Ni'"),
        ("Xx_Ka", "chemical symbol.*'Xx'"),
        ("Ni_Kz", "one of Ni_Ka, Ni_Kb, got 'Ni_Kz'"),
        ("Ni_Za", "family must be.*'Z'"),
        ("Mo_Ka", "on the energy axis.*17"),
        ((5.0,), "a name or two energies"),
        ((8.0, 7.0), "no channel of 1.000 to 9.990 keV"),
        (7.47, "a name or two energies"),
    ],
)
def test_a_line_that_cannot_be_mapped_is_named(trial, line, sentence):
    with pytest.raises(ValueError, match=sentence):
        line_map(trial.image, line)


def test_an_estimate_of_another_image_is_refused(trial):
    with pytest.raises(ValueError, match="the result must be of this image, which has 240 pixels"):
        line_map(trial.image.rebin(2), "Ni_Ka", trial.truth)
