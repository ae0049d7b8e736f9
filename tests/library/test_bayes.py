"""The recommended pipeline: what it says, how it is interrupted and resumed, and how wide its intervals are."""

import signal
import threading

import jax
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.abundance_priors.multiscale import Multiscale
from bayesunmix.engine import chains, widths
from bayesunmix.engine.maps import FEWEST_SWEEPS, MOST_SWEEPS, _sweeps_to_follow, draw_maps
from bayesunmix.engine.widths import LEVELS, _sharpened, _slab, rescale, simulate, width_factors
from bayesunmix.methods.bayes import _about_rank
from benchmarks.scoring.coverage import coverage
from benchmarks.scoring.pairing import align
from simulations.phantom import PHANTOMS

QUICK = {"n_warmup": 40, "n_draws": 40, "n_maps": 40}


@pytest.fixture(scope="module")
def trial():
    return PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0).acquire(20, 1)


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
    assert np.abs(drawn.mean(axis=0) - posterior.abundance_mean).mean() < 1e-3
    ratio = np.sum(drawn.std(axis=0)) / np.sum(posterior.sd().abundances)
    assert 0.8 < ratio < 1.25


def test_each_fraction_has_a_verdict(result):
    fractions = result.info["fractions"]
    assert list(fractions) == result.component_names
    assert sum(share["mean"] for share in fractions.values()) == pytest.approx(1, abs=0.01)
    for share in fractions.values():
        assert share["lower"] < share["mean"] < share["upper"]
        assert share["identified"] in ("yes", "range-only", "no")


def test_what_the_counts_cannot_tell_is_said():
    mixed = PHANTOMS["nicr_mixed"](shape=(24, 32)).acquire(50, 0)  # a shape that is compiled
    found = bu.unmix(mixed.image, 3, "bayes", **QUICK)
    assert {share["identified"] for share in found.info["fractions"].values()} == {"no"}
    assert sum("the counts do not tell" in sentence for sentence in found.info["warnings"]) == 3


def test_the_number_of_components_is_found_or_doubted(trial):
    assert bu.unmix(trial.image, method="bayes", **QUICK).estimate.n_components == 3
    (doubt,) = _about_rank(3, 2, named=False)
    assert doubt.startswith("2 components were asked for, and the counts show 3;")
    assert _about_rank(3, 3, named=False) == _about_rank(3, 5, named=True) == []


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
    assert found.info["width_factors"] is None


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
            Multiscale(),
            jax.random.key(0),
            20,
            n_sweeps,
            100,
        )
        error.append(np.sqrt(((maps.mean - truth) ** 2).mean()) / truth.mean())
    assert error[1] < 0.6 * error[0]


def test_width_factors_are_the_ratio_of_error_to_spread():
    rng = np.random.default_rng(0)
    truth = rng.gamma(5, 4, (20_000, 2))
    error, spread = np.array([0.1, 0.2]), np.array([0.2, 0.1])
    mean = truth * np.exp(rng.normal(0, error, truth.shape))
    for level, quantile in ((0.5, 0.6745), (0.95, 1.96)):
        lower, upper = (mean * np.exp(side * quantile * spread) for side in (-1, 1))
        np.testing.assert_allclose(width_factors(truth, mean, lower, upper, level), [0.5, 2.0], rtol=0.04)


def test_vacuum_does_not_tell_how_wide_intervals_of_the_specimen_must_be():
    rng = np.random.default_rng(5)
    truth = np.concatenate([rng.gamma(5, 4, (2000, 2)), np.full((8000, 2), 1e-3)])
    mean = truth * np.exp(rng.normal(0, 0.2, truth.shape) * (truth > 0.1))
    lower, upper = (mean * np.exp(side * 1.6449 * 0.2) for side in (-1, 1))
    np.testing.assert_allclose(width_factors(truth, mean, lower, upper, 0.9), 1, rtol=0.06)


def test_rescaled_draws_keep_their_mean_and_each_level_has_its_width():
    rng = np.random.default_rng(1)
    draws = rng.gamma(20, 3, (2, 499, 7, 3)).astype(np.float32)
    before, mean = draws.copy(), draws.mean((0, 1), dtype=np.float64)
    factors = np.array([[0.3, 1.0, 1.5], [0.5, 1.0, 1.7], [0.6, 1.0, 1.7]])
    rescale(draws, mean, factors)
    np.testing.assert_allclose(draws.mean((0, 1)), mean, rtol=1e-4)
    flat, flat_before = draws.reshape(998, -1), before.reshape(998, -1)
    np.testing.assert_array_equal(
        flat.argsort(axis=0, kind="stable"), flat_before.argsort(axis=0, kind="stable")
    )
    for level, factor in zip(LEVELS, factors, strict=True):
        tails = (1 - level) / 2, (1 + level) / 2
        width, width_before = (
            np.log(np.divide(*np.quantile(some, tails, axis=(0, 1), method="weibull")[::-1]))
            for some in (draws, before)
        )
        np.testing.assert_allclose(width / width_before, np.broadcast_to(factor, width.shape), rtol=0.01)


@pytest.mark.parametrize("shape", [(40, 3), (7, 11), (5, 4, 6), (1, 30)])
def test_widths_of_many_photons_are_measured_on_a_slab(monkeypatch, shape):
    counts = np.random.default_rng(3).poisson(5.0, (*shape, 8))
    image = bu.SpectrumImage(counts, np.arange(1.0, 9.0))
    assert _slab(image) == (slice(0, image.n_pixels), image.grid)
    monkeypatch.setattr(widths, "MOST_PHOTONS", image.n_photons // 3)
    rows, grid = _slab(image)
    assert grid.shape[1:] == image.shape[1:] and rows.stop - rows.start == np.prod(grid.shape[:-1])
    assert image.counts[rows].sum() <= image.n_photons // 3 or grid.shape[0] == 1
    assert rows.start <= image.n_pixels // 2 <= rows.stop


def test_the_truth_of_a_simulated_image_has_zeros_and_the_same_totals():
    maps = np.array([[9.0, 0.2, 1.0], [0.0, 0.0, 0.0], [0.3, 0.0, 0.0]])
    expected = np.array([[9.18, 0.0, 1.02], [0.0, 0.0, 0.0], [0.3, 0.0, 0.0]])
    np.testing.assert_allclose(_sharpened(maps), expected)
    many = np.linspace(1.0, 1.2, 40)[None]  # no component has 5 %, and the pixel is not emptied
    np.testing.assert_allclose(_sharpened(many).sum(), many.sum())


def test_simulated_counts_are_poisson_around_the_factorisation(trial):
    truth = trial.truth
    rng = np.random.default_rng(2)
    image = simulate(trial.image.grid, truth.endmembers, truth.abundances, rng)
    expected = truth.abundances.sum()
    assert abs(image.n_photons - expected) < 5 * np.sqrt(expected)
    assert image.grid.axes == trial.image.grid.axes
    spectrum = truth.abundances.sum(axis=0) @ truth.endmembers
    seen = spectrum > 20
    z = (image.sum_spectrum()[seen] - spectrum[seen]) / np.sqrt(spectrum[seen])
    assert abs(z.std() - 1) < 0.25 and abs(z.mean()) < 0.3
