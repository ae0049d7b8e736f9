"""The recommended pipeline: what it says, and how it is interrupted and resumed."""

import signal
import threading
import time

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import chains
from bayesunmix.engine.sampling.joint import MOST_R_HAT, Schedule, sample_jointly
from bayesunmix.engine.sampling.maps import FEWEST_SWEEPS, MOST_SWEEPS, draw_maps
from benchmarks.metrics.interval_score import interval_score
from benchmarks.scoring.coverage import coverage
from benchmarks.scoring.pairing import align
from simulations import PHANTOMS, acquire
from tests.quick import SEED, SETTINGS, film, unmixed

QUICK = SETTINGS["bayes"]


@pytest.fixture(scope="module")
def trial():
    return film()


@pytest.fixture(scope="module")
def result():
    return unmixed("bayes")


def same(a, b):
    np.testing.assert_array_equal(a.posterior.endmembers, b.posterior.endmembers)
    np.testing.assert_array_equal(a.posterior.abundances, b.posterior.abundances)


def test_maps_err_less_than_pixels_by_themselves_and_intervals_hold_the_truth(trial, result):
    aligned = align(trial.truth, result)
    alone = align(trial.truth, unmixed("nmf"))
    error, error_alone = (
        np.sqrt(((found.estimate.abundances - trial.truth.abundances) ** 2).mean())
        for found in (aligned, alone)
    )
    assert error < 0.6 * error_alone
    assert coverage(trial, aligned, 0.9) > 0.87
    assert interval_score(trial, aligned) < 3 * error_alone / trial.truth.abundances.mean()


def test_moments_come_from_all_sweeps_and_agree_with_the_draws(result):
    posterior = result.posterior
    np.testing.assert_array_equal(posterior.mean().abundances, posterior.abundance_mean)
    drawn = posterior.abundances.reshape(-1, *posterior.abundances.shape[2:])
    # Means keep the total of a pixel, which draws of single components moved on their own do not.
    assert np.abs(drawn.mean(axis=0) - posterior.abundance_mean).mean() < 0.05 * drawn.mean()
    ratio = np.sum(drawn.std(axis=0)) / np.sum(posterior.sd().abundances)
    assert 0.8 < ratio < 1.25


def test_chains_that_disagree_go_on(trial, result):
    """All draws become warm-up, and as many follow twice as far apart: after them the same number is kept."""
    n_warmup, n_draws = QUICK["n_warmup"], QUICK["n_draws"]
    assert result.info["iterations"] == n_warmup + 4 * n_draws, "these chains agree"
    longer = bu.unmix(trial.image, 3, "bayes", seed=SEED, verdicts=False, **{**QUICK, "n_draws": 5})
    assert longer.info["iterations"] == n_warmup + (4 + 8) * 5
    assert longer.posterior.endmembers.shape[1] == 5


def test_draws_of_chains_that_disagree_are_not_kept(trial):
    pooled, model = trial.image.rebin((2, 2)), ENDMEMBER_MODELS["smooth"]()
    compositions = ABUNDANCE_PRIORS["dirichlet"]()

    def drawn(again):
        return sample_jointly(
            pooled,
            model.prepare(trial.image, 3),
            model,
            prior=compositions,
            compositions=compositions,
            key=random_key(3),
            n_chains=2,
            schedule=Schedule(block=20, thin=4, n_warmup=0, n_blocks=2, again=again),
            keep_maps=False,
            occupied_only=True,
            kept=chains.Checkpoint(None, ""),
        )

    once, longer = drawn(False), drawn(True)
    assert once.posterior.diagnostics()["r_hat"] > MOST_R_HAT
    assert (once.n_sweeps, longer.n_sweeps) == (40, 40 + 80)
    first, second = once.posterior.endmembers, longer.posterior.endmembers
    assert first.shape == second.shape
    assert (first != second).any(axis=(2, 3)).all()


def test_each_fraction_lies_in_its_interval(result):
    for share in result.info["fractions"].values():
        assert share["lower"] < share["mean"] < share["upper"]


@pytest.mark.usefixtures("without_relevance")
def test_what_the_counts_cannot_tell_is_said():
    mixed = acquire(PHANTOMS["nicr_mixed"](shape=(24, 32), n_channels=300), 20, 0)  # sizes that are compiled
    with pytest.warns(bu.NotIdentifiedWarning) as heard:
        found = bu.unmix(mixed.image, 3, "bayes", **QUICK)
    assert {share["identified"] for share in found.info["fractions"].values()} == {"no"}
    (sentence,) = [str(w.message) for w in heard if w.category is bu.NotIdentifiedWarning]
    assert sentence in found.info["warnings"] and all(name in sentence for name in found.names)


