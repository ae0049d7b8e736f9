"""Would the map come out the same again: noise moves labels, and more of it moves more."""

import numpy as np
import pytest

from bayesunmix.validation.amounts.again import repeat
from tests.library.validation.known_maps import case_of, fractions, recorded, spectra


def made(dose, overlap=0.0):
    shares = fractions((24, 32), blur=0)
    image, result = recorded(shares, dose, 0, spectra(overlap))
    return case_of(image, shares.argmax(axis=-1)), result


@pytest.fixture(scope="module")
def clear():
    return repeat(*made(60), n=2)


def test_a_clear_map_comes_out_again_and_a_noisy_one_does_not(clear):
    assert clear.n_images == 2 and clear.agreement > 0.9 and clear.moved < 0.1 and clear.adjusted_rand > 0.8
    assert (
        clear.sentence.startswith("Another day's photons move ")
        and "3 phases where 3 are claimed" in clear.sentence
    )
    noisy = repeat(*made(1, 0.8), n=2)
    assert noisy.moved > 3 * clear.moved and noisy.agreement < clear.agreement


def test_numbers_do_not_matter_the_seed_decides_and_unlabelled_pixels_are_not_judged(clear):
    case, result = made(60)
    labels = (case.labels + 1) % 3
    labels[:, :2] = -1
    found = repeat(case_of(case.image, labels), result, n=2)
    assert np.isnan(found.reproducibility[:, :2]).all()
    np.testing.assert_array_equal(found.reproducibility[:, 2:], clear.reproducibility[:, 2:])


def test_of_a_large_map_only_the_middle_is_simulated(monkeypatch):
    monkeypatch.setattr("bayesunmix.validation.amounts.again.MOST_PIXELS", 2 * 24 * 24)
    monkeypatch.setattr("bayesunmix.validation.amounts.again.FEW_IMAGES", 2)
    case, result = made(60)
    found = repeat(case, result, n=10)
    simulated = ~np.isnan(found.reproducibility)
    assert found.n_images == 2 and simulated.sum() == 24 * 27 and simulated[:, 2:29].all()
    assert "of the 24 x 27 pixels in its middle" in found.sentence


def test_one_image_is_compared_with_nothing():
    with pytest.raises(ValueError, match="n must be at least 2"):
        repeat(*made(5), n=1)
