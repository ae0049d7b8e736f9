"""Line families in a sum spectrum and in pixels: what is there is found and named, what is not is not."""

from functools import cache

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.analysis.family_counts import net_counts
from bayesunmix.spectra import RESPONSES, Detector, lines
from bayesunmix.spectra.element_search import find_elements
from bayesunmix.spectra.families import family_spectra
from bayesunmix.spectra.line_model import fit_lines
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

ENERGY = 0.3 + 0.01 * np.arange(1000)
FILM = {"shape": (24, 32), "pixel_nm": 8.0}


@cache
def film():
    trial = acquire(PHANTOMS["nicr_film"](**FILM), 100, 0)
    return trial, bu.unmix(trial.image, method="elements")


def sum_spectrum(amounts, n=1e6, offset=0.0, gain=1.0, detector=None, seed=0):
    """Counts of families and a 1/E continuum on an axis whose channels lie at offset + gain x E."""
    detector = detector or Detector()
    axis = offset + gain * ENERGY
    continuum = detector.efficiency(axis) / axis
    mean = 0.2 * continuum / continuum.sum()
    for name, amount in amounts.items():
        found = lines(*name.split("_"))
        peaks = detector.record(found.energy_kev, found.intensity, axis)
        mean = mean + 0.8 * amount * peaks / peaks.sum()
    return np.random.default_rng(seed).poisson(n * mean / mean.sum())


def test_families_sum_to_one_and_only_those_on_the_axis_are_there():
    found = family_spectra(["Ni", "Si", "Pt", "Ca"], ENERGY)
    assert list(found) == ["Ni_K", "Ni_L", "Si_K", "Pt_L", "Pt_M", "Ca_K", "Ca_L"], "Pt K is too hard"
    for name, spectrum in found.items():
        assert spectrum.min() >= 0 and spectrum.sum() == pytest.approx(1)
        peak = {
            "Ni_K": 7.472,
            "Ni_L": 0.85,
            "Si_K": 1.74,
            "Pt_L": 9.44,
            "Pt_M": 2.06,
            "Ca_K": 3.69,
            "Ca_L": 0.30,
        }[name]
        assert ENERGY[spectrum.argmax()] == pytest.approx(peak, abs=0.03)
    with pytest.raises(ValueError, match="chemical symbol such as 'Ni', got 'Xx'"):
        family_spectra(["Xx"], ENERGY)


def test_the_calibration_is_found():
    detector = Detector(fwhm_offset_ev2=4500, fwhm_slope_ev2_per_kev=2300, tail_share=0.06)
    counts = sum_spectrum({"Si_K": 1, "Cr_K": 1, "Ni_K": 1}, offset=0.008, gain=0.998, detector=detector)
    found = fit_lines(ENERGY, counts, ("Si", "Cr", "Ni")).calibration
    assert found["offset_ev"] == pytest.approx(8, abs=1)
    assert found["gain"] == pytest.approx(0.998, abs=2e-4)
    assert found["fwhm_ev_at_5.9_kev"] == pytest.approx(1000 * detector.fwhm_kev(np.array(5.9)), rel=0.01)
    assert found["tail_share"] == pytest.approx(0.06, abs=0.01)


def test_elements_are_found_and_none_is_invented():
    """Mn K-alpha beside Cr K-beta has no peak of its own that the finder of peaks could name."""
    counts = sum_spectrum({"Si_K": 0.3, "Cr_K": 1, "Mn_K": 0.5, "Fe_K": 1, "Pt_L": 0.1, "Pt_M": 0.1})
    found = find_elements(ENERGY, counts)
    assert set(found.reasons) == {"Si", "Cr", "Mn", "Fe", "Pt"}
    assert found.model.chi_square < 1.5
    assert found.unnamed_kev == []
    noise = find_elements(ENERGY, sum_spectrum({}))
    assert noise.reasons == {} and noise.model.names == ()


