"""Endmembers that copied noise of the counts are recognised, and every alarm says how large it is."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.checks.causes import fault_shapes, known_lines
from bayesunmix.checks.effect import relative_misfit, say_share
from bayesunmix.checks.fitted import fitted_to
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.result import Unmixing
from simulations import PHANTOMS, acquire
from simulations.acquisition import Acquisition
from tests import quick

SHAPE = (32, 64)


def spectrum(n_channels=400):
    energy = np.linspace(0.3, 8, n_channels)
    lines = sum(h * np.exp(-0.5 * ((energy - e) / 0.05) ** 2) for e, h in ((1.7, 8), (5.4, 3), (6.4, 2)))
    return energy, lines + 2 * np.exp(-energy / 3)


def drawn_around(mean, relative_sd, rng, n=60):
    """Draws of one endmember whose channels scatter by that part of counting noise."""
    draws = rng.normal(mean, relative_sd * np.sqrt(mean), (1, n, 1, mean.size))
    return draws / draws.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("counts", [3e3, 1e5, 3e7])
def test_a_known_spectrum_is_known_and_a_copied_one_is_not(seed, counts):
    rng, shape = np.random.default_rng(seed), spectrum()[1]
    mean = counts * shape / shape.sum()
    drawn = rng.poisson(mean).astype(float)
    totals = np.array([drawn.sum()])
    assert not fitted_to(drawn, mean, totals)
    for copied in (0.4, 0.7, 1.0):
        assert fitted_to(drawn, np.maximum(mean + copied * (drawn - mean), 1e-9), totals)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_recognised_beside_a_misfit_as_broad_as_a_peak(seed):
    rng = np.random.default_rng(seed)
    energy, shape = spectrum()
    mean = 1e6 * shape / shape.sum()
    drawn = rng.poisson(mean).astype(float)
    wrong = mean * (1 + 0.05 * np.sin(energy)) + 0.6 * (drawn - mean)
    assert (((drawn - wrong) ** 2 / wrong).mean()) > 2
    assert fitted_to(drawn, wrong, np.array([1e6]))
    assert not fitted_to(drawn, mean * (1 + 0.05 * np.sin(energy)), np.array([1e6]))


@pytest.mark.parametrize(("relative_sd", "is_free"), [(0.0, False), (0.05, False), (0.5, True), (1.0, True)])
def test_draws_say_whether_the_channels_are_free(relative_sd, is_free):
    rng, shape = np.random.default_rng(0), spectrum()[1]
    mean = 1e5 * shape / shape.sum()
    counts = rng.poisson(mean).astype(float)
    assert fitted_to(counts, mean, np.array([1e5]), drawn_around(mean, relative_sd, rng)) == is_free


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_few_channels_are_no_error(n_channels):
    counts = np.full(n_channels, 100.0)
    assert fitted_to(counts, counts, np.array([100.0 * n_channels])) is True
    assert fitted_to(counts, 1.3 * counts, np.array([100.0 * n_channels])) is False


@pytest.mark.parametrize("method", ["bayes", "nmf", "fisher_conditional", "bayes_cavi"])
def test_fits_of_the_same_counts_are_checked_as_such_and_left_alone(method):
    found = bu.check(quick.unmixed(method), quick.film().image)
    assert found.fitted_again == "abundances and endmembers"
    assert not found.alarm, found.sentences


def test_slopes_are_tested_at_peaks_and_not_in_the_noise_of_a_continuum():
    energy, shape = spectrum()
    counts = np.random.default_rng(0).poisson(2e5 * shape / shape.sum()).astype(float)
    shapes = fault_shapes(energy, counts[None], known_lines(energy, counts))
    at_peaks = (np.abs(energy[:, None] - [1.7, 5.4, 6.4]) < 0.2).any(axis=1)
    for name in ("shift", "gain", "width"):
        assert (shapes[name][at_peaks] != 0).mean() > 0.4
        assert (shapes[name][~at_peaks] != 0).mean() < 0.03


@pytest.mark.parametrize("ev", [2.0, 3.0])
def test_an_alarm_says_how_large_it_is_and_no_numbers_that_agree(ev):
    film = PHANTOMS["nicr_film"](SHAPE)
    image = acquire(film, 20, 0, Acquisition(offset_kev=ev / 1000)).image
    spectra = film.truth.endmembers
    share = np.full(len(spectra), 1 / len(spectra))
    found = bu.check(Unmixing(Factorization(spectra, np.outer(image.total_map().ravel(), share))), image)
    assert found.alarm and len(found.effects) == len(found.sentences)
    assert "times the error" in found.sentences[0] and "% of all counts" in found.sentences[0]
    assert found.effects[0] == pytest.approx(ev * 0.0068, rel=0.4)
    assert found.summary()["effects"][0] == found.effects[0]


def test_no_alarm_has_no_effect():
    found = bu.check(quick.unmixed("nmf"), quick.film().image)
    assert found.effects == [] and found.sentences == ["Nothing contradicts the model."]


def test_the_misfit_of_a_deviance_is_the_one_that_was_planted():
    rng = np.random.default_rng(0)
    mean = rng.uniform(50, 500, 20_000)
    true = mean * np.where(rng.random(mean.size) < 0.5, 1.1, 0.9)
    counts = rng.poisson(true)
    deviance = 2 * (counts * np.log(np.maximum(counts, 1) / mean) - counts + mean).sum()
    assert relative_misfit(deviance, mean.size, mean.sum()) == pytest.approx(0.1, rel=0.05)
    assert relative_misfit(5.0, 10.0, 100.0) == 0


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "less than 0.001 %"),
        (0.0042, "0.4 %"),
        (-0.0042, "0.4 %"),
        (0.0123, "1.2 %"),
        (0.0999, "10 %"),
        (0.095, "9.5 %"),
        (1.0, "100 %"),
        (0.00007, "0.007 %"),
    ],
)
def test_a_share_is_written_in_percent(share, words):
    assert say_share(share) == words
