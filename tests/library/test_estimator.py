"""The scikit-learn face: what scikit-learn demands of an estimator, and that it is `unmix` behind it."""

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import bayesunmix as bu
from bayesunmix.estimator import Unmixer

SHAPE, C, K = (8, 6), 30, 3
RNG = np.random.default_rng(0)
ENDMEMBERS = RNG.dirichlet([0.3] * C, K)
X = RNG.poisson(RNG.dirichlet([0.3] * K, SHAPE) * 200 @ ENDMEMBERS).reshape(-1, C)


@dataclass(frozen=True)
class Namer:
    """Finds two components, gives them names, and has a posterior."""

    finds_n_components: ClassVar[bool] = True

    def fit(self, image, n_components, key):
        endmembers, abundances = np.ones((2, image.n_channels)), np.ones((image.n_pixels, 2))
        posterior = bu.Posterior(endmembers[None, None], abundances[None, None])
        names = ("Ni_K", "continuum")
        return bu.Unmixing(bu.Factorization(endmembers, abundances), posterior, names=names)


@pytest.fixture
def whole_numbers(monkeypatch):
    """Let scikit-learn's checks try whole numbers.

    They adapt their random X to an estimator's tags in one function, and there is no tag for counts. With fractions,
    29 checks get nothing but the sentence that refuses them.
    """
    adapt = estimator_checks._enforce_estimator_tags_X
    monkeypatch.setattr(
        estimator_checks, "_enforce_estimator_tags_X", lambda *given, **more: np.round(adapt(*given, **more))
    )


@estimator_checks.parametrize_with_checks([Unmixer(n_components=2), Unmixer("pca", n_components=2)])
@pytest.mark.usefixtures("whole_numbers")
@pytest.mark.filterwarnings("ignore:Can't check dok sparse matrix")
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "counts", [X, X.astype(np.float32), sparse.csr_array(X), sparse.csc_matrix(X, dtype=float), X.tolist()]
)
def test_it_is_unmix_on_any_kind_of_counts(counts):
    energy_kev = np.linspace(1, 4, C)
    estimator = Unmixer(n_components=K, random_state=3, navigation_shape=SHAPE, energy_kev=energy_kev)
    abundances = estimator.fit_transform(counts)
    expected = bu.unmix(bu.SpectrumImage(X.reshape(*SHAPE, C), energy_kev), K, "nmf", seed=3)
    np.testing.assert_array_equal(abundances, expected.estimate.abundances)
    np.testing.assert_array_equal(estimator.components_, expected.estimate.endmembers)
    assert estimator.unmixing_.grid.shape == (*SHAPE, C)
    assert (estimator.n_components_, estimator.n_features_in_) == (K, C)
    assert estimator.info_["seed"] == 3
    assert estimator.posterior_ is None


@pytest.mark.parametrize(("method", "tolerance"), [("nmf", 0.5), ("pca", 1e-6), ("ica", 1e-6)])
def test_transform_repeats_what_the_fit_found(method, tolerance):
    estimator = Unmixer(method, n_components=K)
    abundances = estimator.fit_transform(X)
    np.testing.assert_allclose(estimator.transform(X), abundances, atol=tolerance)
    np.testing.assert_allclose(estimator.inverse_transform(abundances), abundances @ estimator.components_)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_new_rows_keep_their_counts_and_empty_ones_are_empty(container):
    estimator = Unmixer(n_components=K).fit(X)
    new = np.random.default_rng(1).binomial(X, 0.1)
    new[2] = 0
    abundances = estimator.transform(container(new))
    np.testing.assert_allclose(abundances.sum(axis=1), new.sum(axis=1), rtol=1e-4)
    assert (abundances >= 0).all()
    np.testing.assert_array_equal(estimator.transform(container(np.zeros((4, C)))), np.zeros((4, K)))


def test_components_have_names():
    assert list(Unmixer("pca", 2).fit(X).get_feature_names_out()) == ["pca0", "pca1"]
    named = Unmixer(Namer()).set_output(transform="pandas")
    assert list(named.fit_transform(X).columns) == ["Ni_K", "continuum"]
    assert named.n_components_ == 2


def test_a_fitted_estimator_can_be_kept_and_cloned():
    estimator = Unmixer(bu.METHODS["nmf"](tolerance=1e-4), n_components=K).fit(X)
    kept = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(kept.transform(X), estimator.transform(X))
    assert kept.info_["settings"]["tolerance"] == 1e-4
    copy = clone(estimator)
    assert copy.method == estimator.method
    with pytest.raises(NotFittedError):
        copy.transform(X)
    drawn = pickle.loads(pickle.dumps(Unmixer(Namer()).fit(X)))
    assert drawn.posterior_.endmembers.shape == (1, 1, 2, C)


def test_in_a_pipeline():
    pipeline = make_pipeline(Unmixer("pca", 2)).fit(X)
    assert pipeline.transform(X).shape == (len(X), 2)
    np.testing.assert_array_equal(pipeline.get_feature_names_out(), ["pca0", "pca1"])


@pytest.mark.parametrize(
    ("change", "counts", "sentence"),
    [
        ({}, X / 7, r"got fractions; pass the raw counts.*normalize_poissonian_noise=False"),
        ({}, X - 1, "Negative values in data passed to X in Unmixer"),
        ({}, X * np.nan, "Input X contains NaN"),
        ({}, X * 0, "the image holds no counts"),
        ({"n_components": C + 1}, X, f"at least 1 and at most {C}"),
        ({"method": "nfm"}, X, "did you mean 'nmf'"),
        ({"random_state": None}, X, "seed must be a whole number"),
        ({"navigation_shape": (7, 7)}, X, r"shape must be.*48 pixels in all; got \(7, 7, 30\)"),
        ({"energy_kev": np.arange(5)}, X, r"one value per channel \(30\)"),
    ],
)
def test_a_mistake_gets_one_sentence(change, counts, sentence):
    estimator = Unmixer(n_components=K).set_params(**change)
    with pytest.raises((TypeError, ValueError), match=sentence):
        estimator.fit(counts)


def test_a_mistake_after_the_fit():
    estimator = Unmixer("pca", 2).fit(X)
    with pytest.raises(ValueError, match=r"X must hold 2 abundances a row, got shape \(48, 3\)"):
        estimator.inverse_transform(np.ones((len(X), K)))
    with pytest.raises(ValueError, match="X has 29 features, but Unmixer is expecting 30"):
        estimator.transform(X[:, 1:])
