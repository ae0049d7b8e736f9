"""The one entry: a bad request gets a sentence before any computing, a good one says all that was done."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse

import bayesunmix as bu
from bayesunmix.contracts.arguments import require_positive

COUNTS = np.random.default_rng(0).poisson(3.0, (4, 5, 12))
IMAGE = bu.SpectrumImage(COUNTS, 1.0 + np.arange(12))


@dataclass(frozen=True)
class Stub:
    """Answers at once, in a scale that is not canonical; remembers what it was asked."""

    tolerance: float = 1e-3
    steps: int = 5
    rate: float | None = None
    mode: str = "plain"

    def __post_init__(self):
        require_positive(self)

    def fit(self, image, n_components, key):
        import jax

        ask = np.asarray(jax.random.key_data(key)).tolist()
        endmembers = -7.0 * np.ones((n_components, image.n_channels))
        return bu.Unmixing(
            bu.Factorization(endmembers, -np.ones((image.n_pixels, n_components))), info={"key": ask}
        )


def test_the_answer_is_canonical_and_says_what_was_done():
    result = bu.unmix(IMAGE, np.int64(2), Stub(tolerance=0.5), seed=np.uint32(7))
    np.testing.assert_allclose(result.estimate.endmembers, 1 / 12)
    np.testing.assert_allclose(result.estimate.abundances, 7 * 12)
    assert result.posterior is None
    info = result.info
    assert (info["method"], info["n_components"], info["seed"]) == ("Stub", 2, 7)
    assert info["settings"] == {"tolerance": 0.5, "steps": 5, "rate": None, "mode": "plain"}
    assert info["fit_seconds"] >= 0
    assert info["compile_seconds"] >= 0
    assert info["peak_mib"] > 0
    assert isinstance(info["device"], str)
    assert {"python", "bayesunmix", "jax", "jaxlib", "numpy", "scipy"} <= set(info["versions"])
    assert type(info["seed"]) is type(info["n_components"]) is int


def test_the_seed_is_the_only_randomness_and_reaches_the_method():
    keys = [bu.unmix(IMAGE, 1, Stub(), seed=seed).info["key"] for seed in (0, 0, 1, 2**32 - 1)]
    assert keys[0] == keys[1]
    assert len({tuple(key) for key in keys}) == 3


@pytest.mark.parametrize("k", [0, -1, 13])
def test_more_components_than_channels_or_none(k):
    with pytest.raises(
        ValueError, match=rf"at least 1 and at most 12 \(20 pixels hold counts, 12 ch.*, got {k}; choo"
    ):
        bu.unmix(IMAGE, k, Stub())


def test_more_components_than_pixels_that_hold_counts():
    counts = sparse.coo_array(([3, 1, 2], ([4, 9, 9], [0, 1, 5])), shape=(20, 12))
    image = bu.SpectrumImage(counts, IMAGE.energy_kev, IMAGE.shape)
    assert bu.unmix(image, 2, Stub()).estimate.n_components == 2
    with pytest.raises(ValueError, match=r"at most 2 \(2 pixels hold counts, 12 channels\), got 3; choose"):
        bu.unmix(image, 3, Stub())


@pytest.mark.usefixtures("without_relevance")
def test_a_method_that_finds_the_number_of_components_need_not_be_told():
    @dataclass(frozen=True)
    class Finds:
        finds_n_components: ClassVar[bool] = True

        def fit(self, image, n_components, key):
            return Stub().fit(image, 4 if n_components is None else n_components + 1, key)

    assert bu.unmix(IMAGE, method=Finds()).info["n_components"] == 4
    assert bu.unmix(IMAGE, 1, Finds()).estimate.n_components == 2
    found = bu.unmix(IMAGE, method="nmf")  # which finds none itself
    evidence = bu.rank(IMAGE)
    assert found.estimate.n_components == evidence.n_components and found.info["rank"] == evidence.sentence
    with pytest.raises(ValueError, match="at least 1 and at most 12"):
        bu.unmix(IMAGE, 0, Finds())


@dataclass(frozen=True)
class Doubter:
    """Wants its number of components compared with the one that the counts show."""

    doubts_n_components: ClassVar[bool] = True

    def fit(self, image, n_components, key):
        return Stub().fit(image, n_components, key)


@pytest.mark.usefixtures("without_relevance")
@pytest.mark.parametrize(("k", "harm"), [(1, "too few"), (2, ""), (3, "too many")])
def test_a_number_of_components_that_the_counts_do_not_show_is_doubted(k, harm):
    image = Sampler(APART, PURE).image()
    info = bu.unmix(image, k, Doubter()).info
    assert info["rank"] == bu.rank(image).sentence
    expected = [f"The fit has {k} components, and the counts show 2 (bayesunmix.rank). With {harm}"]
    for sentence, beginning in zip(info.get("warnings", []), expected if harm else [], strict=True):
        assert sentence.startswith(beginning)
    assert "rank" not in bu.unmix(image, k, Stub()).info, "others are not asked for it"
    assert bu.unmix(image, method=Doubter()).info["n_components"] == 2


@pytest.mark.parametrize("k", [True, 2.0, "2"])
def test_the_number_of_components_is_a_whole_number(k):
    with pytest.raises(TypeError, match=f"n_components must be a whole number, got {k!r}; for example 3"):
        bu.unmix(IMAGE, k, Stub())


@pytest.mark.parametrize("seed", [-1, 2**32, True, 0.5, "0", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=rf"seed must be a whole number from 0 to 2\*\*32 - 1, got {seed!r}"):
        bu.unmix(IMAGE, 2, Stub(), seed=seed)


@pytest.mark.parametrize("image", [COUNTS, COUNTS.astype(float) * np.nan, "map.bcf", None])
def test_only_an_image_can_be_unmixed(image):
    with pytest.raises(
        TypeError, match=r"image must be a SpectrumImage, got \w+; make one with .*SpectrumImage\("
    ):
        bu.unmix(image, 2, Stub())


def test_a_method_is_a_known_name_or_a_configured_method():
    with pytest.raises(
        ValueError, match=r"unknown method 'nnf': did you mean 'nmf'.* There are: bayes, bayes_cavi, "
    ):
        bu.unmix(IMAGE, 2, "nnf")
    for method in (None, 3, object(), Stub, bu.METHODS["pca"]):
        with pytest.raises(
            TypeError, match=r"method must be a name or have a fit\(.*\), got .*; pass a name such as"
        ):
            bu.unmix(IMAGE, 2, method)


def test_settings_go_with_a_name_and_are_checked():
    with pytest.raises(TypeError, match=r"'nmf' has no setting tolerence; it has: .*tolerance"):
        bu.unmix(IMAGE, 2, "nmf", tolerence=1)
    with pytest.raises(
        TypeError, match="method 'pca' has no setting whiten; it has: scaling, centred, solver"
    ):
        bu.unmix(IMAGE, 2, "pca", whiten=True)
    with pytest.raises(
        TypeError, match=r"settings \['steps'\] go with a method's name; this method is already"
    ):
        bu.unmix(IMAGE, 2, Stub(), steps=3)
    with pytest.raises(
        ValueError, match="setting max_iterations of NMF must be greater than 0, got -1; its default"
    ):
        bu.unmix(IMAGE, 2, "nmf", max_iterations=-1)


def test_settings_are_positive_numbers_of_the_declared_kind():
    Stub(np.float32(1), np.int64(3), None, mode="")
    Stub(tolerance=1, rate=2)
    for field in ("tolerance", "steps", "rate"):
        for value in (0, -1):
            with pytest.raises(
                ValueError, match=f"setting {field} of Stub must be greater than 0, got {value}"
            ):
                Stub(**{field: value})
        for value in ("a", True, [1]):
            with pytest.raises(TypeError, match=f"setting {field} of Stub must be a (whole )?number, got "):
                Stub(**{field: value})
    with pytest.raises(ValueError, match="tolerance of Stub must be greater than 0, got nan"):
        Stub(tolerance=np.nan)
    with pytest.raises(TypeError, match=r"steps of Stub must be a whole number, got 1\.5; its default is 5"):
        Stub(steps=1.5)


@pytest.mark.parametrize("method", ["pca", "nmf"])
def test_permuting_pixels_permutes_abundances(method):
    """Two phases that do not overlap, so that the answer is one and no start can change it."""
    rng = np.random.default_rng(1)
    endmembers = np.zeros((2, 12))
    endmembers[0, :6], endmembers[1, 6:] = rng.dirichlet(np.full(6, 5.0), 2)
    abundances = np.vstack([np.tile([[200, 0]], (20, 1)), np.tile([[0, 150]], (15, 1)), np.full((5, 2), 90)])
    counts = rng.poisson(abundances @ endmembers)
    order = rng.permutation(len(counts))
    first, second = (
        bu.unmix(bu.SpectrumImage(c, IMAGE.energy_kev), 2, method) for c in (counts, counts[order])
    )
    second = second.reorder(bu.match(first.estimate.endmembers, second.estimate.endmembers))
    np.testing.assert_allclose(second.estimate.endmembers, first.estimate.endmembers, atol=2e-3)
    scale = first.estimate.abundances.max()
    np.testing.assert_allclose(
        second.estimate.abundances, first.estimate.abundances[order], atol=5e-3 * scale
    )


RNG = np.random.default_rng(2)
OVERLAPPING = RNG.dirichlet(np.full(12, 3.0), 2)
APART = np.zeros((2, 12))
APART[0, :6] = APART[1, 6:] = 1 / 6


@dataclass(frozen=True)
class Sampler:
    """Answers at once with a posterior around the truth."""

    endmembers: np.ndarray
    shares: np.ndarray
    converged: bool = True
    said: tuple[str, ...] = ()

    def image(self):
        counts = np.random.default_rng(3).poisson(400 * self.shares @ self.endmembers)
        return bu.SpectrumImage(counts.reshape(8, 8, 12), IMAGE.energy_kev)

    def fit(self, image, n_components, key):
        rng = np.random.default_rng(4)
        estimate = bu.Factorization(self.endmembers, 400 * self.shares)
        spectra = rng.gamma(1e4 * self.endmembers + 1, size=(2, 20, *self.endmembers.shape))
        maps = rng.gamma(estimate.abundances + 1, size=(2, 20, *self.shares.shape))
        posterior = bu.Posterior(spectra / spectra.sum(axis=-1, keepdims=True), maps)
        return bu.Unmixing(estimate, posterior, {"converged": self.converged, "warnings": list(self.said)})


MIXED = np.random.default_rng(5).dirichlet(np.full(2, 9.0), 64)
PURE = np.eye(2)[np.arange(64) % 2]


def test_a_fit_that_did_not_converge_warns_with_the_sentences_of_info():
    method = Sampler(APART, PURE, converged=False, said=("Chains disagree.", "Raise n_draws."))
    with pytest.warns(bu.UnmixingWarning) as heard:
        result = bu.unmix(method.image(), 2, method)
    (warning,) = heard
    assert warning.category is bu.NotConvergedWarning and warning.filename == __file__
    assert all(sentence in str(warning.message) for sentence in result.info["warnings"])
    assert result.info["warnings"] == ["Chains disagree.", "Raise n_draws."]


def test_shares_that_the_counts_do_not_determine_are_warned_of_with_the_sentence_of_info():
    method = Sampler(OVERLAPPING, MIXED, converged=False, said=("Chains disagree.",))
    with pytest.warns(bu.UnmixingWarning) as heard:
        result = bu.unmix(method.image(), 2, method)
    unsettled, undetermined = heard
    assert unsettled.category is bu.NotConvergedWarning and undetermined.category is bu.NotIdentifiedWarning
    assert undetermined.filename == __file__
    assert result.info["warnings"] == ["Chains disagree.", str(undetermined.message)]
    assert "Chains disagree." in str(unsettled.message)
    assert str(undetermined.message) not in str(unsettled.message), "one sentence is heard once"
    shares = result.info["fractions"]
    assert {share["identified"] for share in shares.values()} == {"no"}
    assert all(name in str(undetermined.message) for name in shares)


def test_a_result_that_can_be_taken_at_its_word_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = bu.unmix(Sampler(APART, PURE).image(), 2, Sampler(APART, PURE))
    assert result.info["warnings"] == []
    assert "no" not in {share["identified"] for share in result.info["fractions"].values()}


def test_verdicts_can_be_left_out():
    method = Sampler(OVERLAPPING, MIXED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = bu.unmix(method.image(), 2, method, verdicts=False)
    assert "fractions" not in result.info and result.info["warnings"] == []
    assert result.posterior is not None
