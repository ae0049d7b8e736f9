"""NUTS against conjugate posteriors, line shapes against the detector, and a calibration that is off."""

import numpy as np
import pytest
from scipy import stats

import bayesunmix as bu
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import nuts
from bayesunmix.engine.sampling.maps import draw_maps
from bayesunmix.models.abundance_priors.gamma import Gamma
from bayesunmix.spectra.background import kramers
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.families import family_spectra
from bayesunmix.spectra.line_model import fit_lines
from bayesunmix.spectra.line_shapes import DetectorCalibration, line_shapes

SHAPE, RATE, CONCENTRATION = 1.5, 0.1, 0.7
PRIOR = {"abundance_shape": SHAPE, "abundance_rate": RATE, "endmember_concentration": CONCENTRATION}
ENERGY = 1.0 + 0.02 * np.arange(400)


@pytest.fixture(scope="module")
def mixed():
    """Expected counts of 3 x 4 pixels of Si, Ni and continuum, on a correct axis."""
    families = family_spectra(("Si", "Ni"), ENERGY)
    curves = np.array([families["Si_K"], families["Ni_K"], kramers(ENERGY, 200.0)])
    return np.random.default_rng(0).gamma(3.0, 600.0, (3, 4, 3)) @ curves


def one_component():
    """Counts of 4 x 4 pixels, one of them empty."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(np.outer(rng.gamma(1.0, 20.0, 16), rng.dirichlet(np.ones(5)))).reshape(4, 4, 5)
    counts[0, 0] = 0
    return counts


def test_one_component_is_the_conjugate_posterior():
    """Endmember Dirichlet from superpixels, abundances Gamma in every pixel."""
    counts = one_component()
    image = bu.SpectrumImage(counts, np.arange(1.0, 6.0))
    posterior = bu.unmix(image, 1, "bayes_nuts", superpixel=2, n_warmup=200, n_draws=1500, **PRIOR).posterior
    endmember = stats.dirichlet(CONCENTRATION + counts.sum(axis=(0, 1)))
    drawn = posterior.endmembers[..., 0, :].reshape(-1, 5)
    np.testing.assert_allclose(
        drawn.mean(axis=0), endmember.mean(), atol=0.15 * np.sqrt(endmember.var().max())
    )
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(endmember.var()), rtol=0.1)
    totals = counts.sum(axis=-1).ravel()
    pixels = posterior.abundances[..., 0].reshape(-1, 16)
    sd = np.sqrt(SHAPE + totals) / (RATE + 1)
    assert np.abs((pixels.mean(axis=0) - (SHAPE + totals) / (RATE + 1)) / sd).max() < 0.15
    np.testing.assert_allclose(pixels.std(axis=0), sd, rtol=0.1)


def test_abundances_given_endmembers_are_those_of_a_grid():
    """Two components in one pixel, against the posterior on a grid."""
    endmembers = np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]])
    counts = np.array([[5, 4, 2]])
    image = bu.SpectrumImage(counts, np.arange(1.0, 4.0))

    known, starts = np.tile(endmembers, (2, 1, 1, 1)), [np.ones((1, 2))] * 2
    prior = Gamma(SHAPE, RATE)
    found = draw_maps(
        image, known, starts, prior=prior, key=random_key(0), n_maps=2000, sweeps_per_map=5, most_mib=256
    ).draws[:, :, 0]
    axis = np.linspace(0.005, 60, 2000)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    rate = a[..., None] * endmembers[0] + b[..., None] * endmembers[1]
    log = (counts[0] * np.log(rate)).sum(-1) - a - b + (SHAPE - 1) * np.log(a * b) - RATE * (a + b)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = (weight * a).sum(), (weight * b).sum()
    sd = np.sqrt([(weight * a**2).sum() - mean[0] ** 2, (weight * b**2).sum() - mean[1] ** 2])
    assert np.abs((found.mean(axis=(0, 1)) - mean) / sd).max() < 0.1
    np.testing.assert_allclose(found.std(axis=(0, 1)), sd, rtol=0.08)


@pytest.mark.parametrize("detector", [Detector(), Detector(tail_share=0.08, escape=True)])
def test_line_shapes_are_what_the_detector_records(mixed, detector):
    from dataclasses import replace

    model = replace(fit_lines(ENERGY, mixed.sum(axis=(0, 1)), ("Si", "Ni")), detector=detector)
    offset, gain, width = 0.004, 1.003, 1.2
    wide = replace(
        detector,
        fwhm_offset_ev2=width * detector.fwhm_offset_ev2,
        fwhm_slope_ev2_per_kev=width * detector.fwhm_slope_ev2_per_kev,
    )
    expected = family_spectra(("Si", "Ni"), offset + gain * ENERGY, wide)
    found = np.asarray(line_shapes(ENERGY, model).spectra(DetectorCalibration(offset, gain, width)))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    for name, spectrum in zip(model.names, found, strict=False):
        np.testing.assert_allclose(spectrum, expected[name], atol=2e-5 * expected[name].max())


def test_a_gain_that_is_off_is_recovered(mixed):
    """The axis says 0.4 % too little: the gain that the photons show is 1 / 0.996."""
    counts = np.random.default_rng(1).poisson(mixed)
    image = bu.SpectrumImage(counts, 0.996 * ENERGY)
    result = bu.unmix(
        image, 1, "bayes_nuts", endmembers="lines", elements=("Si", "Ni"), gain=True, offset=True, width=True
    )
    lower, _, upper = result.info["calibration"]["gain"]
    assert lower < 1 / 0.996 < upper and upper - lower < 0.002
    lower, _, upper = result.info["calibration"]["width"]
    assert lower < 1.1 and upper > 0.9
    assert set(result.posterior.statistics) >= {"gain", "offset_kev", "width", "log_likelihood"}
    assert result.info["r_hat"] < 1.1


def test_an_interrupted_run_has_fewer_draws_and_says_so(monkeypatch):
    image = bu.SpectrumImage(one_component(), np.arange(1.0, 6.0))
    n_warmup = 200  # for which the sampler is compiled above

    def interrupted_after(n_pieces):
        def track(pieces, label):
            yield from pieces[:n_pieces]
            raise KeyboardInterrupt

        monkeypatch.setattr(nuts, "track", track)
        return bu.unmix(image, 1, "bayes_nuts", superpixel=2, n_warmup=n_warmup, n_draws=80, **PRIOR)

    found = interrupted_after(10)
    n_draws = 10 * nuts.PIECE - n_warmup
    assert found.posterior.endmembers.shape[1] == found.posterior.abundances.shape[1] == n_draws
    assert found.info["interrupted"] and not found.info["converged"]
    assert found.info["warnings"][0].startswith("The run was interrupted")
    with pytest.raises(KeyboardInterrupt):
        interrupted_after(8)


def test_what_cannot_be_sampled_is_refused():
    image = bu.SpectrumImage(np.ones((40, 40, 700), int), np.arange(1.0, 701.0))
    with pytest.raises(ValueError, match=r"at most 1048576 .*got 1600 x 700; use bayes_gibbs"):
        bu.unmix(image, 2, "bayes_nuts", superpixel=1)
    with pytest.raises(ValueError, match="set endmembers='lines'"):
        bu.METHODS["bayes_nuts"](gain=True)
    with pytest.raises(TypeError, match="tuple of symbols"):
        bu.METHODS["bayes_nuts"](elements="Ni")
