"""Counts that tell two spectra apart: the error at the number that is said, by independent draws."""

import math

import numpy as np
import pytest

from bayesunmix.validation.amounts.counts_needed import (
    chernoff_information,
    counts_for,
    counts_to_tell,
    dose_ladder,
)
from simulations import PHANTOMS
from tests.library.validation.known_maps import case_of, fractions, recorded, spectra


def error_at(a, b, counts, n=20_000):
    """Photon by photon, by another generator than the library's."""
    rng = np.random.default_rng(99)
    ratio = np.log(np.maximum(a, 1e-12)) - np.log(np.maximum(b, 1e-12))
    wrong = 0.0
    for p, sign in ((a, 1), (b, -1)):
        for _ in range(n // 2000):
            summed = sign * ratio[rng.choice(a.size, (2000, counts), p=p / p.sum())].sum(axis=1)
            wrong += (summed < 0).sum() + (summed == 0).sum() / 2
    return wrong / (2 * n)


@pytest.mark.parametrize(
    ("phantom", "pair", "about"),
    [
        ("overlapping_lines", (1, 2), 52),
        ("grains", (0, 1), 178),
        ("core_shell", (1, 2), 4),
    ],
)
def test_the_error_at_the_said_number_is_the_one_asked_for(phantom, pair, about):
    endmembers = PHANTOMS[phantom]().truth.endmembers
    a, b = (endmembers[k] / endmembers[k].sum() for k in pair)
    counts = counts_to_tell(a, b)
    assert abs(counts / about - 1) < 0.06
    assert 0.04 < error_at(a, b, int(counts)) < 0.06


def test_few_photons_are_counted_exactly():
    assert counts_to_tell([1, 0], [0, 1]) == 1  # one photon tells all
    # Two spectra, 0.9 and 0.1 in one channel: one photon errs in 0.1, three in 0.028.
    assert counts_to_tell([0.9, 0.1], [0.1, 0.9]) == 3
    assert counts_to_tell([0.9, 0.1], [0.1, 0.9], error=0.2) == 1


def test_limits_scale_and_seed():
    rng = np.random.default_rng(0)
    a = rng.random(50)
    assert counts_to_tell(a, 7 * a) == math.inf
    b = a + 0.3 * rng.random(50)
    counts = counts_to_tell(a, b)
    assert counts == counts_to_tell(3 * a, b) and counts > counts_to_tell(a, b, 0.1)
    assert counts == pytest.approx(counts_to_tell(b, a, seed=1), rel=0.1)
    near = np.array([0.5, 0.5]), np.array([0.5 + 1e-3, 0.5 - 1e-3])
    # The normal limit: z^2 / (sum d^2 / p), with z the 5 % quantile on either side of the middle.
    assert counts_to_tell(*near) == pytest.approx((2 * 1.645) ** 2 / (2 * 1e-6 / 0.5), rel=0.05)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        ([1, 2], [1, 2, 3], 0.05),
        ([1, -1], [1, 1], 0.05),
        ([0, 0], [1, 1], 0.05),
        ([1, 2], [2, 1], 0.5),
        ([1, 2], [2, 1], 0),
    ],
)
def test_mistakes_are_said(a, b, error):
    with pytest.raises(ValueError, match=r"two spectra of as many channels|error must lie between"):
        counts_to_tell(a, b, error)


def test_chernoff_information_of_two_known_spectra():
    p = np.array([0.9, 0.1])
    assert chernoff_information(p, p[::-1]) == pytest.approx(-math.log(2 * math.sqrt(0.09)), abs=1e-6)


def test_the_ladder_names_the_hardest_pair_and_the_smallest_piece():
    image, result = recorded(fractions(), 5, 0, spectra(0.8))
    ladder = dose_ladder(case_of(image, fractions().argmax(axis=-1)), result, ((0,), (1,), (2,)))
    assert ladder[0].names == ("b", "c") and len(ladder) == 3
    assert ladder[0].pixels == math.ceil(ladder[0].counts * image.takes_part.sum() / image.n_photons)
    assert "cannot be told from one of c" in ladder[0].sentence and "undecidable" in ladder[0].sentence
    assert [pair.counts for pair in ladder] == sorted((pair.counts for pair in ladder), reverse=True)


def test_intervals_shrink_with_the_root_of_the_counts():
    assert counts_for(5, arm=0.04, gap=0.02) == 20
    assert counts_for(5, arm=0.001, gap=0.02) > 5
    assert counts_for(5, arm=0.04, gap=0) == math.inf
