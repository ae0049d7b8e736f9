"""Area fractions: exactly against the map, and with errors against the counts."""

import numpy as np
import pytest

from bayesunmix.claims.claimed_parts import ClaimedArea
from bayesunmix.validation.amounts.areas import area_fractions
from bayesunmix.validation.amounts.confusion import confusion
from bayesunmix.validation.finding import judge
from tests.library.validation.known_maps import case_of, fractions, recorded, spectra

SHAPE = (50, 60)


def case(areas, labels=None, dose=20, seed=0, overlap=0.0):
    shares = fractions(SHAPE)
    image, result = recorded(shares, dose, seed, spectra(overlap))
    labels = shares.argmax(axis=-1) if labels is None else labels
    return case_of(image, labels, areas=areas), result


def verdicts(found):
    return [finding.verdict for finding in judge(found.evidence, 0.05)]


def test_against_the_map_both_denominators_are_right_and_nothing_else():
    labels = fractions(SHAPE).argmax(axis=-1)
    labels[:5] = -1  # a tenth is unassigned
    third, of_all = 1 / 3, 0.9 / 3
    for claimed, verdict in (
        (third, "supported"),
        (of_all, "supported"),
        (0.32, "contradicted"),
        (0.27, "contradicted"),
    ):
        found = area_fractions(case({"a": claimed}, labels)[0])
        assert verdicts(found) == [verdict]
        assert found["a"].of_assigned == pytest.approx(third) and found["a"].of_all == pytest.approx(of_all)


def test_half_a_unit_of_the_last_digit_is_granted():
    third = 1 / 3
    assert verdicts(area_fractions(case({"a": ClaimedArea(0.3, 0.05)})[0])) == [
        "supported"
    ]  # "30 %", to the ten
    assert verdicts(area_fractions(case({"a": ClaimedArea(0.3, 0.005)})[0])) == ["contradicted"]
    assert verdicts(area_fractions(case({"a": ClaimedArea(third + 0.0099)})[0])) == ["supported"]


def test_pixels_that_the_reader_could_not_tell_leave_it_open():
    labels = fractions(SHAPE).argmax(axis=-1)
    labels[:5] = -2
    assert verdicts(area_fractions(case({"a": 1 / 3}, labels)[0])) == ["undecidable"]
    assert verdicts(area_fractions(case({"a": 0.5}, labels)[0])) == ["contradicted"]


def test_against_the_counts_the_mean_share_and_its_error():
    # Blur makes the shares of the layers other than their areas: those of the outer ones lose nothing, by reflection.
    z = []
    for seed in range(20):
        made, result = case({}, dose=5, seed=seed, overlap=0.5)
        found = area_fractions(made, confusion(made, result))
        truth = fractions(SHAPE).mean(axis=(0, 1))
        z += [(found[name].share.mean - truth[k]) / found[name].share.sd for k, name in enumerate("abc")]
    assert abs(np.mean(z)) < 0.4 and 0.8 < np.std(z) < 1.2


@pytest.mark.parametrize("off", [0.0, 0.03])
def test_what_counts_alone_can_say(off):
    made, result = case({"a": 1 / 3 + off}, dose=20)
    found = area_fractions(made, confusion(made, result))
    by_map, by_counts = verdicts(found)
    # Without draws of maps only one meaning of "area" is known, which cannot contradict.
    assert (by_map, by_counts) == (("supported", "supported") if not off else ("contradicted", "undecidable"))
    sentence = judge(found.evidence, 0.05)[1].sentence
    assert "mean share of the pixels" in sentence and "half a pixel along its boundary" in sentence


def test_few_counts_of_like_spectra_support_nothing():
    for seed in range(10):
        made, result = case({"b": 1 / 3 + 0.02}, dose=3, seed=seed, overlap=0.9)
        assert verdicts(area_fractions(made, confusion(made, result)))[1] != "supported"


def test_edge_band_and_sampling():
    made, _ = case({"a": 1 / 3})
    found = area_fractions(made)
    assert found["a"].edge_band == pytest.approx(50 / 2 / 3000)  # one boundary
    assert found["b"].edge_band == pytest.approx(100 / 2 / 3000)  # two
    assert np.isnan(found["a"].sampling_sd)  # a layer says nothing of another field
    labels = np.zeros(SHAPE, int)
    labels[:, 30:] = 2
    for k in range(16):
        labels[6 * (k // 4) + 2 : 6 * (k // 4) + 5, 6 * (k % 4) + 2 : 6 * (k % 4) + 5] = 1
    made, _ = case({}, labels)
    share = 16 * 9 / 3000
    assert area_fractions(made)["b"].sampling_sd == pytest.approx(share * (1 - share) / 4)
