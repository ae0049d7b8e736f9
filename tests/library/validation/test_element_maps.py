"""A window of channels holds more than the line it is named after, and how much more is known in simulations."""

import numpy as np
import pytest
from scipy import ndimage

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from bayesunmix.spectra import Detector, thin_film
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import judge
from bayesunmix.validation.lines.element_maps import check_element_maps
from bayesunmix.validation.recipes.recipe import recover_recipes
from bayesunmix.validation.tolerance import Tolerance

ENERGY = 0.2 + 0.02 * np.arange(450)


@pytest.fixture(scope="module")
def image() -> bu.SpectrumImage:
    spectra = [thin_film(formula).record(ENERGY, Detector()) for formula in ("Cr2O3", "Ni")]
    labels = np.repeat([[0, 1]], 24, axis=0).repeat(16, axis=1)
    mean = 150 * np.array([s / s.sum() for s in spectra])[labels]
    return bu.SpectrumImage(np.random.default_rng(0).poisson(mean), energy_kev=ENERGY)


LABELS = np.repeat([[0, 1]], 24, axis=0).repeat(16, axis=1)


def window(image, low, high):
    return image.dense()[:, :, (low <= ENERGY) & (high >= ENERGY)].sum(axis=2).astype(float)


@pytest.fixture(scope="module")
def checked(image):
    maps = {
        "Cr K": window(image, 5.30, 5.52),
        "Ni K": ndimage.uniform_filter(window(image, 7.35, 7.6), 3),
        "F K": window(image, 0.66, 0.74),  # there is no fluorine: these are Ni L and continuum
        "Ni L": window(image, 0.8, 0.92) - window(image, 1.0, 1.12),
        "Cr": window(image, 5.3, 5.52).max() - window(image, 5.3, 5.52) + window(image, 3, 4),
        "grey": window(image, 2.0, 4.0),
    }
    case = Case(
        image,
        Claim(LABELS, ("oxide", "nickel"), unassigned=-1, maps=maps),
        LABELS,
        LABELS >= 0,
        1,
        Tolerance(),
        0.05,
        0,
    )
    result = check_element_maps(case, recover_recipes(image, maps))
    findings = judge(result.evidence, 0.05)
    return {one.title: (one, finding) for one, finding in zip(result.maps, findings, strict=True)}


def test_share_of_the_element_is_right(image, checked):
    content, finding = checked["Cr K"]
    film = thin_film("Cr2O3")
    spectrum = film.record(ENERGY, Detector())
    continuum = Detector().efficiency(ENERGY) * film.continuum(ENERGY)
    inside = (ENERGY >= 5.3) & (ENERGY <= 5.52)
    bare = continuum * (spectrum[250] / continuum[250])  # 5.2 keV, where there is no line
    truth = 1 - bare[inside].sum() / spectrum[inside].sum()
    assert content.by_phase["oxide"].mean == pytest.approx(truth, abs=0.02)
    assert finding.verdict == "supported"
    assert "the raw counts of 5.3" in finding.sentence


def test_map_of_an_element_that_is_not_there_is_contradicted_and_the_others_are_named(checked):
    content, finding = checked["F K"]
    assert finding.verdict == "contradicted"
    assert content.share.upper < 0.3
    assert set(list(content.parts)[:3]) & {"continuum", "Ni_L", "Cr_L"}
    assert sum(share for share, _ in content.parts.values()) == pytest.approx(1)


def test_smoothing_is_said(checked):
    content, finding = checked["Ni K"]
    assert content.recipe.mean == 3
    assert "drawn as nine pixels" in finding.sentence
    assert finding.verdict == "supported"
    assert content.by_phase["nickel"].mean > content.by_phase["oxide"].mean


def test_map_without_a_recipe_is_compared_by_rank(checked):
    content, finding = checked["Ni L"]
    assert content.share is None
    assert content.correlation.mean > 0.7
    assert "not a plain window" in finding.sentence
    assert finding.verdict == "supported"


def test_inverted_map_is_contradicted(checked):
    content, finding = checked["Cr"]
    assert content.correlation.upper < 0
    assert finding.verdict == "contradicted"


def test_title_without_an_element(checked):
    assert checked["grey"][1].verdict == "undecidable"
