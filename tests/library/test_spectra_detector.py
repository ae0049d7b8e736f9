"""Faults of the detector: each is its parameter, and together they are those of the published needle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesunmix.spectra import RESPONSES, Detector, thin_film

AXIS = 1 + 0.01 * np.arange(900)
WIDE = -0.5 + 0.01 * np.arange(1600)
CLEAR = {"window_um": 0, "dead_layer_um": 0, "crystal_mm": 1000}
NMF = Path(__file__).parents[2].parent / "shared/data/nicr/factors_NMF.csv"


@settings(max_examples=40)
@given(st.floats(2.5, 12), st.floats(0, 0.5), st.floats(0.005, 0.15))
def test_a_tail_keeps_the_area_and_lowers_the_mean_by_the_charge_lost(line_kev, share, loss):
    peak = Detector(**CLEAR, tail_share=share, tail_loss=loss).record([line_kev], np.array([5.0]), WIDE)
    assert peak.min() >= 0
    assert peak.sum() == pytest.approx(5, rel=1e-3)
    assert WIDE @ peak / peak.sum() == pytest.approx(line_kev * (1 - share * loss), abs=0.005)


def test_a_tail_reaches_0_6_kev_below_chromium_and_does_not_reach_above():
    line, tailed = (Detector(**CLEAR, tail_share=s).record([5.41], np.ones(1), WIDE) for s in (0, 0.08))
    excess = tailed - line
    assert 0.02 < excess[(WIDE > 4.4) & (WIDE < 5.2)].sum() < 0.05
    assert excess[(WIDE > 4.4) & (WIDE < 4.9)].sum() > 10 * excess[WIDE < 4.3].sum()
    assert np.abs(excess[WIDE > 5.7]).max() < 1e-6


@pytest.mark.parametrize(("line_kev", "share"), [(2.0, 0.0164), (5.41, 0.0046), (7.47, 0.0022)])
def test_a_silicon_photon_escapes_1_74_kev_below(line_kev, share):
    """Shares after Reed and Ware (1972); theirs for 5.41 keV is half a percent."""
    peak = Detector(**CLEAR, escape=True).record([line_kev], np.ones(1), WIDE)
    below = np.abs(WIDE - (line_kev - 1.74)) < 0.2
    assert peak.sum() == pytest.approx(1, rel=1e-6)
    assert peak[below].sum() == pytest.approx(share, rel=0.02)
    assert WIDE[below] @ peak[below] / peak[below].sum() == pytest.approx(line_kev - 1.74, abs=0.003)


def test_nothing_escapes_below_the_silicon_edge():
    plain, escaping = (Detector(escape=e).record([1.74], np.ones(1), WIDE) for e in (False, True))
    np.testing.assert_array_equal(plain, escaping)


@given(st.floats(0.0, 0.3), st.integers(60, 140))
def test_two_piled_photons_are_one_count_at_their_sum(pile_up, channel):
    axis = 0.01 * np.arange(400)
    photons = np.zeros(400)
    photons[channel] = 100
    counts = Detector(pile_up=pile_up).count(photons, axis)
    assert counts[2 * channel] == pytest.approx(pile_up * counts.sum(), abs=1e-9)
    assert counts.sum() == pytest.approx(100 / (1 + pile_up))
    assert counts[channel] + 2 * counts[2 * channel] == pytest.approx(100)


def test_sum_peaks_stand_at_the_right_energy_on_an_axis_that_starts_anywhere():
    axis = 1.003 + 0.01 * np.arange(700)
    photons = np.exp(-(((axis - 1.74) / 0.05) ** 2) / 2)
    pairs = (
        Detector(pile_up=0.1).count(photons, axis)
        - Detector(pile_up=0.1).count(photons, axis).max() * photons
    )
    peak = (axis > 3) & (axis < 4)
    assert axis[peak] @ pairs[peak] / pairs[peak].sum() == pytest.approx(3.48, abs=1e-3)


@given(st.floats(0.01, 0.9))
def test_the_strobe_is_its_share_at_zero(strobe):
    photons = np.exp(-(((WIDE - 5) / 0.05) ** 2) / 2)
    counts = Detector(strobe=strobe).count(photons, WIDE)
    zero = np.abs(WIDE) < 0.4
    assert counts[zero].sum() / counts.sum() == pytest.approx(strobe)
    spread = np.sqrt(WIDE[zero] ** 2 @ counts[zero] / counts[zero].sum())
    assert 2355 * spread == pytest.approx(np.sqrt(5.55e3), rel=0.01), "noise alone widens it"
    np.testing.assert_array_equal(Detector(strobe=strobe).count(np.ones(900), AXIS), np.ones(900))


@pytest.mark.parametrize(
    ("element", "low", "high", "published"),
    [
        ("Si", 1.55, 2.05, 0.921),
        ("Si", 2.1, 3.3, 0.0146),
        ("Si", 3.3, 3.6, 0.0058),  # the sum peak
        ("Cr", 5.15, 5.65, 0.745),
        ("Cr", 5.75, 6.2, 0.108),
        ("Cr", 2.1, 3.3, 0.0301),
        ("Cr", 3.55, 3.8, 0.0078),  # the escape peak
        ("Cr", 4.4, 5.15, 0.0306),  # the tail
        ("Ni", 7.2, 7.75, 0.7135),
        ("Ni", 8.0, 8.5, 0.1078),
        ("Ni", 2.1, 3.3, 0.0376),
        ("Ni", 6.5, 7.2, 0.0316),  # the tail
    ],
)
def test_the_realistic_detector_sees_the_shares_of_the_needle(element, low, high, published):
    """Shares of the published NMF endmembers, from the element alone."""
    spectrum = thin_film(element).record(AXIS, RESPONSES["realistic"])
    window = slice(*np.searchsorted(AXIS, (low - 1e-9, high - 1e-9)))
    assert spectrum[window].sum() / spectrum.sum() == pytest.approx(published, rel=0.15)


@pytest.mark.parametrize(("element", "column", "limit_deg"), [("Ni", 1, 4.2), ("Si", 2, 3.2), ("Cr", 3, 2.0)])
def test_the_realistic_spectrum_lies_near_the_published_endmember(element, column, limit_deg):
    """Most of the angle is a shift of 3 to 6 eV of the published peaks against the lines' energies."""
    if not NMF.is_file():
        pytest.skip("the curves read off the talk's figures are not on this machine")
    published = np.loadtxt(NMF, delimiter=",")[:, column]
    spectrum = thin_film(element).record(AXIS, RESPONSES["realistic"])
    cosine = spectrum @ published / np.linalg.norm(spectrum) / np.linalg.norm(published)
    assert np.degrees(np.arccos(cosine)) < limit_deg


def test_the_ideal_detector_has_no_fault():
    assert RESPONSES["ideal"] == Detector()
    photons = np.ones(900)
    np.testing.assert_array_equal(Detector().count(photons, AXIS), photons)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"tail_share": 1.0}, "tail_share must be at least 0 and below 1, got 1.0"),
        ({"pile_up": -0.1}, "pile_up must be at least 0 and below 1, got -0.1"),
        ({"crystal_mm": -1}, "crystal_mm must be at least 0 and below inf, got -1"),
        ({"strobe": np.nan}, "strobe must be at least 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        Detector(**setting)


def test_sum_peaks_need_even_channels():
    with pytest.raises(ValueError, match="sum peaks need evenly spaced channels"):
        Detector(pile_up=0.1).count(np.ones(3), np.array([1.0, 2.0, 4.0]))
