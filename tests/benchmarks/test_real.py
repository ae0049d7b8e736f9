"""Claims about recordings and phantoms: each is a row, a false one is seen, and what is not here is said."""

import numpy as np
import pandas as pd
import pytest

import bayesunmix as bu
from bayesunmix.analysis.line_ratios import line_ratio_interval, line_ratios
from benchmarks.calibration import CALIBRATIONS, calibrate
from benchmarks.calibrations import real
from benchmarks.recording import FOLDER_VARIABLE
from benchmarks.scoring.claims import claim
from benchmarks.scoring.predicted_counts import line_map_error, predictive_coverage
from simulations import PHANTOMS, acquire

here = pytest.mark.skipif(
    not (real.folder() / "core_shell.hspy").exists(),
    reason="the microscope files of ../shared/data are not on this machine",
)


def posterior_of(phantom, draws=40, dose=120, spread=0.02):
    rng = np.random.default_rng(0)
    truth = phantom.truth
    endmembers = truth.endmembers * rng.gamma(
        1 / spread**2, spread**2, (1, draws, 1, truth.endmembers.shape[1])
    )
    abundances = np.broadcast_to(dose * truth.abundances, (1, draws, *truth.abundances.shape))
    return bu.Posterior(endmembers / endmembers.sum(axis=-1, keepdims=True), abundances)


class Rotated:
    """A posterior that names other solutions."""

    def __init__(self, posterior, rotations):
        self.endmembers, self.rotations = posterior.endmembers, rotations


def test_a_ratio_of_lines_is_that_of_the_true_spectrum_and_rotations_widen_its_interval():
    phantom = PHANTOMS["buried_cores"]()
    lines = ("Fe_Ka", "Pt_La")
    true = line_ratios(phantom.truth.endmembers[2], phantom.energy_kev, lines)
    assert true == pytest.approx(0.236, abs=0.001)
    posterior = posterior_of(phantom)
    low, high = line_ratio_interval(posterior, phantom.energy_kev, lines, 2)
    assert low < true < high < 0.3
    mixed = np.eye(3)
    mixed[2] = [0, 0.2, 0.8]
    wide = line_ratio_interval(Rotated(posterior, np.stack([np.eye(3), mixed])), phantom.energy_kev, lines, 2)
    other = line_ratios(mixed[2] @ phantom.truth.endmembers, phantom.energy_kev, lines)
    assert wide[0] == pytest.approx(low) and wide[1] > other > 2 * true


def test_the_truth_predicts_another_recording_at_its_dose_and_not_at_another():
    phantom = PHANTOMS["partial_frame"]()
    posterior = posterior_of(phantom, draws=200, spread=1e-4)
    other = acquire(phantom, 600, 1).image
    exposure = np.full(other.n_pixels, 5.0)
    assert 0.88 < predictive_coverage(posterior, other, exposure, "Si_Ka") < 0.93
    assert predictive_coverage(posterior, other, 1.3 * exposure, "Si_Ka") < 0.6


def test_intervals_of_few_counts_hold_ninety_percent_too():
    phantom = PHANTOMS["partial_frame"]()
    posterior = posterior_of(phantom, draws=200, dose=1, spread=1e-4)
    other = acquire(phantom, 1, 1).image
    exposure = np.ones(other.n_pixels)
    assert bu.line_map(other, "Si_Ka").mean() < 0.5
    assert 0.88 < predictive_coverage(posterior, other, exposure, "Si_Ka") < 0.92
    assert predictive_coverage(posterior, other, 10 * exposure, "Si_Ka") < 0.6


def test_the_error_of_true_line_maps_is_the_noise_of_the_other_photons():
    phantom = PHANTOMS["partial_frame"]()
    other = acquire(phantom, 120, 1).image
    true = bu.Factorization(phantom.truth.endmembers, 120 * phantom.truth.abundances)
    even = bu.Factorization(phantom.truth.endmembers, np.full_like(true.abundances, true.abundances.mean()))
    assert line_map_error(true, other, ("Si_Ka", "O_Ka")) == pytest.approx(1, abs=0.03)
    assert line_map_error(even, other, ("Si_Ka", "O_Ka")) > 1.2


