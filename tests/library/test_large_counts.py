"""Counts up to 4294967295 in one channel of one pixel: memory follows the counts that there are, not the largest."""

import math
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse, stats

import bayesunmix as bu
from bayesunmix.data.image import sum_blocks
from bayesunmix.engine.device.events import draw_allocation, photon_chunks
from bayesunmix.engine.device.heavy import MOST_LISTED, _binomial, draw_heavy, split_heavy
from bayesunmix.engine.device.layout import lay_out
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling.gibbs import place_photons
from bayesunmix.engine.sampling.recalibration import simulated_image
from tests.quick import SETTINGS, film

LARGEST = 2**32 - 1
WHERE = 12 * 32 + 16, 100
pytestmark = pytest.mark.filterwarnings("ignore::bayesunmix.UnmixingWarning")


def film_with(count):
    counts = film().image.counts.astype(np.uint64).tolil()
    counts[WHERE] = count
    image = film().image
    return bu.SpectrumImage(counts.tocsr(), image.energy_kev, image.shape, image.axes)


def peak_mib(action):
    """Peak of the memory of Python and NumPy while it runs, and what it returned; JAX keeps its own."""
    tracemalloc.start()
    try:
        found = action()
        return tracemalloc.get_traced_memory()[1] / 2**20, found
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [50_000_000, 1_000_000_000, LARGEST])
def test_a_fit_needs_no_memory_for_the_largest_count(count):
    image = film_with(count)
    for method in ("nmf", "pca", "vendor_mcr"):
        mib, result = peak_mib(lambda method=method: bu.unmix(image, 3, method, verdicts=False))
        assert mib < 60, method
        assert np.isfinite(result.estimate.abundances).all()
    fitted = bu.unmix(image, 3, "nmf").estimate
    assert fitted.abundances.sum() == pytest.approx(image.n_photons, rel=1e-5)
    expected = fitted.expected(slice(WHERE[0], WHERE[0] + 1))[0, WHERE[1]]
    assert expected == pytest.approx(count, rel=1e-4)


def test_nor_do_the_questions():
    image = film_with(LARGEST)
    assert peak_mib(lambda: bu.rank(image))[0] < 100
    result = bu.unmix(image, 3, "nmf")
    assert peak_mib(lambda: bu.check(result, image))[0] < 60
    mib, (kept, rest) = peak_mib(lambda: image.thin(0.5, np.random.default_rng(0)))
    assert mib < 10 and kept.n_photons + rest.n_photons == image.n_photons
    assert kept.counts[WHERE] == pytest.approx(LARGEST / 2, rel=1e-4)


def film_with_a_block():
    """Four neighbours whose sum is larger than a file holds."""
    counts = film().image.dense().astype(np.uint64)
    counts[12:14, 16:18, 100] = LARGEST
    return bu.SpectrumImage(counts, film().image.energy_kev)


@pytest.mark.parametrize(
    "method", ["nmf", "pca", "nmf_ard", "nmf_smooth", "vendor_cluster", "fisher_conditional"]
)
def test_sums_over_superpixels_may_be_larger_than_a_file_holds(method):
    result = bu.unmix(film_with_a_block(), 3, method, verdicts=False)
    assert np.isfinite(result.estimate.abundances).all()
    if method == "nmf":
        assert result.estimate.abundances.sum() == pytest.approx(film_with_a_block().n_photons, rel=1e-5)
        assert bu.check(result, film_with_a_block()).sentences


def test_the_rank_of_such_an_image():
    assert bu.rank(film_with_a_block()).n_components >= 1


@pytest.mark.slow
@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize("method", ["bayes", "bayes_gibbs", "bayes_cavi"])
def test_nor_does_a_sampler(method):
    image = film_with_a_block() if method == "bayes" else film_with(LARGEST)
    # So few draws that agreement is not judged: chains of half of the photons are compiled anew.
    few = {"n_warmup": 20, "n_draws": 10, "n_maps": 10, "sweeps_per_map": 4}
    settings = few if method == "bayes" else SETTINGS[method]

    def unmix():
        return bu.unmix(image, 3, method, verdicts=False, **settings)

    unmix()  # compiles, which takes several times as long where memory is watched
    mib, result = peak_mib(unmix)
    assert mib < 300
    assert np.isfinite(result.posterior.abundances).all()
    assert result.estimate.abundances.sum() == pytest.approx(image.n_photons, rel=1e-3)


