"""The recommended pipeline: what it says, and how it is interrupted and resumed."""

import signal
import threading

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import chains
from bayesunmix.engine.sampling import joint as sampling
from bayesunmix.engine.sampling.maps import FEWEST_SWEEPS, MOST_SWEEPS, _sweeps_to_follow, draw_maps
from bayesunmix.models.abundance_priors.multiscale import Multiscale
from benchmarks.scoring.coverage import coverage
from benchmarks.scoring.pairing import align
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

QUICK = {"n_warmup": 40, "n_draws": 40, "n_maps": 40}


@pytest.fixture(scope="module")
def trial():
    return acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0), 20, 1)


@pytest.fixture(scope="module")
def result(trial):
    return bu.unmix(trial.image, 3, "bayes", seed=4, **QUICK)


def same(a, b):
    np.testing.assert_array_equal(a.posterior.endmembers, b.posterior.endmembers)
    np.testing.assert_array_equal(a.posterior.abundances, b.posterior.abundances)


def test_maps_err_less_than_pixels_by_themselves_and_intervals_hold_the_truth(trial, result):
    aligned = align(trial.truth, result)
    alone = align(trial.truth, bu.unmix(trial.image, 3, "nmf"))
    error, error_alone = (
        np.sqrt(((found.estimate.abundances - trial.truth.abundances) ** 2).mean())
        for found in (aligned, alone)
    )
    assert error < 0.65 * error_alone
    assert 0.8 < coverage(trial, aligned, 0.9) < 0.97


def test_moments_come_from_all_sweeps_and_agree_with_the_draws(result):
    posterior = result.posterior
    np.testing.assert_array_equal(posterior.mean().abundances, posterior.abundance_mean)
    drawn = posterior.abundances.reshape(-1, *posterior.abundances.shape[2:])
    # Means keep the total of a pixel, which draws of single components moved on their own do not.
    assert np.abs(drawn.mean(axis=0) - posterior.abundance_mean).mean() < 0.05 * drawn.mean()
    ratio = np.sum(drawn.std(axis=0)) / np.sum(posterior.sd().abundances)
    assert 0.8 < ratio < 1.25


def test_chains_that_disagree_go_on(trial, monkeypatch):
    """All draws become warm-up, and as many follow twice as far apart: after them the same number is kept."""
    sweeps = QUICK["n_warmup"] + 4 * QUICK["n_draws"]
    monkeypatch.setattr(sampling, "MOST_R_HAT", np.inf)
    once = bu.unmix(trial.image, 3, "bayes", seed=4, **QUICK)
    monkeypatch.setattr(sampling, "MOST_R_HAT", 0.0)
    longer = bu.unmix(trial.image, 3, "bayes", seed=4, **QUICK)
    assert (once.info["iterations"], longer.info["iterations"]) == (sweeps, sweeps + 8 * QUICK["n_draws"])
    assert longer.posterior.endmembers.shape == once.posterior.endmembers.shape
    assert not np.array_equal(longer.posterior.endmembers, once.posterior.endmembers)


def test_each_fraction_has_a_verdict(result):
    fractions = result.info["fractions"]
    assert tuple(fractions) == result.names
    assert sum(share["mean"] for share in fractions.values()) == pytest.approx(1, abs=0.01)
    for share in fractions.values():
        assert share["lower"] < share["mean"] < share["upper"]
        assert share["identified"] in ("yes", "range-only", "no")


def test_what_the_counts_cannot_tell_is_said():
    mixed = acquire(PHANTOMS["nicr_mixed"](shape=(24, 32)), 50, 0)  # a shape that is compiled
    found = bu.unmix(mixed.image, 3, "bayes", **QUICK)
    assert {share["identified"] for share in found.info["fractions"].values()} == {"no"}
    (sentence,) = [said for said in found.info["warnings"] if said.startswith("The counts do not determine")]
    assert all(name in sentence for name in found.names)