def test_the_number_of_components_is_compared_with_the_counts(result):
    assert result.info["rank"].startswith("3 components")
    assert not any("bayesunmix.rank" in sentence for sentence in result.info["warnings"])


class Killed(Exception):
    """Stands for the end of the process."""


def at(stage, number, do, track=chains.track):
    """Do something where a chain comes to a block of a stage."""

    def tracked(items, label, total):
        for item in track(items, label, total):
            if (label, item) == (stage, number):
                do()
            yield item

    return tracked


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize(("stage", "number"), [("endmembers", 3), ("maps", 5), ("maps", 12)])
def test_a_killed_run_goes_on_to_the_same_draws(trial, result, tmp_path, monkeypatch, stage, number):
    monkeypatch.setattr(chains, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = {**QUICK, "checkpoint": str(tmp_path / "run"), "verdicts": False}

    def die():
        if number != 12 or (tmp_path / "run.maps0.npz").exists():  # not while a prior is chosen
            raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(chains, "track", at(stage, number, die))
        with pytest.raises(Killed):
            bu.unmix(trial.image, 3, "bayes", seed=SEED, **settings)
    assert list(tmp_path.iterdir())
    if stage == "endmembers":
        with pytest.raises(ValueError, match="belongs to another image, seed or settings; remove it"):
            bu.unmix(trial.image, 3, "bayes", seed=SEED + 1, **settings)
    same(bu.unmix(trial.image, 3, "bayes", seed=SEED, **settings), result)
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
@pytest.mark.parametrize(("prior", "number", "most"), [("multiscale", 30, 39), ("chosen", 15, 40)])
def test_an_interrupted_run_has_a_shorter_result_marked_so(trial, monkeypatch, prior, number, most):
    asked = []

    def interrupt():
        if not asked:
            asked.append(True)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.5)

    monkeypatch.setattr(chains, "track", at("maps", number, interrupt))
    found = bu.unmix(trial.image, 3, "bayes", seed=SEED, verdicts=False, abundance_prior=prior, **QUICK)
    assert found.info["interrupted"] and not found.info["converged"]
    assert any(sentence.startswith("The run was interrupted") for sentence in found.info["warnings"])
    assert 2 <= found.posterior.abundances.shape[1] <= most
    assert found.info["abundance_prior"] == ["multiscale"]  # the first where there was no time to choose
    assert found.info["recalibration"] is None


#: Photons of the first spectra follow at once, of the second never within the bound; of the third each of two spectra
#: shares nine tenths of its photons: an exchange of them keeps all but a tenth.
NINTH = np.array([[0.9, 0.1, 0], [0.9, 0, 0.1]])


@pytest.mark.parametrize(
    ("spectra", "n_sweeps"),
    [(np.eye(2, 3), FEWEST_SWEEPS), (np.full((2, 3), 1 / 3) + 1e-4 * np.eye(2, 3), MOST_SWEEPS), (NINTH, 20)],
    ids=["apart", "alike", "nine tenths shared"],
)
def test_blocks_stay_as_long_as_photons_need_to_follow(spectra, n_sweeps):
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(9.0, (3, 3, 3)), np.arange(1.0, 4.0))
    by_itself, asked, other = (
        draw_maps(
            image,
            np.tile(spectra, (2, 1, 1, 1)),
            [np.ones((9, 2))] * 2,
            prior=ABUNDANCE_PRIORS["jeffreys"](),
            key=random_key(0),
            n_maps=3,
            sweeps_per_map=n,
            most_mib=1,
        ).draws
        for n in (None, n_sweeps, n_sweeps + 1)
    )
    np.testing.assert_array_equal(by_itself, asked)
    assert (asked != other).any()


def test_blocks_that_stay_do_not_smooth_away_what_overlapping_spectra_show():
    """Cubes whose spectra share nine tenths of their photons: given the spectra, maps err less than without a map."""
    rng = np.random.default_rng(0)
    inside = (np.indices((48, 48)) % 16 < 11).all(axis=0).reshape(-1, 1)
    truth = 40.0 * np.hstack([inside, ~inside])
    image = bu.SpectrumImage(rng.poisson(truth @ NINTH).reshape(48, 48, 3), np.arange(1.0, 4.0))
    error = []
    for n_sweeps in (1, None):
        maps = draw_maps(
            image,
            NINTH[None, None],
            [np.full((48**2, 2), 20.0)],
            prior=ABUNDANCE_PRIORS["multiscale"](),
            key=random_key(0),
            n_maps=20,
            sweeps_per_map=n_sweeps,
            most_mib=100,
        )
        error.append(np.sqrt(((maps.mean - truth) ** 2).mean()) / truth.mean())
    assert error[1] < 0.6 * error[0]
