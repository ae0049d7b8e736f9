"""Is a phase missed? A piece with lines that nobody claims, inside a phase and without a label."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.spectra.families import family_spectra
from bayesunmix.validation.finding import judge
from bayesunmix.validation.phases.exchange import exchangeability
from bayesunmix.validation.phases.missed import missed_phases
from tests.library.validation.planted import case_of, layers

ENERGY = 0.5 + 0.02 * np.arange(400)
FAMILIES = family_spectra(("Cr", "Ni", "Ca"), ENERGY)
CR, NI, CA = (0.9 * FAMILIES[name] + 0.1 / ENERGY.size for name in ("Cr_K", "Ni_K", "Ca_K"))
LABELS = layers((32, 48), 24)


def found(piece, labels=LABELS, dose=20, seed=1, result=False):
    """Return the finding where the pixels of `piece` hold mostly lines of calcium."""
    mean = np.array([CR, NI])[np.maximum(LABELS, 0)]
    mean[piece] = 0.3 * CR + 0.7 * CA
    image = bu.SpectrumImage(np.random.default_rng(seed).poisson(dose * mean), energy_kev=ENERGY)
    case = case_of(image, labels, ("Cr", "Ni"))
    fitted = bu.unmix(image, 2, "nmf", verdicts=False) if result else None
    missed = missed_phases(case, exchangeability(case, 99), fitted)
    return missed, judge(missed.evidence, case.level)[0]


def square():
    piece = np.zeros(LABELS.shape, bool)
    piece[10:15, 8:13] = True
    return piece


def test_nothing_is_missed_where_all_phases_are_claimed():
    missed, finding = found(np.zeros(LABELS.shape, bool))
    assert not missed.places
    assert finding.verdict != "contradicted"


def test_a_piece_of_another_phase_is_missed_and_its_lines_are_named():
    missed, finding = found(square())
    assert finding.verdict == "contradicted"
    assert "at least 3 phases" in finding.sentence
    assert missed.places[0].lines[0] == "Ca_K"
    assert square().ravel()[missed.places[0].pixels].mean() > 0.8


def test_an_unassigned_region_that_no_phase_explains_is_missed():
    missed, finding = found(square(), np.where(square(), -1, LABELS))
    assert finding.verdict == "contradicted"
    assert missed.places[0].label == -1


def test_an_unassigned_region_of_a_claimed_phase_is_not_missed():
    _, finding = found(np.zeros(LABELS.shape, bool), np.where(square(), -1, LABELS))
    assert finding.verdict != "contradicted"


@pytest.mark.slow
def test_with_a_result_it_is_checked_and_components_are_counted():
    missed, finding = found(square(), dose=50, result=True)
    assert not missed.checks.alarm  # two components fit each of two regions, whatever is in them
    assert missed.rank.n_components == 3
    assert "3 components" in finding.sentence
