"""Cores: how far phases mix, and which pixels are further inside."""

import numpy as np
import pytest

from bayesunmix.claims.claim import UNDECIDED
from bayesunmix.validation.phases.cores import find_cores
from simulations import PHANTOMS, acquire
from tests.library.validation.planted import A, B, C, image_of, layers, record


@pytest.mark.parametrize(("blur", "radii"), [(0.0, {1}), (1.0, {2, 3}), (2.0, {4, 5})])
def test_radius_grows_with_the_blur(blur, radii):
    labels = layers((48, 60), 20, 40)
    assert find_cores(record(labels, [A, B, C], 30, 1, blur=blur), labels, 3).radius in radii


def test_core_is_what_is_further_than_the_radius_of_its_phase():
    labels = layers((32, 48), 24)
    cores = find_cores(record(labels, [A, B], 30, 1), labels, 2)
    columns = np.arange(48)
    inside = (columns < 24 - cores.radius_of[0]) | (columns >= 24 + cores.radius_of[1])
    assert (cores.core == inside).all()
    assert not any(cores.mixed)


def test_phase_too_thin_for_a_core_keeps_its_innermost_pixels_and_says_so():
    labels = layers((32, 48), 23, 25)
    cores = find_cores(record(labels, [A, C, B], 30, 1, blur=1.0), labels, 3)
    assert cores.mixed == (False, True, False)
    assert cores.radius_of[1] == 0
    assert (cores.core[:, 23:25]).all()


def test_two_halves_of_one_phase_have_no_wide_boundary():
    labels = layers((48, 60), 30)
    for seed in range(4):
        assert find_cores(record(labels, [A, A], 50, seed), labels, 2).radius_of == (1, 1)


def test_a_wide_boundary_takes_pixels_beside_that_neighbour_only():
    labels = layers((48, 60), 20, 40)
    mixing = np.clip((np.arange(60) - 33) / 14, 0, 1)[:, None]
    blurred = np.where(
        (np.arange(60) >= 30)[:, None], (1 - mixing) * B + mixing * C, np.array([A, B, C])[labels[0]]
    )
    cores = find_cores(image_of(60 * blurred * np.ones((48, 1, 1)), 1), labels, 3)
    kept = np.flatnonzero(cores.core[24, 20:40])
    assert kept[0] == cores.radius
    assert 19 - kept[-1] == cores.radius_of[1] > cores.radius


def test_single_undecided_pixels_are_no_boundary_and_patches_are():
    labels = layers((32, 48), 24)
    image = record(labels, [A, B], 30, 1)
    labels[10, 10] = UNDECIDED
    labels[20:25, 5:10] = UNDECIDED
    core = find_cores(image, labels, 2).core
    assert not core[10, 10]
    assert core[10, 9]
    assert not core[19, 7]


def test_masked_pixels_are_in_no_core():
    labels = layers((32, 48), 24)
    mask = np.ones(labels.shape, bool)
    mask[:, :4] = False
    image = record(labels, [A, B], 30, 1).within(mask)
    assert not find_cores(image, labels, 2).core[:, :4].any()


def test_one_phase_alone_has_no_boundary():
    labels = np.zeros((16, 16), int)
    assert find_cores(record(labels, [A], 20, 1), labels, 1).core.all()


def test_inclined_boundaries_have_larger_radii_than_sharp_ones():
    film, grains = PHANTOMS["nicr_film"](), PHANTOMS["grains"]()
    radii = []
    for phantom in (film, grains):
        shares = phantom.truth.abundances
        labels = np.where(shares.sum(axis=1) > 0, shares.argmax(axis=1), -1).reshape(phantom.navigation_shape)
        cores = find_cores(acquire(phantom, 100, 3).image, labels, len(phantom.labels))
        radii.append(cores.radius_of)
    assert max(radii[0]) <= 2
    assert max(radii[1]) >= 4
