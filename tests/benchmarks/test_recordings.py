"""Recordings: thinned, scored without a truth, skipped with a sentence where they are not here."""

import dataclasses

import numpy as np
import pytest

from bayesunmix import Factorization, SpectrumImage, Unmixing, line_map, write
from benchmarks.baseline import BASELINES
from benchmarks.metric import METRICS
from benchmarks.missing import Missing
from benchmarks.recording import FOLDER_VARIABLE, RecordedTrial
from benchmarks.reporting.report import write_report
from benchmarks.runner import run
from benchmarks.suite_file import load_suite
from simulations import PHANTOMS, acquire

SUITE = """
title = "A map of our own"
phantoms = ["mine"]
doses = [10]
seeds = [0, 1]
methods = ["pca", "nmf_frobenius"]
baselines = ["*"]

[scenes.mine]
file = "film.npz"
reference = "longer.npz"
components = 3
lines = ["Cr_Ka", "Ni_Ka"]
"""


@pytest.fixture(scope="module")
def film():
    return PHANTOMS["nicr_film"](shape=(16, 16), n_channels=300, pixel_nm=16.0)


@pytest.fixture(scope="module")
def suite(film, tmp_path_factory):
    """A suite beside two recordings of one field: 20 and 120 counts per pixel."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, dose, seed in (("film", 20, 0), ("longer", 120, 1)):
        write(acquire(film, dose, seed).image, folder / f"{name}.npz")
    path = folder / "mine.toml"
    path.write_text(SUITE)
    return load_suite(str(path))


@pytest.fixture(scope="module")
def trial(suite) -> RecordedTrial:
    return suite.phantoms[0].acquire(10, 0)


def true_result(film, trial, error=0.0) -> Unmixing:
    """Result that knows the film, with noise of so many times the mean on its maps."""
    truth = film.truth.abundances * trial.image.n_photons
    truth /= film.truth.abundances.sum()
    noise = error * truth.mean() * np.random.default_rng(5).standard_normal(truth.shape)
    return Unmixing(Factorization(film.truth.endmembers, np.maximum(truth + noise, 0)))


def score(name, trial, result) -> float:
    return METRICS[name].score(trial, result)


def test_thinning_gives_the_dose_and_keeps_every_photon(suite, trial):
    whole = suite.phantoms[0].grid()
    assert trial.image.n_photons / trial.image.n_pixels == pytest.approx(10, rel=0.05)
    assert trial.truth is None
    np.testing.assert_array_equal(trial.image.dense() + trial.rest.dense(), whole.dense())
    assert (trial.image.dense() == suite.phantoms[0].acquire(10, 0).image.dense()).all()
    assert (trial.image.dense() != suite.phantoms[0].acquire(10, 1).image.dense()).any()
    assert trial.reference.n_photons > 5 * whole.n_photons
    alone = dataclasses.replace(suite.phantoms[0], reference=None).acquire(10, 0)
    assert alone.reference is alone.rest


def test_more_counts_than_there_are_cannot_be_had(suite):
    with pytest.raises(
        Missing, match=r"recording mine holds \d+\.\d counts per pixel: choose a dose below that"
    ):
        suite.phantoms[0].acquire(50, 0)


def test_a_reference_of_another_shape_is_refused(suite, tmp_path):
    small = tmp_path / "small.npz"
    write(SpectrumImage(np.ones((4, 4, 300), np.uint8), np.linspace(1, 10, 300)), small)
    other = dataclasses.replace(suite.phantoms[0], reference=small)
    with pytest.raises(
        ValueError, match="reference of scene mine must have the pixels and channels of its file"
    ):
        other.acquire(10, 0)


def test_the_truth_predicts_unseen_photons_better_than_noisy_maps_and_those_better_than_one_spectrum(
    film, trial
):
    found = [score("held_out_deviance", trial, true_result(film, trial, error)) for error in (0, 0.5, 1.5)]
    found.append(score("held_out_deviance", trial, BASELINES["mean_spectrum"](trial, 3)))
    assert found[0] < found[1] < found[2]
    assert found[0] < -2 < found[3], "the specimen is not one spectrum everywhere"


def test_the_held_out_deviance_is_that_of_its_definition(film, trial):
    estimate = true_result(film, trial, 0.1).estimate
    x, weight = trial.rest.counts.toarray(), trial.image.n_photons / trial.rest.n_photons
    spectrum = trial.image.sum_spectrum() + trial.rest.sum_spectrum()
    m = np.tile(spectrum / spectrum.sum() * trial.image.n_photons / trial.image.n_pixels, (len(x), 1))
    mu = np.maximum(estimate.expected(), 1e-3 * m.mean())
    ratio = np.log(np.divide(m, mu, out=np.ones_like(m), where=m > 0))
    expected = 2 * (weight * x * ratio - m + mu).sum() / len(x)
    assert score("held_out_deviance", trial, Unmixing(estimate)) == pytest.approx(expected, rel=1e-9)


def test_the_noise_of_the_reference_is_no_error_of_the_maps(film, trial):
    """The truth has almost none, though the reference's own maps scatter about it."""
    exact = true_result(film, trial)
    y = line_map(trial.reference, "Ni_Ka")
    expected = film.truth.abundances * trial.reference.n_photons / film.truth.abundances.sum()
    scatter = y - line_map(trial.reference, "Ni_Ka", Factorization(film.truth.endmembers, expected))
    assert np.sqrt((scatter**2).mean()) / y.mean() > 3 * score("line_map_error", trial, exact)
    flat = BASELINES["mean_spectrum"](trial, 3)
    assert score("line_map_error", trial, flat) > 0.8
    assert np.isnan(score("line_map_error", acquire(film, 10, 0), exact))