def test_a_sum_is_right_or_refused():
    counts = np.full((4, 4, 3), LARGEST, np.uint32)
    image = bu.SpectrumImage(counts, [1.0, 2.0, 3.0])
    assert image.n_photons == 48 * LARGEST
    assert (image.sum_spectrum() == 16 * LARGEST).all() and (image.total_map() == 3 * LARGEST).all()
    with pytest.raises(
        ValueError, match=r"one channel of one pixel has 1.71799e\+10 counts; at most 4294967295"
    ):
        image.rebin(2)
    assert (sum_blocks(image, 2).counts.toarray() == 4 * LARGEST).all()
    half = bu.SpectrumImage(counts // 16, [1.0, 2.0, 3.0])
    assert (half.rebin(2, 3).dense() == 12 * (LARGEST // 16)).all()


@pytest.mark.parametrize("largest", [3, MOST_LISTED, MOST_LISTED + 1, 10**7, LARGEST])
def test_the_saturated_log_likelihood(largest):
    image = film_with(largest)
    exact = math.fsum(n * math.log(n) - n for n in image.counts.data.astype(float).tolist())
    assert lay_out(image)[0].saturated == pytest.approx(exact, rel=1e-15)


def test_only_heavy_entries_are_set_apart():
    image = film_with(MOST_LISTED)
    same, none = split_heavy(image.counts)
    assert same is image.counts and none is None and place_photons(image).heavy is None
    image = film_with(MOST_LISTED + 1)
    light, heavy = split_heavy(image.counts)
    assert light.sum() == image.n_photons - MOST_LISTED - 1
    assert (heavy.row.tolist(), heavy.column.tolist()) == ([WHERE[0]], [WHERE[1]])
    assert photon_chunks(light).weight.sum() == light.sum()
    assert peak_mib(lambda: place_photons(film_with(LARGEST)))[0] < 20


@pytest.mark.parametrize(
    ("n", "p"),
    [
        *((70_000, 0.5), (70_000, 0.001), (70_000, 0.003), (10**6, 2e-4), (10**6, 0.9)),
        *((LARGEST, 0.3), (LARGEST, 1e-9), (LARGEST, 5e-8), (LARGEST, 1e-6)),
    ],
)
def test_binomial_numbers(n, p):
    size = 20_000
    drawn = np.asarray(
        _binomial(random_key(3), *(jnp.full(size, v, jnp.float32) for v in (n, p))), np.float64
    )
    p = float(np.float32(p))
    mean, sd = n * p, math.sqrt(n * p * (1 - p))
    assert abs(drawn.mean() - mean) < 4.5 * sd / math.sqrt(size) + 1e-7 * mean
    assert drawn.std() == pytest.approx(sd, rel=0.025)
    assert stats.skew(drawn) == pytest.approx((1 - 2 * p) / sd, abs=0.08)
    assert drawn.min() >= 0 and drawn.max() <= n


def test_heavy_entries_are_shared_as_single_photons_are():
    """The same entry, drawn at once and photon by photon: the same distribution."""
    n = 4000
    rows, table = jnp.asarray([[3.0], [1.0], [0.2]]), jnp.asarray([[0.1, 0.9], [0.5, 0.5], [0.9, 0.1]])
    counts = sparse.csr_array(np.array([[0, n]]))
    photons = photon_chunks(counts)
    _, heavy = split_heavy(sparse.csr_array(np.array([[0, MOST_LISTED + n]])))
    heavy = heavy._replace(photons=heavy.photons - MOST_LISTED)
    each = jax.random.split(random_key(0), 200)
    one = np.array(jax.lax.map(lambda key: draw_allocation(photons, rows, table, key)[0][:, 0], each))
    other = np.array(jax.lax.map(lambda key: draw_heavy(heavy, rows, table, key)[0][:, 0], each))
    assert (one.sum(axis=1) == n).all() and (other.sum(axis=1) == n).all()
    share = np.asarray(rows[:, 0] * table[:, 1] / (rows[:, 0] * table[:, 1]).sum())
    for drawn in (one, other):
        sd = np.sqrt(n * share * (1 - share))
        assert (np.abs(drawn.mean(axis=0) - n * share) < 4 * sd / math.sqrt(200)).all()
        np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.2)


def test_a_simulated_image_lists_no_photons_of_a_bright_pixel():
    image, rng = film().image, np.random.default_rng(0)
    endmembers = np.full((2, image.n_channels), 1 / image.n_channels)
    abundances = np.ones((image.n_pixels, 2))
    abundances[5, 1] = LARGEST
    mib, simulated = peak_mib(lambda: simulated_image(image.grid, endmembers, abundances, rng))
    assert mib < 10
    assert simulated.total_map().ravel()[5] == pytest.approx(LARGEST, rel=1e-4)
    assert simulated.total_map().ravel()[np.arange(768) != 5].sum() == pytest.approx(2 * 767, rel=0.1)