def test_a_peak_that_is_not_asked_for_is_reported():
    counts = sum_spectrum({"Si_K": 1, "Ni_K": 1}, n=1e5).astype(np.uint16)
    image = bu.SpectrumImage(np.tile(counts // 4, (2, 2, 1)), ENERGY)
    result = bu.unmix(image, method="elements", elements=("Ni",))
    assert result.names[:2] == ("Ni_K", "Ni_L")
    assert result.info["unnamed_kev"][0] == pytest.approx(1.74, abs=0.02)
    assert "peaks at 1.7" in result.info["warnings"][0]
    with pytest.raises(TypeError, match="must be a tuple of symbols, got 'Ni'"):
        bu.unmix(image, method="elements", elements="Ni")


def test_net_counts_are_those_of_the_truth_within_their_errors():
    trial, result = film()
    maps = net_counts(result, trial.image)
    assert list(maps) == ["Si_K", "Cr_K", "Ni_K", "continuum"]
    for name, share in trial.phantom.line_shares.items():
        truth = (trial.truth.abundances @ share).reshape(trial.image.navigation_shape)
        counts, sd = maps[name]
        assert counts.shape == sd.shape == truth.shape
        there = truth > 30
        z = ((counts - truth) / sd)[there]
        assert z.std() == pytest.approx(1, abs=0.15)
        assert abs(z.mean()) < 0.3
        assert counts[there].sum() == pytest.approx(truth[there].sum(), rel=0.02)


def test_chi_square_of_pixels_is_one_where_the_model_is_right():
    """At a dose where a pixel's continuum has counts of its own; an empty one has a chi-square of 0."""
    trial = acquire(PHANTOMS["nicr_film"](shape=(12, 16), pixel_nm=16.0), 2000, 0)
    result = bu.unmix(trial.image, method="elements")
    mu = result.estimate.expected()[trial.phantom.specimen]
    counts = trial.image.counts.toarray()[trial.phantom.specimen]
    used = mu > 0.1
    n_free = used.sum() - result.estimate.n_components * len(mu)
    assert ((counts - mu) ** 2 / mu)[used].sum() / n_free == pytest.approx(1, abs=0.03)
    assert result.info["objective"][0] == pytest.approx(1, abs=0.2)


def test_faults_of_a_real_detector_cost_no_counts():
    trial = acquire(PHANTOMS["nicr_film"](**FILM, detector=RESPONSES["realistic"]), 100, 0)
    result = bu.unmix(trial.image, method="elements")
    assert result.info["calibration"]["tail_share"] == pytest.approx(0.08, abs=0.02)
    truth = (trial.truth.abundances @ trial.phantom.line_shares["Ni_K"]).sum()
    # A little of the Ni peaks lies in sum peaks, which the model does not have.
    assert net_counts(result, trial.image)["Ni_K"].counts.sum() == pytest.approx(truth, rel=0.03)


def test_the_strobe_takes_no_part():
    trial, result = film()
    wide = np.zeros((trial.image.n_pixels, 920), np.int64)
    wide[:, 20:] = trial.image.counts.toarray()
    wide[:, 3] = 500
    kev = np.concatenate([np.linspace(-0.1, 0.19, 20), trial.image.energy_kev])
    again = bu.unmix(bu.SpectrumImage(wide, kev), method="elements")
    assert not again.estimate.endmembers[:, :20].any()
    np.testing.assert_allclose(again.estimate.abundances, result.estimate.abundances, atol=1e-6)


def test_net_counts_need_names_and_the_image():
    trial, result = film()
    with pytest.raises(
        ValueError,
        match=r"and this one's are not; use bayesunmix\.unmix\(image, ",
    ):
        net_counts(bu.Unmixing(result.estimate), trial.image)
    with pytest.raises(
        ValueError, match="must be of this image, which has 12 pixels and 900 channels, got one of 768"
    ):
        net_counts(result, trial.image.rebin((8, 8)))