def test_exposure_that_differs_from_pixel_to_pixel_is_no_error_of_the_maps(film, trial):
    counts = trial.reference.counts.toarray()
    counts[: len(counts) // 2] *= 3
    uneven = dataclasses.replace(
        trial, reference=SpectrumImage(counts, trial.image.energy_kev, trial.image.shape)
    )
    flat = BASELINES["mean_spectrum"](trial, 3)
    exact = true_result(film, trial)
    assert score("line_map_error", uneven, exact) < 0.3 * score("line_map_error", uneven, flat)


def test_a_run_scores_what_needs_no_truth_and_its_report_shows_it(suite, tmp_path):
    table = run(suite, tmp_path, show_progress=False)
    oracle = table["method"] == "oracle_endmembers"
    assert set(table.loc[oracle, "status"]) == {"skipped"}
    assert set(table.loc[~oracle, "status"]) == {"ok"}
    scored = [name for name, metric in METRICS.items() if not metric.needs_truth]
    assert table.loc[~oracle, scored].notna().all(axis=None)
    assert table[[name for name in METRICS if name not in scored]].isna().all(axis=None)
    write_report(tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert "Line map error" in html
    assert "Spectral angle" not in html
    assert (tmp_path / "figures" / "trial-mine-dose10-seed0-pca.png").is_file()


def test_a_recording_that_is_not_here_is_skipped_with_a_sentence(tmp_path, monkeypatch, suite):
    path = tmp_path / "mine.toml"
    path.write_text(SUITE)
    elsewhere = load_suite(str(path)).only(methods=["pca"], seeds=["0"])
    table = run(elsewhere, tmp_path / "out", show_progress=False)
    assert set(table["status"]) == {"skipped"}
    assert (
        table["message"]
        .str.contains(f"there is no recording .*film.npz; set {FOLDER_VARIABLE} to the folder")
        .all()
    )
    write_report(tmp_path / "out")
    monkeypatch.setenv(FOLDER_VARIABLE, str(suite.phantoms[0].file.parent))
    assert load_suite(str(path)).phantoms[0].acquire(10, 0).image.n_photons
