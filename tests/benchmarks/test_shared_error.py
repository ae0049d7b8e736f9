"""The error that pixels share: z of right, biased and too wide posteriors, and deviations beside it."""

import numpy as np
import pandas as pd
import pytest

from bayesunmix.data.factorization import Factorization
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.result import Unmixing
from benchmarks.pages.calibration import calibration
from benchmarks.reporting.coverage_table import coverage_table
from benchmarks.reporting.findings import of_shared_errors
from benchmarks.scoring.shared_error import PURE, limits, shared_error
from simulations import PHANTOMS, acquire


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](), 20, 0)


def result(trial, seed, shared_sd=0.1, own_sd=1.0, bias=0.0, width=1.0):
    """Return draws whose error has a part that all pixels share and one of each pixel."""
    rng = np.random.default_rng(seed)
    truth = trial.truth.abundances
    estimate = truth + bias + shared_sd * rng.standard_normal() + own_sd * rng.standard_normal(truth.shape)
    shared = width * shared_sd * rng.standard_normal((2, 100, 1, 1))
    draws = estimate + shared + own_sd * rng.standard_normal((2, 100, *truth.shape))
    endmembers = np.broadcast_to(trial.truth.endmembers, (2, 100, *trial.truth.endmembers.shape))
    draws = draws.astype(np.float32)
    return Unmixing(Factorization(trial.truth.endmembers, draws.mean((0, 1))), Posterior(endmembers, draws))


def test_of_right_posteriors_z_is_standard_normal_and_deviations_are_covered(trial):
    found = [shared_error(trial, result(trial, seed)) for seed in range(12)]
    z = np.array([one.z for one in found])
    assert abs(z.mean()) < 0.9 and 0.5 < np.sqrt((z**2).mean()) < 1.5
    assert all(0.88 < one.deviations_90 < 0.92 for one in found)


def test_a_bias_and_a_wrong_width_are_seen(trial):
    assert shared_error(trial, result(trial, 0, bias=0.5)).z > 3
    z = [shared_error(trial, result(trial, seed, width=4)).z for seed in range(12)]
    assert np.sqrt(np.square(z).mean()) < 0.6


def test_without_pure_pixels_there_is_no_number():
    trial = acquire(PHANTOMS["nicr_mixed"](), 5, 0)
    assert (trial.truth.fractions.max(axis=1) > PURE).sum() < 50
    assert np.isnan(shared_error(trial, result(trial, 0))).all()


def test_the_page_shows_what_lies_outside(tmp_path):
    rows = [
        {
            "phantom": "nicr_film",
            "dose": 10.0,
            "prior": prior,
            "seed": seed,
            "coverage_90": 0.9,
            "shared_z": bias + (-1) ** seed,
            "deviations_90": 0.9,
        }
        for prior, bias in (("multiscale", -2.0), ("palette", 0.0))
        for seed in range(4)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "maps.csv", index=False)
    (tmp_path / "figures").mkdir()
    page = calibration(tmp_path, tmp_path / "figures")
    assert "| nicr_film | 10 | multiscale | 4 | **-2.00** | **2.24** | 0.90 |" in page
    assert "| nicr_film | 10 | palette | 4 | 0.00 | 1.00 | 0.90 |" in page


@pytest.mark.parametrize("phantom", ["particles_on_film", "trace_precipitates", "particles_espm"])
def test_a_truth_that_is_even_but_for_rims_has_no_deviations(phantom):
    trial = acquire(PHANTOMS[phantom](), 20, 0)
    found = shared_error(trial, result(trial, 0))
    assert np.isfinite(found.z) and np.isnan(found.deviations_90)


def test_limits_hold_19_of_20_means_and_root_mean_squares():
    z = np.random.default_rng(0).standard_normal((4000, 8))
    of_mean, of_rms = limits(8)
    for values, (low, high) in ((z.mean(axis=1), of_mean), (np.sqrt((z**2).mean(axis=1)), of_rms)):
        assert ((low < values) & (values < high)).mean() == pytest.approx(0.95, abs=0.012)


def test_findings_name_what_lies_outside():
    rows = pd.DataFrame(
        {"phantom": phantom, "dose": 10.0, "prior": "chosen", "seed": seed, "shared_z": size * (-1) ** seed}
        for phantom, size in (("film", 1.0), ("matrix", 0.3))
        for seed in range(20)
    )
    (finding,) = of_shared_errors("maps", rows, "prior")
    assert not finding.met
    assert (
        "outside of 95 % limits in 1 of 2 cases: mean 0.00 and root mean square 0.30 on matrix"
        in finding.sentence
    )
    (finding,) = of_shared_errors("maps", rows[rows["phantom"] == "film"], "prior")
    assert finding.met and "inside of 95 % limits in 1 case" in finding.sentence


@pytest.mark.parametrize(("covered", "verdict"), [(18, "met"), (4, "too few")])
def test_where_seeds_scatter_the_mean_is_judged_by_its_interval(covered, verdict):
    rows = pd.DataFrame(
        {"phantom": "matrix", "dose": 10.0, "prior": "chosen", "seed": seed}
        | {"coverage_90": 0.99 if seed < covered else 0.02}
        for seed in range(20)
    )
    (row,) = coverage_table({"maps": rows}).itertuples()
    assert row.verdict == verdict