def test_the_number_of_components_is_found_or_doubted(trial):
    assert bu.unmix(trial.image, method="bayes", **QUICK).estimate.n_components == 3
    few = bu.unmix(trial.image, 2, "bayes", verdicts=False, **QUICK)
    assert few.info["warnings"][0].startswith(
        "The fit has 2 components, and the counts show 3 (bayesunmix.rank)."
    )


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("last", [3, 30])
def test_a_killed_run_goes_on_to_the_same_draws(trial, result, tmp_path, monkeypatch, last):
    """It dies in the endmembers (after 3 blocks of a chain), or in the maps."""
    monkeypatch.setattr(chains, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    save = chains._save

    def save_and_die(state, found, kept, name):
        save(state, found, kept, name)
        if len(found) >= last:
            raise Killed

    monkeypatch.setattr(chains, "_save", save_and_die)
    settings = {**QUICK, "checkpoint": str(tmp_path / "run")}
    with pytest.raises(Killed):
        bu.unmix(trial.image, 3, "bayes", seed=4, **settings)
    assert list(tmp_path.iterdir())
    monkeypatch.setattr(chains, "_save", save)
    with pytest.raises(ValueError, match="belongs to another image, seed or settings; remove it"):
        bu.unmix(trial.image, 3, "bayes", seed=5, **settings)
    same(bu.unmix(trial.image, 3, "bayes", seed=4, **settings), result)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_needs_a_folder(trial, tmp_path):
    with pytest.raises(ValueError, match="checkpoint must lie in a folder that exists"):
        bu.unmix(trial.image, 3, "bayes", checkpoint=str(tmp_path / "nowhere" / "run"))


@pytest.fixture
def heeding_ctrl_c():
    """A shell that starts a job in the background makes it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_run_has_a_shorter_result_marked_so(trial, monkeypatch):
    rest, asked = chains._rest, []

    def interrupt(first, n, label):
        for number in rest(first, n, label):
            if label == "maps" and number == 30 and not asked:
                asked.append(number)
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                chains.time.sleep(0.5)
            yield number

    monkeypatch.setattr(chains, "_rest", interrupt)
    found = bu.unmix(trial.image, 3, "bayes", seed=4, **QUICK)
    assert found.info["interrupted"] and not found.info["converged"]
    assert any(sentence.startswith("interrupted:") for sentence in found.info["warnings"])
    assert 2 <= found.posterior.abundances.shape[1] < QUICK["n_maps"]
    assert found.info["recalibration"] is None


def test_blocks_are_held_as_long_as_photons_need_to_follow():
    """Photons of spectra apart follow at once, of spectra that are nearly alike never within the bound."""
    apart, alike = np.eye(3, 9), np.full((3, 9), 1 / 9) + 1e-4 * np.eye(3, 9)
    assert _sweeps_to_follow(apart) == FEWEST_SWEEPS and _sweeps_to_follow(alike) == MOST_SWEEPS
    # Each of two spectra shares nine tenths of its photons: an exchange of them keeps all but a tenth.
    ninth = np.array([[0.9, 0.1, 0], [0.9, 0, 0.1]])
    assert _sweeps_to_follow(ninth) == 20


def test_blocks_that_are_held_do_not_smooth_away_what_overlapping_spectra_show():
    """Cubes whose spectra share nine tenths of their photons: given the spectra, maps err less than without a map."""
    rng = np.random.default_rng(0)
    inside = (np.indices((48, 48)) % 16 < 11).all(axis=0).reshape(-1, 1)
    truth = 40.0 * np.hstack([inside, ~inside])
    spectra = np.array([[0.9, 0.1, 0], [0.9, 0, 0.1]])
    image = bu.SpectrumImage(rng.poisson(truth @ spectra).reshape(48, 48, 3), np.arange(1.0, 4.0))
    error = []
    for n_sweeps in (1, None):
        maps = draw_maps(
            image,
            spectra[None, None],
            [np.full((48**2, 2), 20.0)],
            prior=Multiscale(),
            key=random_key(0),
            n_maps=20,
            sweeps_per_map=n_sweeps,
            most_mib=100,
        )
        error.append(np.sqrt(((maps.mean - truth) ** 2).mean()) / truth.mean())
    assert error[1] < 0.6 * error[0]
