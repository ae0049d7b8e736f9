"""Spectra for other programs, with their exposure, and k-ratios against standards."""

from dataclasses import replace

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.claims.spectra import read_spectrum
from bayesunmix.io.msa import MsaSpectrum, load_msa, save_msa
from bayesunmix.quantification.exposure import filled_pixels
from bayesunmix.spectra import Detector, thin_film

ENERGY = np.arange(0.3, 10, 0.02)
SIDE, DOSE = 8, 400.0
TRUE = np.array([thin_film(formula).record(ENERGY, Detector()) for formula in ("Mg2SiO4", "CaSiO3")])
TRUE /= TRUE.sum(axis=1, keepdims=True)
BRIGHTER = 1.5  # than the first component


@pytest.fixture(scope="module")
def map_of_two():
    """Two phases, one brighter, with a row of mixed pixels between them."""
    shares = np.repeat([[1, 0], [0.5, 0.5], [0, 1]], [24, 16, 24], axis=0)
    expected = DOSE * shares * [1, BRIGHTER]
    counts = np.random.default_rng(0).poisson(expected @ TRUE)
    image = bu.SpectrumImage(counts.reshape(SIDE, SIDE, -1), ENERGY)
    rng = np.random.default_rng(1)
    draws = np.stack([rng.dirichlet(expected[:, k].sum() * TRUE[k] + 1e-3, 60) for k in range(2)], axis=1)[
        None
    ]
    maps = np.repeat(expected[None, None], 5, axis=1)
    posterior = bu.Posterior(draws, maps, rotations=np.eye(2)[None])
    return bu.Unmixing(bu.Factorization(TRUE, expected), posterior, names=("Mg/Si O", "Ca-Si-O")), image


def test_a_component_fills_as_many_pixels_as_it_has_area(map_of_two):
    result, _ = map_of_two
    assert filled_pixels(result) == pytest.approx([32, 32])
    mixed = replace(result, estimate=bu.Factorization(TRUE, np.full((64, 2), DOSE / 2)))
    assert filled_pixels(mixed) == [None, None]


def test_spectra_are_written_with_their_exposure(map_of_two, tmp_path):
    result, image = map_of_two
    files = bu.write_msa(result, image, tmp_path, live_time_s=0.01, probe_na=2, beam_kev=20)
    assert [file.name for file in files] == ["Mg_Si_O.msa", "Ca-Si-O.msa"]
    found = load_msa(files[1])
    assert found.live_time_s == pytest.approx(0.32) and found.dose == pytest.approx(0.64)
    assert found.beam_kev == 20 and found.title == "Ca-Si-O"
    np.testing.assert_allclose(found.energy_kev, ENERGY)
    np.testing.assert_allclose(found.counts, 32 * DOSE * BRIGHTER * TRUE[1], rtol=1e-8)
    assert read_spectrum(files[1]), "the reader of claims takes it too"
    with pytest.raises(ValueError, match="is there already"):
        bu.write_msa(result, image, tmp_path)
    bu.write_msa(result, image, tmp_path, overwrite=True)
    assert load_msa(files[0]).live_time_s is None
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        bu.write_msa(result, image, tmp_path / "none")
    with pytest.raises(ValueError, match="live_time_s must be positive"):
        bu.write_msa(result, image, tmp_path, live_time_s=0)


def test_an_exposure_that_is_not_known_is_not_invented(map_of_two, tmp_path):
    result, image = map_of_two
    mixed = replace(result, estimate=bu.Factorization(TRUE, np.full((64, 2), DOSE / 2)))
    (file, _) = bu.write_msa(mixed, image, tmp_path, live_time_s=0.01, probe_na=2)
    assert load_msa(file).live_time_s is None and "exposure not known" in file.read_text()


def standard(formula, dose_na_s=10.0, counts=200_000):
    spectrum = thin_film(formula).record(ENERGY, Detector())
    noisy = np.random.default_rng(2).poisson(counts * spectrum / spectrum.sum())
    return MsaSpectrum(ENERGY, noisy.astype(float), formula, dose_na_s / 2, 2.0, 20.0)


def test_k_ratios_are_ratios_of_counts_for_each_dose(map_of_two, tmp_path):
    result, image = map_of_two
    save_msa(tmp_path / "mgo.msa", standard("MgO"))
    found = bu.k_ratios(
        result, image, {"Mg": tmp_path / "mgo.msa", "Ca": standard("CaSiO3")}, live_time_s=0.01, probe_na=2.0
    )
    calcium, magnesium = found["Ca-Si-O"]["Ca"], found["Mg/Si O"]["Mg"]
    expected = (32 * DOSE * BRIGHTER / (32 * 0.01 * 2.0)) / (200_000 / 10.0)
    assert calcium.mean == pytest.approx(expected, rel=0.03)
    assert calcium.lower < expected < calcium.upper
    assert 0 < calcium.factor_sd < 0.02 * expected
    assert found["Ca-Si-O"]["Mg"].upper_limit is not None
    net = {name: thin_film(name).record(ENERGY, Detector()) for name in ("Mg2SiO4", "MgO")}
    around = (ENERGY > 1.15) & (ENERGY < 1.36)
    share = {name: spectrum[around].sum() / spectrum.sum() for name, spectrum in net.items()}
    expected = (DOSE / 0.02) / (200_000 / 10.0) * share["Mg2SiO4"] / share["MgO"]
    assert magnesium.mean == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(
    ("standards", "said"),
    [
        ({"Mg": "nowhere.msa"}, "there is no file 'nowhere.msa'"),
        ({"Mg": standard("MgO")._replace(live_time_s=None)}, "must say its live time and beam current"),
        ({"Mg": standard("CaO")}, "must show Mg_K"),
        ({"Mg": 3}, "must be the path of an .msa file"),
        ({}, "standards must be a mapping"),
        ({"Pb_L": standard("PbO")}, "elements must have lines on the energy axis"),
    ],
)
def test_bad_standards_get_one_sentence(map_of_two, standards, said):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=said) as caught:
        bu.k_ratios(*map_of_two, standards, live_time_s=0.01, probe_na=2.0)
    assert "\n" not in str(caught.value)


def test_k_ratios_need_an_exposure(map_of_two):
    result, image = map_of_two
    mixed = replace(result, estimate=bu.Factorization(TRUE, np.full((64, 2), DOSE / 2)))
    with pytest.raises(ValueError, match="no pixel is nearly pure"):
        bu.k_ratios(mixed, image, {"Mg": standard("MgO")}, live_time_s=0.01, probe_na=2.0)
    with pytest.raises(ValueError, match="probe_na must be positive"):
        bu.k_ratios(result, image, {"Mg": standard("MgO")}, live_time_s=0.01, probe_na=-2.0)


@pytest.mark.parametrize(
    "text", ["", "#TITLE : x\n1,2,3\n", "#XPERCHAN: 0.01\nnot,numbers\n", "#XPERCHAN: .01\n-1,2\n"]
)
def test_what_is_no_spectrum_is_refused(tmp_path, text):
    (tmp_path / "x.msa").write_text(text)
    with pytest.raises(ValueError, match="must"):
        load_msa(tmp_path / "x.msa")


def test_uneven_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match="evenly spaced"):
        save_msa(tmp_path / "x.msa", MsaSpectrum(np.array([1.0, 2.0, 4.0]), np.ones(3)))
