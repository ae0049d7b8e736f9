"""PCA against dense singular value decompositions, NumPy's and scikit-learn's, and on images with little in them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import decomposition

import bayesunmix as bu
from bayesunmix.engine.subspace.biwhitening import biwhiten
from bayesunmix.engine.subspace.pca import principal_components
from simulations import PHANTOMS, acquire

SCALINGS = ("poisson", "keenan_kotula", "biwhitened", "none")
SOLVERS = ("auto", "randomised", "gram")


def draw(n_pixels, n_channels, n_components=3, seed=8):
    rng = np.random.default_rng(seed)
    spectra = rng.dirichlet(np.full(n_channels, 0.3), n_components)
    counts = rng.poisson(rng.gamma(0.5, 30.0, (n_pixels, n_components)) @ spectra)
    counts[7], counts[:, 11] = 0, 0
    return counts


COUNTS = {"more pixels": draw(70, 40), "more channels": draw(40, 120)}


def image_of(counts):
    return bu.SpectrumImage(counts, np.arange(1.0, counts.shape[-1] + 1))


def weights(counts, scaling):
    pixel, channel = counts.sum(axis=1), counts.sum(axis=0)
    if scaling == "none":
        return np.ones(pixel.size), np.ones(channel.size)
    if scaling == "biwhitened":
        return biwhiten(image_of(counts).counts)
    more = 3 if scaling == "poisson" else 0
    return tuple(np.where(t > 0, 1 / np.sqrt(np.maximum(t + more, 1)), 0) for t in (pixel, channel))


def undo(weight):
    return np.divide(1, weight, out=np.zeros_like(weight), where=weight > 0)


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize(
    ("scaling", "centred", "solver"), list(itertools.product(SCALINGS, (False, True), SOLVERS))
)
def test_components_are_those_of_the_dense_matrix(counts, scaling, centred, solver):
    found = principal_components(image_of(counts), 4, scaling, centred, solver)
    u, v = weights(counts, scaling)
    scaled = u[:, None] * counts * v
    part = (u > 0)[:, None] if centred else np.zeros((len(u), 1))
    mean = part * scaled[u > 0].mean(axis=0)
    left, size, right = np.linalg.svd(scaled - mean, full_matrices=False)
    kept = 4 - centred
    expected = undo(u)[:, None] * (mean + (left[:, :kept] * size[:kept]) @ right[:kept]) * undo(v)
    np.testing.assert_allclose(found.abundances @ found.endmembers, expected, atol=1e-4 * expected.max())
    power = np.append((mean**2).sum(), size[:kept] ** 2) if centred else size[:kept] ** 2
    np.testing.assert_allclose(found.explained_variance_ratio, power / (scaled**2).sum(), rtol=1e-8)


@pytest.mark.parametrize("centred", [False, True])
def test_explained_variance_is_that_of_scikit_learn_without_scaling(centred):
    counts = COUNTS["more pixels"]
    ratio = principal_components(image_of(counts), 4, "none", centred).explained_variance_ratio
    if centred:
        theirs = decomposition.PCA(3, svd_solver="full").fit(counts)
        np.testing.assert_allclose(ratio[1:] / (1 - ratio[0]), theirs.explained_variance_ratio_, rtol=1e-8)
    else:
        theirs = decomposition.TruncatedSVD(4, algorithm="arpack").fit(counts.astype(float))
        np.testing.assert_allclose(ratio, theirs.singular_values_**2 / (counts**2).sum(), rtol=1e-8)
    assert ratio.sum() < 0.999, "a truncated fit does not explain everything"


@pytest.mark.parametrize("scaling", SCALINGS)
def test_all_components_give_the_counts_back(scaling):
    counts = COUNTS["more pixels"][:, :8]
    result = bu.unmix(image_of(counts), 8, "pca", scaling=scaling)
    np.testing.assert_allclose(result.estimate.expected(), counts, atol=1e-8 * counts.max())
    assert result.info["objective"][0] == pytest.approx(0, abs=1e-9)


def test_solvers_agree_on_a_real_size_and_give_the_same_sign():
    image = acquire(PHANTOMS["nicr_film"](), 9, 0).image
    fast, exact = (bu.unmix(image, 3, "pca", solver=solver).estimate for solver in ("randomised", "gram"))
    np.testing.assert_allclose(fast.endmembers, exact.endmembers, atol=1e-6)
    np.testing.assert_allclose(fast.abundances, exact.abundances, atol=1e-4)
    assert (fast.endmembers.sum(axis=1) >= 0).all()


def test_components_in_the_noise_are_found_too():
    image = acquire(PHANTOMS["nicr_film"]((24, 40), n_channels=300, pixel_nm=6.0), 50, 0).image
    ratios = [principal_components(image, 12, solver=s).explained_variance_ratio for s in SOLVERS]
    np.testing.assert_allclose(ratios[0], ratios[2], rtol=1e-6)
    np.testing.assert_allclose(ratios[1], ratios[2], rtol=1e-6)


def test_the_first_component_of_keenan_and_kotula_is_the_product_of_the_margins():
    counts = COUNTS["more pixels"]
    found = principal_components(image_of(counts), 1, "keenan_kotula")
    margins = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    np.testing.assert_allclose(found.abundances @ found.endmembers, margins, atol=1e-6 * margins.max())


def test_a_photon_alone_in_its_pixel_and_channel_is_not_a_component():
    counts = np.zeros((101, 41), int)
    counts[:50, :20], counts[50:100, 20:40] = 2, 2
    counts[100, 40] = 1
    image = image_of(counts)
    lonely = [np.abs(principal_components(image, 2, s).endmembers[:, 40]).max() for s in SCALINGS[:2]]
    assert lonely[0] == pytest.approx(0, abs=1e-9)
    assert image.n_photons > 4000
    ratios = principal_components(image, 3, "keenan_kotula").explained_variance_ratio
    assert ratios[2] == pytest.approx(ratios[1]), "without added photons it is as strong as half of the image"


def test_at_five_counts_per_pixel_the_components_hold_the_film():
    trial = acquire(PHANTOMS["nicr_film"](), 5, 0)
    truth = trial.truth.endmembers

    def nearest(scaling):
        found = principal_components(trial.image, 3, scaling).endmembers
        within = np.linalg.lstsq(found.T, truth.T, rcond=None)[0].T @ found
        return np.diagonal(bu.spectral_angles(truth, within)).max()

    assert nearest("poisson") < 6
    assert nearest("keenan_kotula") > 20


def test_empty_pixels_and_channels_stay_empty():
    found = principal_components(image_of(COUNTS["more pixels"]), 3)
    assert (found.abundances[7] == 0).all() and (found.endmembers[:, 11] == 0).all()


@pytest.mark.parametrize(
    ("counts", "rank"),
    [
        (np.full((6, 5), 3), 1),
        (np.array([[0, 4, 1]]), 1),
        (np.outer([1, 2, 0, 3, 5], [2, 0, 7, 1]), 1),
        (np.repeat(draw(50, 12), 3, axis=1)[:, :30], 10),
        (np.kron(np.eye(3, dtype=int), np.full((4, 2), 5)), 3),
    ],
    ids=["constant", "one pixel", "rank one", "duplicated channels", "disjoint blocks"],
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_component_that_is_not_there_is_empty_and_said_to_be(counts, rank, solver):
    image = image_of(counts)
    asked = min(np.count_nonzero(counts.any(axis=1)), counts.shape[1])
    result = bu.unmix(image, asked, "pca", solver=solver)
    assert np.count_nonzero(result.info["explained_variance_ratio"]) == rank
    assert (result.estimate.abundances[:, rank:] == 0).all()
    np.testing.assert_allclose(result.estimate.expected(), counts, atol=1e-7 * counts.max())
    assert bool(result.info["warnings"]) == (asked > rank)


@given(
    counts=hnp.arrays(
        np.int64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=7), elements=st.integers(0, 4)
    ),
    scaling=st.sampled_from(SCALINGS),
    centred=st.booleans(),
    solver=st.sampled_from(SOLVERS),
    data=st.data(),
)
def test_any_small_image_gives_numbers(counts, scaling, centred, solver, data):
    counts.flat[0] += 1
    image = image_of(counts)
    most = min(np.count_nonzero(counts.reshape(-1, counts.shape[-1]).any(axis=1)), counts.shape[-1])
    asked = data.draw(st.integers(1, most))
    found = principal_components(image, asked, scaling, centred, solver)
    assert all(np.isfinite(part).all() for part in found)
    assert found.endmembers.shape == (asked, image.n_channels)
    assert found.abundances.shape == (image.n_pixels, asked)
    assert -1e-9 <= 1 - found.explained_variance_ratio.sum() <= 1
    if asked == most and not centred:
        flat = counts.reshape(-1, counts.shape[-1])
        np.testing.assert_allclose(found.abundances @ found.endmembers, flat, atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("scaling", "Poisson", "'poisson', 'keenan_kotula', 'biwhitened' or 'none', got 'Poisson'"),
        ("solver", "full", "'auto', 'randomised' or 'gram', got 'full'; its default is 'auto'"),
        ("centred", 1, "False or True, got 1"),
    ],
)
def test_a_choice_must_be_one_of_those_listed(setting, value, sentence):
    with pytest.raises(ValueError, match=f"setting {setting} of PCA must be {sentence}"):
        bu.METHODS["pca"](**{setting: value})
