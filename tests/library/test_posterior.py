"""Draws: intervals that are the quantiles, diagnostics that see a stuck chain, and the hand-over to ArviZ."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesunmix import Posterior
from bayesunmix.data.posterior import affordable_draws


def draws(chains=2, n=30, kept=30, k=3, c=4, p=5, seed=0, **more) -> Posterior:
    rng = np.random.default_rng(seed)
    return Posterior(
        rng.gamma(2.0, size=(chains, n, k, c)), rng.gamma(9.0, size=(chains, kept, p, k)), **more
    )


@given(st.floats(0.01, 0.99), st.integers(0, 9))
def test_interval_and_limit_are_quantiles_over_chains_and_draws(level, seed):
    posterior = draws(kept=7, seed=seed)
    lower, upper = posterior.interval(level)
    limit = posterior.upper_limit(level)
    for name in ("endmembers", "abundances"):
        flat = getattr(posterior, name).reshape(-1, *getattr(posterior, name).shape[2:])
        for bound, q in ((lower, (1 - level) / 2), (upper, (1 + level) / 2), (limit, level)):
            rank = np.clip(q * (len(flat) + 1), 1, len(flat)) - 1
            low, part = int(rank), rank % 1
            ordered = np.sort(flat, axis=0)
            expected = (1 - part) * ordered[low] + part * ordered[min(low + 1, len(flat) - 1)]
            np.testing.assert_allclose(getattr(bound, name), expected)
        np.testing.assert_allclose(getattr(posterior.mean(), name), flat.mean(axis=0))
        np.testing.assert_allclose(getattr(posterior.sd(), name), flat.std(axis=0, ddof=1))


@pytest.mark.parametrize("n", [20, 39, 200])
def test_an_interval_of_few_draws_holds_one_more_as_often_as_it_says(n):
    rng = np.random.default_rng(4)
    size = 20_000
    posterior = Posterior(np.ones((1, n, 1, 1)), rng.exponential(size=(1, n, size, 1)))
    further = rng.exponential(size=(size, 1))
    lower, upper = posterior.interval(0.9)
    inside = (lower.abundances <= further) & (further <= upper.abundances)
    assert inside.mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / size))
    below = further <= posterior.upper_limit(0.95).abundances
    assert below.mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.0475 / size))


def test_no_answer_depends_on_the_size_of_blocks(monkeypatch):
    posterior = draws()
    whole = [posterior.sd(), *posterior.interval(), posterior.upper_limit()]
    monkeypatch.setattr("bayesunmix.data.draws.VALUES_PER_BLOCK", 2 * 60 * 3)
    for bound, same in zip(
        [posterior.sd(), *posterior.interval(), posterior.upper_limit()], whole, strict=True
    ):
        np.testing.assert_array_equal(bound.abundances, same.abundances)
        np.testing.assert_array_equal(bound.endmembers, same.endmembers)


def test_intervals_make_no_second_copy_of_the_draws():
    many = np.random.default_rng(0).random((2, 30, 60_000, 3), np.float32)  # 41 MiB
    posterior = Posterior(np.ones((2, 30, 3, 4), np.float32), many)
    for ask in (posterior.mean, posterior.sd, posterior.interval):
        tracemalloc.start()
        ask()
        assert tracemalloc.get_traced_memory()[1] < 1.2 * many.nbytes
        tracemalloc.stop()


def test_what_a_sampler_saw_of_all_draws_comes_before_what_was_kept():
    rng = np.random.default_rng(1)
    mean, sd = rng.random((2, 5, 3))
    posterior = draws(abundance_mean=mean, abundance_sd=sd)
    np.testing.assert_array_equal(posterior.mean().abundances, mean)
    np.testing.assert_array_equal(posterior.sd().abundances, sd)
    moved = posterior.reorder(np.array([2, 0, 1]))
    np.testing.assert_array_equal(moved.mean().abundances, mean[:, [2, 0, 1]])
    np.testing.assert_array_equal(moved.sd().abundances, sd[:, [2, 0, 1]])
    with pytest.raises(
        ValueError, match=r"abundance_sd must be \(P, K\) = \(5, 3\) as the draws are, got \(3, 5\)"
    ):
        draws(abundance_sd=sd.T)


@pytest.mark.parametrize(("n", "kept"), [(30, 30), (30, 10), (30, 1), (28, 7)])
def test_kept_abundances_are_paired_with_the_endmembers_of_their_draw(n, kept):
    posterior = draws(n=n, kept=kept)
    np.testing.assert_array_equal(posterior.paired_endmembers(), posterior.endmembers[:, :: n // kept])


def test_partners_that_a_sampler_names_are_the_pairs():
    posterior = draws(kept=3, partners=np.array([0, 14, 29]))
    np.testing.assert_array_equal(posterior.paired_endmembers(), posterior.endmembers[:, [0, 14, 29]])
    for wrong in ([0, 14], [0, 14, 30], [0.0, 1.0, 2.0]):
        with pytest.raises(
            ValueError, match="partners must number one of 30 endmember draws for each of 3 kept"
        ):
            draws(kept=3, partners=np.array(wrong))


def test_the_sampler_pairs_them_in_the_same_way():
    """The log-likelihood that the sampler noted down is that of the pair, and of no other."""
    from bayesunmix import SpectrumImage, unmix

    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (40, 12))
    image = SpectrumImage(counts, np.arange(12.0))  # sizes that are compiled
    settings = {"n_draws": 60, "n_warmup": 5, "most_draws_mib": 1e-4}
    found = unmix(image, 2, "bayes_gibbs", seed=3, **settings).posterior
    assert found.abundances.shape[1] == 20

    def log_likelihood(endmembers):
        rate = found.abundances.astype(float) @ endmembers
        return (counts * np.log(rate)).sum(axis=(2, 3)) - found.abundances.sum(axis=(2, 3))

    noted = found.statistics["log_likelihood"][:, ::3]
    np.testing.assert_allclose(log_likelihood(found.paired_endmembers()), noted, rtol=1e-4)
    assert np.abs(log_likelihood(np.roll(found.paired_endmembers(), 1, axis=1)) - noted).min() > 0.01


def test_interval_of_a_known_gaussian():
    rng = np.random.default_rng(1)
    gaussian = Posterior(rng.normal(5, 2, (4, 20_000, 1, 1)), rng.normal(50, 3, (4, 20_000, 1, 1)))
    for level in (0.5, 0.9):
        lower, upper = gaussian.interval(level)
        assert stats.norm(5, 2).cdf([lower.endmembers.item(), upper.endmembers.item()]) == pytest.approx(
            [(1 - level) / 2, (1 + level) / 2], abs=0.01
        )
    assert gaussian.upper_limit(0.95).abundances.item() == pytest.approx(stats.norm(50, 3).ppf(0.95), abs=0.1)


def test_a_posterior_that_knows_its_width_covers_the_truth_as_often_as_it_says():
    """Truth and data drawn from the model: y ~ N(truth, 1) with a flat prior has the posterior N(y, 1)."""
    rng = np.random.default_rng(2)
    truth = rng.normal(20, 5, (4000, 1))
    seen = truth + rng.normal(size=truth.shape)
    posterior = Posterior(np.ones((2, 200, 1, 1)), seen + rng.normal(size=(2, 200, *truth.shape)))
    lower, upper = posterior.interval(0.9)
    covered = ((lower.abundances <= truth) & (truth <= upper.abundances)).mean()
    assert covered == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 4000))
    assert (truth <= posterior.upper_limit(0.95).abundances).mean() == pytest.approx(0.95, abs=0.015)


def test_the_mean_of_small_floats_is_summed_in_double_precision():
    posterior = Posterior(np.full((2, 40_000, 1, 1), 0.1, np.float32), np.full((2, 1, 1, 1), 0.1, np.float32))
    assert posterior.mean().endmembers.dtype == np.float64
    assert posterior.mean().endmembers.item() == pytest.approx(np.float32(0.1), rel=1e-9)


@pytest.mark.parametrize("level", [0, 1, -0.5, 90, np.nan])
def test_a_probability_is_a_share(level):
    for ask in (draws().interval, draws().upper_limit):
        with pytest.raises(ValueError, match=f"probability of .* must lie between 0 and 1, got {level}; 0.9"):
            ask(level)


@given(st.permutations(range(3)))
def test_reorder_permutes_spectra_and_maps_together(order):
    posterior = draws(statistics={"x": np.ones((2, 30))}, calibrated=False)
    moved = posterior.reorder(np.array(order))
    np.testing.assert_array_equal(moved.endmembers, posterior.endmembers[:, :, order])
    np.testing.assert_array_equal(moved.abundances, posterior.abundances[:, :, :, order])
    assert moved.statistics is posterior.statistics
    assert moved.calibrated is False


def test_diagnostics_tell_independent_draws_from_stuck_chains():
    noise = np.random.default_rng(3).normal(size=(4, 500))
    good = draws(statistics={"a": noise, "b": noise[::-1] ** 2}).diagnostics()
    assert good["r_hat"] < 1.01
    assert 1500 < good["ess"] < 2600
    stuck = draws(statistics={"a": noise, "b": noise + 3 * np.arange(4)[:, None]}).diagnostics()
    assert stuck["r_hat"] > 1.5
    assert stuck["ess"] < 20
    walk = draws(statistics={"a": noise.cumsum(axis=1)}).diagnostics()
    assert walk["ess"] < 40
    assert draws().diagnostics() == {}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_statistic_that_never_moved_is_not_hidden_by_another(names):
    values = {"a": np.ones((2, 30)), "b": np.random.default_rng(0).normal(size=(2, 30))}
    assert np.isnan(draws(statistics={name: values[name] for name in names}).diagnostics()["r_hat"])


def test_arviz_can_read_what_it_is_handed():
    import arviz_stats

    posterior = draws(statistics={"log_likelihood": np.random.default_rng(0).normal(size=(2, 30))})
    tree = posterior.to_arviz()
    assert set(tree.children) == {"posterior", "sample_stats"}
    assert tree["posterior"]["endmembers"].dims == ("chain", "draw", "component", "channel")
    assert tree["posterior"]["abundances"].dims == ("chain", "draw", "pixel", "component")
    np.testing.assert_array_equal(tree["posterior"]["abundances"], posterior.abundances)
    np.testing.assert_array_equal(
        tree["sample_stats"]["log_likelihood"], posterior.statistics["log_likelihood"]
    )
    assert arviz_stats.rhat(tree, var_names="endmembers")["endmembers"].shape == (3, 4)


def test_abundances_that_were_thinned_come_in_a_group_of_their_own():
    posterior = draws(kept=10)
    tree = posterior.to_arviz()
    assert set(tree.children) == {"posterior", "posterior_abundances"}
    assert set(tree["posterior"].data_vars) == {"endmembers"}
    thinned = tree["posterior_abundances"]["abundances"]
    assert thinned.dims == ("chain", "draw", "pixel", "component")
    np.testing.assert_array_equal(thinned, posterior.abundances)


@pytest.mark.parametrize("kept", [30, 10])
def test_arviz_summarises_both(kept):
    import arviz_stats

    posterior = draws(kept=kept)
    tree = posterior.to_arviz()
    table = arviz_stats.summary(tree, var_names="endmembers", round_to="none")
    np.testing.assert_allclose(table["mean"], posterior.mean().endmembers.ravel())
    group = "posterior" if kept == 30 else "posterior_abundances"
    table = arviz_stats.summary(tree, group=group, var_names="abundances", round_to="none")
    np.testing.assert_allclose(table["mean"], posterior.mean().abundances.ravel())


@pytest.mark.parametrize("shape", [(2, 9, 5, 3), (3, 9, 5, 2), (9, 5, 3)])
def test_draws_must_share_chains_and_components(shape):
    with pytest.raises(ValueError, match=r"draws must be \(chain, draw, K, C\).*same chains and K, got"):
        Posterior(np.ones((2, 9, 2, 4)), np.ones(shape))


@given(st.integers(1, 10_000), st.integers(1, 10**7), st.floats(0.1, 512))
def test_affordable_draws_fit_the_memory_but_never_fall_below_twenty(n_draws, map_size, most_mib):
    kept = affordable_draws(n_draws, map_size, most_mib)
    mib = 4 * map_size / 2**20
    assert min(n_draws, 20) <= kept <= n_draws
    assert kept * mib <= most_mib or kept == min(n_draws, 20)
    assert kept == n_draws or (kept + 1) * mib > most_mib
