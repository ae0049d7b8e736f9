"""Whatever small image comes: a right answer or one clear sentence, and never a NaN."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import bayesunmix as bu
from tests.quick import every_method

#: Shorter than those of `tests/quick.py`: what is asked is whether there are numbers.
QUICK = {
    "bayes": {"n_warmup": 20, "n_draws": 10, "n_maps": 10, "sweeps_per_map": 4},
    "bayes_gibbs": {"n_warmup": 5, "n_draws": 8, "n_chains": 2},
    "bayes_nuts": {"n_warmup": 5, "n_draws": 8, "n_chains": 1},
    "bayes_cavi": {"n_draws": 8},
    "bootstrap": {"n_replicates": 8},
}
#: Most contents are compiled anew for these, so they see few: the hardest of what others draw at random.
SLOW = ("bayes", "bayes_gibbs", "bayes_nuts")
#: Which least squares and signs take away from the sum spectrum.
LEAST_SQUARES = {"ica", "nmf_frobenius", "pca", "vendor_mcr"}


@st.composite
def small_counts(draw):
    """Nine pixels in any shape, so that compiled code is shared; any content, repeated or empty channels too."""
    shape = (*draw(st.sampled_from([(9,), (3, 3), (1, 3, 3)])), 8)
    counts = draw(hnp.arrays(np.int64, shape, elements=st.sampled_from([0, 0, 0, 1, 2, 7, 1000])))
    kind = draw(st.sampled_from(["any", "constant", "duplicated channels", "empty channels", "one pixel"]))
    if kind == "constant":
        counts = np.full(shape, draw(st.sampled_from([1, 5, 300])))
    elif kind == "duplicated channels":
        counts[..., 1::2] = counts[..., ::2]
    elif kind == "empty channels":
        counts[..., 1::2] = 0
    elif kind == "one pixel":
        counts[...] = 0
        counts.reshape(-1, shape[-1])[0] = 3
    if not counts.any():
        counts[(0,) * counts.ndim] = 1
    return counts


def hard_counts():
    """Counts and numbers of components: next to nothing, huge contrast, all the same, and like channels.

    Of one shape and fewer than 2000 photons, so that code is compiled once for a number of components.
    """
    one_pixel = np.zeros((9, 8), int)
    one_pixel[0] = 3
    contrast = np.zeros((1, 3, 3, 8), int)
    contrast[0, 0, :, ::2] = contrast[0, 1, 1, 1] = 60
    contrast[0, 2, 2, 5] = 1000
    alike = np.repeat(np.random.default_rng(0).choice([0, 0, 0, 1, 2, 7], (1, 3, 3, 4)), 2, axis=-1)
    return [(one_pixel, 1), (contrast, 3), (np.full((1, 3, 3, 8), 25), 3), (alike, 3)]


def check(image, result):
    estimate = result.estimate
    assert np.isfinite(estimate.endmembers).all()
    assert np.isfinite(estimate.abundances).all()
    assert np.isfinite(np.asarray(result.info["objective"], float)).all()
    assert estimate.abundances.shape[0] == image.n_pixels


def holds(method, counts, k):
    image = bu.SpectrumImage(counts, 0.5 + 0.1 * np.arange(counts.shape[-1]))
    try:
        result = bu.unmix(image, k, method, **QUICK.get(method, {}))
    except ValueError as error:
        sentence = str(error)
    else:
        check(image, result)
        return
    assert len(sentence) > 20 and "\n" not in sentence


@pytest.mark.parametrize("method", [name for name in bu.METHODS if name not in SLOW])
@given(counts=small_counts(), k=st.sampled_from([1, 3]))
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_a_right_answer_or_one_sentence(method, counts, k):
    holds(method, counts, k)


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize("method", SLOW)
def test_a_right_answer_or_one_sentence_of_slow_methods(method):
    for counts, k in hard_counts():
        holds(method, counts, k)


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize("method", every_method(but=LEAST_SQUARES | {"elements"}))
def test_one_component_is_the_sum_spectrum(method):
    counts = np.random.default_rng(1).poisson(20.0 * np.array([0.5, 1, 4, 2, 0.5, 0.2, 0.6, 0.3]), (9, 8))
    image = bu.SpectrumImage(counts, 0.5 + 0.1 * np.arange(8))
    result = bu.unmix(image, 1, method, **QUICK.get(method, {}))
    assert bu.spectral_angles(image.sum_spectrum()[None], result.estimate.endmembers)[0, 0] < 3


@pytest.mark.parametrize("method", ["nmf", "nmf_frobenius", "pca", "elements"])
def test_counts_beyond_two_to_the_31(method):
    """The total does not fit into an int32; the answer must not notice."""
    rng = np.random.default_rng(0)
    spectra = np.array([[4.0, 2, 1, 0, 0, 0, 1, 0], [0, 0, 1, 2, 4, 1, 0, 0]]) + 0.1
    counts = rng.poisson(rng.uniform(0, 2e7, (4, 6, 2)) @ spectra)
    assert counts.sum() > 2**31
    image = bu.SpectrumImage(counts, 1 + 0.5 * np.arange(8.0))
    result = bu.unmix(image, 2, method)
    check(image, result)
    assert image.n_photons == counts.sum()
    if method == "nmf":
        assert result.estimate.abundances.sum() == pytest.approx(counts.sum(), rel=1e-5)
        misfit = np.abs(result.estimate.expected() - counts.reshape(24, 8)).sum()
        assert misfit < 1e-3 * counts.sum()


def test_rank_of_whatever_comes_is_a_number_or_a_sentence():
    for counts in (np.full((3, 3, 9), 5), np.eye(9, dtype=int).reshape(3, 3, 9)):
        image = bu.SpectrumImage(counts, 1.0 + np.arange(counts.shape[-1]))
        found = bu.rank(image, most=3)
        assert 1 <= found.n_components <= 3
        assert str(found.n_components) in found.sentence