def test_every_claim_about_a_phantom_is_a_row(monkeypatch, tmp_path):
    def quick(image, components, method, seed):
        return bu.unmix(image, components, method, seed=seed, n_warmup=40, n_draws=40, n_maps=40)

    monkeypatch.setattr(real, "fit", quick)
    rows = calibrate("real", 1, tmp_path / "real.csv", {"case": ["graded_couple"]})
    assert set(rows["case"]) == {"graded_couple"}
    assert {
        "fraction of Al",
        "range of Ag",
        "Ag_La/Al_Ka",
        "R-hat under 1.1",
        "calibrated only if chains agree",
    } <= set(rows["fact"])
    judged = rows[rows["lower"].notna()]
    inside = (judged["lower"] <= judged["known"]) & (judged["known"] <= judged["upper"])
    assert (inside == judged["holds"].astype(bool)).all()
    table = CALIBRATIONS["real"].summarise(rows)
    assert table["trials"].eq(1).all() and len(table) == rows["holds"].notna().sum()
    assert len(calibrate("real", 1, tmp_path / "real.csv", {"case": ["graded_couple"]})) == len(rows)


def test_a_case_that_is_not_there_is_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"real has no cell case=nickel; choose from case=core_shell,"):
        calibrate("real", 1, tmp_path / "real.csv", {"case": ["nickel"]})
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(
        ValueError, match=r"there is no recording .*core_shell\.hspy; set BAYESUNMIX_RECORDINGS"
    ):
        real.measure("core_shell", 0)


def test_a_claim_holds_where_the_interval_reaches_the_known_value():
    about = {"method": "bayes", "components": 3, "dose": 1.0, "r_hat": 1.0, "converged": True, "seconds": 1.0}
    holds = [
        claim("ratio", "measured", 0, low, high, 0.18, 0.02, about)["holds"]
        for low, high in ((0.1, 0.17), (0.19, 0.3), (0.758, 0.819), (0.0, 0.15))
    ]
    assert holds == [True, True, False, False]
    rows = pd.DataFrame(
        {"case": "a", "seed": [0, 1], "fact": "ratio", "method": "bayes", "holds": [True, False]}
    )
    rows[["value", "lower", "upper", "known", "r_hat"]] = 1.0
    assert real.summarise(rows)[["trials", "holds"]].to_numpy().tolist() == [[2, 1]]


@here
def test_the_half_of_a_recording_is_scored_on_the_other_half():
    image = real.read_recording("bcf50.bcf").rebin(spatial=2, energy=4)
    kept, rest = image.thin(0.5, np.random.default_rng(0))
    trial = real.RecordedTrial(kept, rest, rest, (), kept.n_photons / kept.n_pixels, 0)
    found = real.fit(kept, 2, "nmf", 0)
    assert real.held_out_deviance(trial, found) < -1, "better than the mean spectrum"


@here
def test_priors_of_maps_are_compared_on_the_photons_left_out(monkeypatch):
    def quick(image, components, method, seed, **options):
        found = bu.unmix(image, components, "nmf", seed=seed)
        if method != "bayes":
            return found
        wrong = 1.2 if "abundance_prior" in options else 1.0
        abundances = wrong * found.estimate.abundances
        draws = np.stack([found.estimate.endmembers] * 20)[None], np.stack([abundances] * 20)[None]
        return bu.Unmixing(
            bu.Factorization(found.estimate.endmembers, abundances), bu.Posterior(*draws), found.info
        )

    monkeypatch.setattr(real, "fit", quick)
    rows = pd.DataFrame(real.measure("half of bcf50", 0))
    scores = rows[rows["fact"] == "held-out deviance per pixel"].set_index("method")["value"]
    assert list(scores.index) == list(real._RIVALS)
    said = rows[rows["fact"].str.endswith("over that of the multiscale prior")]
    assert said["holds"].all() and (said["value"] < 0).all()
    assert said["value"].iloc[0] == pytest.approx(
        scores["bayes"] - scores["bayes, multiscale prior"], rel=1e-3
    )
    lines = rows[rows["fact"].str.startswith("counts of Al_Ka")].set_index("method")["value"]
    assert lines["bayes"] > lines["bayes, multiscale prior"]


@here
def test_the_rows_of_the_partial_frame_have_their_own_exposure():
    image, other = (real.read_recording(file) for file in real._DACITE)
    ratio = real._exposure(image, other, "dacite_22").reshape(image.navigation_shape)
    counted = other.total_map().sum(axis=1) / image.total_map().sum(axis=1)
    whole = np.arange(len(counted)) != 20  # the scan was stopped within this row
    np.testing.assert_allclose(ratio[whole, 0], counted[whole], rtol=0.08)
    assert np.median(counted[20:]) == pytest.approx(1.49 * np.median(counted[:20]), rel=0.03)
