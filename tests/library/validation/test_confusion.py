"""How much of a map is not what its label says: unbiased, and no right map is blamed."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.amounts.confusion import confusion
from bayesunmix.validation.finding import judge
from tests.library.validation.known_maps import NAMES, case_of, fractions, recorded, spectra


def verdicts(found, level=0.05):
    return {finding.subject: finding.verdict for finding in judge(found.evidence, level)}


def wrong_columns(labels, columns, phase):
    moved = labels.copy()
    moved[:, columns] = phase
    return moved


@pytest.fixture(scope="module")
def shares():
    return fractions()


@pytest.mark.parametrize("dose", [2, 20])
@pytest.mark.parametrize("overlap", [0.0, 0.8])
def test_shares_are_unbiased_and_their_errors_right(shares, dose, overlap):
    labels = wrong_columns(shares.argmax(axis=-1), slice(14, 17), 2)
    chosen = np.take_along_axis(shares, labels[..., None], axis=2)[..., 0]
    truth = 1 - chosen.mean()  # all pixels are as bright
    table = np.array([shares[labels == k].mean(axis=0) for k in range(3)])
    z_share, z_pixels, z_table = [], [], []
    for seed in range(30):
        image, result = recorded(shares, dose, seed, spectra(overlap))
        found = confusion(case_of(image, labels), result)
        z_share.append((found.share.mean - truth) / found.share.sd)
        z_pixels.append((found.of_pixels.mean - truth) / found.of_pixels.sd)
        z_table.append((found.whole.shares - table) / found.whole.sd)
        assert (found.component == np.arange(3)).all() and found.columns == NAMES
    for z in (z_share, z_pixels):
        assert abs(np.mean(z)) < 0.6 and 0.7 < np.std(z) < 1.35  # of 30: 3.3 standard errors
    assert abs(np.mean(z_table)) < 0.3 and 0.8 < np.std(z_table) < 1.2


def test_empty_pixels_are_not_dropped():
    # The dim half is the wrong one: without its empty pixels it would count too little.
    shares = np.zeros((40, 40, 2))
    shares[:20, :, 0], shares[20:, :, 1] = 1, 1
    bright = np.where(np.arange(40) < 20, 6.0, 0.4)[:, None, None] * np.ones((40, 40, 1))
    amounts = (bright * shares).reshape(-1, 2)
    means = []
    for seed in range(10):
        counts = np.random.default_rng(seed).poisson(amounts @ spectra()[:2]).reshape(40, 40, -1)
        image = bu.SpectrumImage(counts, 0.5 + 0.05 * np.arange(80))
        result = Unmixing(Factorization(spectra()[:2], amounts), known=(True, True))
        labels = np.zeros((40, 40), int)
        labels[0, :5] = 1
        means.append(confusion(case_of(image, labels, ("x", "y")), result).of_pixels.mean)
    assert abs(np.mean(means) - (800 + 5) / 1600) < 0.01


@pytest.mark.parametrize("dose", [20, 100])
def test_right_maps_are_supported_and_wrong_layers_found(shares, dose):
    labels = shares.argmax(axis=-1)
    image, result = recorded(shares, dose, 1, spectra())
    right = confusion(case_of(image, labels), result)
    assert set(verdicts(right).values()) == {"supported"}
    assert right.share.lower < 1 - shares.max(axis=-1).mean() < right.share.upper
    assert right.core.shares[1, 1] > 0.98 > right.rim.shares[1, 1]
    wrong = confusion(case_of(image, wrong_columns(labels, slice(15, 17), 2)), result)
    assert verdicts(wrong)["phase a"] == "supported" and verdicts(wrong)["phase c"] == "contradicted"
    assert verdicts(wrong)["phase b"] != "contradicted"
    sentence = judge(wrong.evidence, 0.05)[2].sentence
    assert sentence.startswith("Phase c holds 1") and "of something else, mostly b" in sentence


def test_even_mixtures_are_not_blamed_on_a_label_map():
    # Each pixel of "b" is 60 % b and 40 % c, everywhere: its label is the right one, and it is not pure.
    shares = fractions(blur=0)
    shares[shares.argmax(axis=-1) == 1] = [0, 0.6, 0.4]
    image, result = recorded(shares, 40, 2, spectra())
    found = judge(confusion(case_of(image, shares.argmax(axis=-1)), result).evidence, 0.05)
    assert [finding.verdict for finding in found] == ["supported", "undecidable", "supported"]
    assert np.isinf(found[1].counts_needed) and "mixtures" in found[1].sentence
    # The same share in 40 % of the pixels: those are wrong, at the same content of the phase.
    shares = fractions(blur=0)
    labels = shares.argmax(axis=-1)
    mixed = (labels == 1) & (np.random.default_rng(0).random(labels.shape) < 0.4)
    shares[mixed] = [0, 0, 1]
    image, result = recorded(shares, 40, 2, spectra())
    assert verdicts(confusion(case_of(image, labels), result))["phase b"] == "contradicted"


def test_few_counts_decide_nothing():
    shares = fractions()
    image, result = recorded(shares, 1, 3, spectra(0.9))
    found = judge(confusion(case_of(image, shares.argmax(axis=-1)), result).evidence, 0.05)
    assert found[1].verdict == found[2].verdict == "undecidable"


def test_names_are_arbitrary_and_a_phase_may_have_no_component(shares):
    labels = shares.argmax(axis=-1)
    image, result = recorded(shares, 20, 4, spectra())
    turned = confusion(case_of(image, (labels + 1) % 3, ("p", "q", "r")), result)
    assert turned.component.tolist() == [2, 0, 1] and set(verdicts(turned).values()) == {"supported"}
    # One phase in two halves: one of them has no component of its own, which is no mistake of the map.
    halves = labels.copy()
    halves[:16][labels[:16] == 0] = 3
    found = confusion(case_of(image, halves, ("a", "b", "c", "a2")), result)
    assert found.component.tolist() == [0, 1, 2, 0] and found.is_own.sum() == 3
    lone = "phase a2" if found.is_own[0] else "phase a"
    assert verdicts(found)[lone] == "undecidable" and found.share.mean < 0.03
    assert found.areas[0] is None and found.areas[1] is not None


def test_what_nobody_claims_is_a_column(shares):
    labels = np.where(shares.argmax(axis=-1) == 2, 1, shares.argmax(axis=-1))
    image, result = recorded(shares, 20, 5, spectra())
    found = confusion(case_of(image, labels, ("a", "bc")), result)
    assert any(column.endswith("(not claimed)") for column in found.columns)
    assert verdicts(found)["phase bc"] == "contradicted"  # its spectrum is known: it is another phase


def test_spectra_that_are_alike_are_taken_together_and_said(shares):
    endmembers = spectra(1 - 1e-6)
    image, result = recorded(shares, 20, 6, endmembers)
    found = confusion(case_of(image, shares.argmax(axis=-1)), result)
    assert found.warnings == (
        "The spectra of b and c are too alike to be told apart; they are taken together.",
    )
    assert "contradicted" not in verdicts(found).values() and verdicts(found)["phase a"] == "supported"
    assert verdicts(found)["phase b"] == "undecidable"


def test_draws_widen_and_other_solutions_widen_more(shares):
    endmembers = spectra(0.5)
    image, known = recorded(shares, 10, 7, endmembers)
    rng = np.random.default_rng(0)
    draws = rng.gamma(3000 * endmembers, size=(1, 60, *endmembers.shape))
    draws /= draws.sum(axis=-1, keepdims=True)
    maps = np.repeat(known.estimate.abundances[None, None], 2, axis=1)
    turned = np.array([[1, 0, 0], [0, 1, 0], [0, -0.05, 1.05]])

    def found(rotations):
        posterior = Posterior(draws, maps, rotations=np.array(rotations))
        result = Unmixing(known.estimate, posterior, {"converged": True}, names=NAMES)
        return confusion(case_of(image, shares.argmax(axis=-1)), result).share

    alone, more = found([np.eye(3)]), found([np.eye(3), turned])
    sharp = confusion(case_of(image, shares.argmax(axis=-1)), known).share
    assert sharp.endmember_sd == 0 and sharp.feasible is None
    assert alone.endmember_sd > 0 and alone.upper - alone.lower > sharp.upper - sharp.lower
    assert more.feasible[1] - more.feasible[0] > 0.002 and more.lower <= alone.lower


def test_solutions_that_the_sums_contradict_do_not_count(shares):
    # A rotation that makes c of half b would leave pixels of pure b with less than nothing of c.
    endmembers = spectra(0.0)
    image, known = recorded(shares, 50, 8, endmembers)
    draws = np.repeat(endmembers[None, None], 5, axis=1)
    wild = np.array([[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5]])
    posterior = Posterior(draws, known.estimate.abundances[None, None], rotations=np.array([np.eye(3), wild]))
    result = Unmixing(known.estimate, posterior, {"converged": True}, names=NAMES)
    share = confusion(case_of(image, shares.argmax(axis=-1)), result).share
    assert share.feasible[1] - share.feasible[0] < 1e-9


def test_a_posterior_or_known_spectra_are_needed(shares):
    image, known = recorded(shares, 5, 9, spectra())
    bare = Unmixing(known.estimate, names=NAMES)
    with pytest.raises(ValueError, match="posterior"):
        confusion(case_of(image, shares.argmax(axis=-1)), bare)


@pytest.mark.parametrize("n", [1, 3])
def test_one_phase_empty_phases_and_empty_pixels(n):
    # One component or several, one phase everywhere, another nowhere and a third only where no photon fell.
    shares = np.zeros((12, 14, n))
    shares[..., 0] = 1
    shares[:3] = 0
    counts = np.random.default_rng(0).poisson(30 * shares.reshape(-1, n) @ spectra()[:n]).reshape(12, 14, -1)
    image = bu.SpectrumImage(counts, 0.5 + 0.05 * np.arange(80))
    estimate = Factorization(spectra()[:n], 30 * shares.reshape(-1, n))
    labels = np.zeros((12, 14), int)
    labels[:3] = 2
    case = case_of(image, labels, ("everywhere", "nowhere", "vacuum"))
    found = confusion(case, Unmixing(estimate, known=(True,) * n))
    assert found.component.tolist() == [0, -1, -1] and found.whole.counts.tolist()[1:] == [0, 0]
    assert np.isnan(found.whole.shares[1:]).all() and found.wrong[1] is None and len(found.evidence) == 1
    assert verdicts(found) == {"phase everywhere": "supported"} and abs(found.share.mean) < 0.02
