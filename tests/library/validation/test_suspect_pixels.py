"""Pixels with improbable labels: hardly one of the list is right."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.validation.amounts.suspect_pixels import suspect_pixels
from tests.library.validation.known_maps import NAMES, case_of, fractions, recorded, spectra

MEMBERS = ((0,), (1,), (2,))


@pytest.fixture(scope="module")
def fitted():
    shares = fractions(blur=0)
    image, known = recorded(shares, 30, 0, spectra())
    rng = np.random.default_rng(1)
    maps = rng.gamma(known.estimate.abundances + 0.3, size=(1, 60, *known.estimate.abundances.shape))
    draws = np.repeat(spectra()[None, None], 60, axis=1)
    posterior = bu.Posterior(draws, maps, rotations=np.eye(3)[None])
    result = bu.Unmixing(known.estimate, posterior, {"converged": True}, names=NAMES)
    return image, result, shares.argmax(axis=-1)


def test_wrong_pixels_are_listed_and_named(fitted):
    image, result, truth = fitted
    labels = truth.copy()
    wrong = np.random.default_rng(2).random(truth.shape) < 0.1
    labels[wrong] = (truth[wrong] + 1) % 3
    found = suspect_pixels(case_of(image, labels), result, MEMBERS)
    assert (found.listed & wrong).sum() / found.listed.sum() > 0.93
    assert (found.listed & wrong).sum() > 0.9 * wrong.sum()
    named = found.looks_like[found.listed & wrong]
    assert (named == truth[found.listed & wrong]).mean() > 0.98
    assert (found.looks_like[~found.listed] == -1).all()
    assert found.order.size == found.listed.sum() and found.listed.ravel()[found.order].all()
    assert (np.diff(found.p_label.ravel()[found.order]) >= 0).all()


def test_a_right_map_has_no_list(fitted):
    image, result, truth = fitted
    assert suspect_pixels(case_of(image, truth), result, MEMBERS).listed.sum() <= 2


def test_phases_without_a_component_and_pixels_without_a_phase_are_not_judged(fitted):
    image, result, truth = fitted
    labels = np.where(truth == 1, -1, truth)
    found = suspect_pixels(case_of(image, labels), result, ((0,), (), (2,)))
    assert np.isnan(found.p_label[labels < 0]).all() and not found.listed[labels < 0].any()
    lost = suspect_pixels(case_of(image, truth), result, ((0,), (), (2,)))
    assert not lost.listed[truth == 1].any() and np.isnan(lost.p_label[truth == 1]).all()


def test_a_posterior_is_needed(fitted):
    image, result, truth = fitted
    with pytest.raises(ValueError, match="posterior"):
        suspect_pixels(case_of(image, truth), bu.Unmixing(result.estimate, names=NAMES), MEMBERS)


def test_a_component_that_nobody_claims_may_be_part_of_a_phase(fitted):
    image, result, truth = fitted
    labels = np.where(truth == 2, 1, truth)
    case = case_of(image, labels, ("a", "bc"))
    assert suspect_pixels(case, result, MEMBERS[:2]).listed.sum() <= 2
    given = bu.Unmixing(
        result.estimate, result.posterior, {"converged": True}, names=NAMES, known=(False, False, True)
    )
    found = suspect_pixels(case, given, MEMBERS[:2])
    assert found.listed[truth == 2].mean() > 0.9 and (found.looks_like[truth == 2] == -1).all()
