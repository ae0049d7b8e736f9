"""The photon sampler draws Poisson counts: right place, mean and spread, whatever the dose and block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesunmix.data.factorization import Factorization
from simulations import PHANTOMS, acquire, photons

# Photons per pixel below and above the number of channels: the sampler has a branch for each.
DOSES = [5.0, 100.0, 2000.0]


@pytest.fixture(scope="module")
def film():
    return PHANTOMS["nicr_film"](n_channels=300)


@pytest.mark.parametrize("dose", DOSES)
@pytest.mark.parametrize("seed", range(3))
def test_index_of_dispersion_of_pixel_totals_is_one(film, dose, seed):
    trial = acquire(film, dose, seed)
    expected = trial.truth.abundances[film.specimen].sum(axis=1)
    _assert_dispersion_one(trial.image.total_map().ravel()[film.specimen], expected)


@pytest.mark.parametrize("dose", DOSES)
@pytest.mark.parametrize("seed", range(3))
def test_index_of_dispersion_of_entries_is_one(film, dose, seed):
    trial = acquire(film, dose, seed)
    expected = trial.truth.expected()
    # Of entries that expect next to nothing, the one photon in a hundred of them would drown the statistic.
    seen = expected > 0.05
    _assert_dispersion_one(trial.image.counts.toarray()[seen], expected[seen])


def test_the_photons_of_an_image_scatter_as_poisson(film):
    # Twelve photons on average in the whole image: a sampler with a fixed total has dispersion 0.
    rng = np.random.default_rng(0)
    dim = Factorization(film.truth.endmembers, film.truth.abundances * (12 / film.truth.abundances.sum()))
    totals = np.array([_draw_counts(dim, rng).sum() for _ in range(1000)])
    _assert_dispersion_one(totals, np.full(1000, 12.0))


@pytest.mark.parametrize("dose", [20.0, 2000.0])
@pytest.mark.parametrize("seed", range(3))
def test_channel_histogram_fits_the_endmembers(film, dose, seed):
    trial = acquire(film, dose, seed)
    expected = trial.truth.abundances.sum(axis=0) @ trial.truth.endmembers
    statistic = ((trial.image.sum_spectrum() - expected) ** 2 / expected).sum()
    assert 1e-4 < stats.chi2(film.energy_kev.size).sf(statistic) < 1 - 1e-4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.3, 3.0, 300.0]), min_size=3, max_size=3), min_size=1, max_size=30
    ),
    st.integers(0, 100),
    st.sampled_from([1, 7, 64, 1 << 21]),
)
def test_photons_land_in_their_pixel_and_channel(abundances, seed, block):
    # Component k shines in channel 2 k alone, so that an entry names the component it came from.
    truth = Factorization(np.eye(5)[[0, 2, 4]], np.array(abundances))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photons, "_BLOCK", block)
        counts = _draw_counts(truth, np.random.default_rng(seed))
    assert counts.has_canonical_format
    dense = counts.toarray()
    assert dense.shape == (len(abundances), 5)
    assert (dense[:, [1, 3]] == 0).all()
    assert (dense[:, ::2][truth.abundances == 0] == 0).all()
    bright = truth.abundances == 300
    assert (np.abs(dense[:, ::2][bright].astype(int) - 300) < 7 * np.sqrt(300)).all()


def test_small_blocks_draw_the_same_law(film, monkeypatch):
    monkeypatch.setattr(photons, "_BLOCK", 500)
    truth = Factorization(film.truth.endmembers, film.truth.abundances * 20)
    counts = _draw_counts(truth, np.random.default_rng(0))
    totals = np.asarray(counts.sum(axis=1)).ravel()[film.specimen]
    _assert_dispersion_one(totals, truth.abundances[film.specimen].sum(axis=1))


def test_memory_grows_with_photons_and_not_with_the_cube():
    import tracemalloc

    n_pixels, n_channels = 200_000, 4096  # 6.5 GB as a dense cube of 64-bit numbers
    truth = Factorization(np.full((1, n_channels), 1 / n_channels), np.full((n_pixels, 1), 2.0))
    tracemalloc.start()
    counts = _draw_counts(truth, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.sum() == pytest.approx(4e5, rel=0.01)
    assert peak < 100 * 2**20


def _draw_counts(truth, rng, **effects):
    return photons.joined(photons.draw_blocks(truth, rng, **effects))


def _assert_dispersion_one(counts, expected):
    """Mean of (X - mu)^2 / mu is 1, with variance 2 + 1 / mu of each term, for Poisson counts."""
    dispersion = ((counts - expected) ** 2 / expected).mean()
    spread = np.sqrt((2 + 1 / expected).sum()) / expected.size
    assert abs(dispersion - 1) < 4.5 * spread
    assert 4.5 * spread < 0.25, "the test is sharp enough to see a wrong sampler"
