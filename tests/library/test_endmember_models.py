"""What every endmember model must do, and that `phases` and `elements` do it right."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.contracts.method import finds_n_components
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.models.endmember_models.phases import Given, PhaseSpectra, Shares
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

SI_CR_NI = (("Si",), ("Cr",), ("Ni",))


@cache
def mixed(dose=20):
    return acquire(PHANTOMS["nicr_mixed"](shape=(24, 32), n_channels=300), dose, 0)


@pytest.fixture(params=list(ENDMEMBER_MODELS))
def model(request):
    return ENDMEMBER_MODELS[request.param]()


def started(model, image):
    prepared = model.prepare(image, None if finds_n_components(model) else 3)
    guess = np.full((prepared.n_components, image.n_channels), 1 / image.n_channels)
    return prepared, *model.start(prepared.given, guess if prepared.spectra is None else prepared.spectra)


def test_draws_are_spectra_and_follow_the_key(model):
    image = mixed().image
    prepared, spectra, learned = started(model, image)
    assert hash(model) == hash(type(model)())
    assert prepared.names is None or len(prepared.names) == prepared.n_components == len(spectra)
    counts = jnp.asarray(np.random.default_rng(0).poisson(1000 * np.asarray(spectra)), jnp.int32)
    draw = jax.jit(model.draw)
    first, following = draw(random_key(1), counts, prepared.given, learned)
    assert jax.tree.structure(following) == jax.tree.structure(learned)
    for drawn in (spectra, first, draw(random_key(2), 0 * counts, prepared.given, learned)[0]):
        assert drawn.shape == (prepared.n_components, image.n_channels) and drawn.dtype == jnp.float32
        assert np.isfinite(drawn).all() and drawn.min() >= 0
        np.testing.assert_allclose(drawn.sum(axis=1), 1, rtol=1e-5)
    again = draw(random_key(1), counts, prepared.given, learned)[0]
    np.testing.assert_array_equal(first, again)
    other = draw(random_key(3), counts, prepared.given, learned)[0]
    assert (first != other).any() != (model == ENDMEMBER_MODELS["elements"]())


def test_only_models_that_know_lines_need_no_number_of_components(model):
    if not finds_n_components(model):
        with pytest.raises(ValueError, match="n_components must be given"):
            model.prepare(mixed().image, None)
        with pytest.raises(ValueError, match="start from a point estimate"):
            model.start((), None)
    else:
        assert model.prepare(mixed().image, None).known or all(model.prepare(mixed().image, None).unique)
        with pytest.raises(ValueError, match=r"n_components must be [36] or not given"):
            model.prepare(mixed().image, 17)


N_CHAINS = 2000


@cache
def drawn_side_by_side(name):
    model = ENDMEMBER_MODELS[name](concentration=0.5)
    return jax.jit(jax.vmap(model.draw, in_axes=(0, 0, None, 0)))


def given(families, curves):
    owned = np.array([[True, True], [True, False]])
    return jax.tree.map(
        lambda part: jnp.asarray(part, jnp.float32), Given(families * owned[..., None], owned, curves, ())
    )._replace(owned=jnp.asarray(owned))


def overlapping():
    """Two phases with two and one broad families that share channels, on two curves."""
    rng = np.random.default_rng(5)
    return given(rng.dirichlet(np.full(12, 0.5), (2, 2)), rng.dirichlet(np.full(12, 2.0), 2))


def phases_from_prior(rng, concentration):
    """Spectra and shares, slowly and obviously."""
    families, curves = (np.asarray(part) for part in overlapping()[::2])
    spectra, shares = [], []
    for _ in range(N_CHAINS):
        weights = np.stack([rng.dirichlet([concentration] * 2), [1, 0]])
        of_lines, of_curves = rng.dirichlet([concentration] * 2, 2), rng.dirichlet([concentration] * 2)
        lines = np.stack([weights[k] @ families[k] for k in range(2)])
        spectra.append(of_lines[:, :1] * lines + of_lines[:, 1:] * (of_curves @ curves))
        shares.append(Shares(weights, of_lines, of_curves[None]))
    return np.stack(spectra), Shares(*(np.stack(part) for part in zip(*shares, strict=True))), overlapping()


def blind_from_prior(rng, concentration):
    return rng.dirichlet([concentration] * 12, (N_CHAINS, 2)), (), ()


@pytest.mark.parametrize(("name", "from_prior"), [("phases", phases_from_prior), ("blind", blind_from_prior)])
def test_draws_leave_the_joint_distribution_invariant(name, from_prior):
    """Parameters from the prior, then counts and parameters in turn: they stay distributed like the prior."""

    def moments(spectra, learned):
        parts = [
            np.asarray(part, float).reshape(N_CHAINS, -1) for part in jax.tree.leaves((spectra, learned))
        ]
        own = np.concatenate(parts, axis=1)
        gram = np.einsum("nkc,njc->nkj", spectra, spectra).reshape(N_CHAINS, -1)
        return np.concatenate([own, own**2, gram], axis=1)

    def worst(concentration):
        rng = np.random.default_rng(0)
        spectra, learned, known = from_prior(rng, concentration)
        learned = jax.tree.map(lambda part: jnp.asarray(part, jnp.float32), learned)
        before = moments(spectra, learned)
        for step in range(4):
            counts = jnp.asarray(rng.poisson(np.array([[30], [8]]) * np.asarray(spectra)), jnp.int32)
            keys = jax.random.split(random_key(step), N_CHAINS)
            spectra, learned = drawn_side_by_side(name)(keys, counts, known, learned)
        moved = moments(spectra, learned) - before
        return np.abs(moved.mean(axis=0) / np.maximum(moved.std(axis=0), 1e-5)).max() * np.sqrt(N_CHAINS)

    assert worst(0.5) < 4
    assert worst(0.25) > 6, "a planted bug: twice the concentration of the prior"


def test_curves_that_do_not_overlap_give_beta_posteriors_even_with_many_counts():
    boxes = np.eye(12)
    known = given(boxes[[[0, 1], [2, 3]]], boxes[4:6])
    counts = np.zeros((2, 12), int)
    counts[0, [0, 1, 4]], counts[1, [2, 5]] = (3, 2_000_000, 50), (7, 400_000)
    many = jax.tree.map(
        lambda part: jnp.repeat(part[None], N_CHAINS, axis=0),
        (
            jnp.asarray(counts, jnp.int32),
            Shares(*(jnp.full(shape, 0.5, jnp.float32) for shape in ((2, 2), (2, 2), (1, 2)))),
        ),
    )
    keys = jax.random.split(random_key(0), N_CHAINS)
    _, shares = drawn_side_by_side("phases")(keys, many[0], known, many[1])
    for drawn, n in (
        (shares.families[:, 0], [3, 2_000_000]),
        (shares.continuum[:, 0], [2_000_003, 50]),
        (shares.continuum[:, 1], [7, 400_000]),
        (shares.curves[:, 0], [50, 400_000]),
    ):
        alpha = np.array(n) + 0.5
        mean, total = alpha / alpha.sum(), alpha.sum()
        sd = np.sqrt(mean * (1 - mean) / (total + 1))
        drawn = np.asarray(drawn, float)
        assert (np.abs(drawn.mean(axis=0) - mean) < 4 * sd / np.sqrt(N_CHAINS) + 1e-7).all()
        np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.1)


def test_a_phase_that_holds_another_is_not_unique_and_said_so():
    image = mixed().image
    prepared = PhaseSpectra((("Ni",), ("Ni", "Cr"), ("Si",))).prepare(image, 3)
    assert prepared.names == ["Ni", "Ni+Cr", "Si"] and prepared.unique == (True, False, True)
    assert "Phases Ni+Cr own all lines of some mixture of the others" in prepared.warnings[0]
    # Ni+Cr less Si+Cr has no line of Cr.
    assert (
        PhaseSpectra((("Ni", "Si"), ("Ni", "Cr"), ("Si", "Cr"))).prepare(image, None).unique == (False,) * 3
    )
    assert PhaseSpectra((("Ni", "Si"), ("Ni", "Cr"))).prepare(image, None).unique == (True, True)
    (sentence,) = PhaseSpectra((("Ni",), ("Cr",))).prepare(image, None).warnings
    assert "peaks at 1.7" in sentence


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: PhaseSpectra((("Ni",), ("H",))).prepare(mixed().image, None),
            ValueError,
            "must own a line on the energy axis, and H has none",
        ),
        (lambda: PhaseSpectra(("Ni", "Cr")), TypeError, r"phases\[0\] must be a tuple of symbols"),
        (lambda: PhaseSpectra("Ni"), TypeError, "must be a tuple with the symbols of each phase"),
        (
            lambda: ENDMEMBER_MODELS["elements"]("Ni"),
            TypeError,
            "elements must be a tuple of symbols, got 'Ni'",
        ),
        (
            lambda: bu.unmix(mixed().image, method="bayes", phases=SI_CR_NI),
            ValueError,
            "phases of Bayes needs the endmember_model of the same name, got endmember_model='smooth'",
        ),
    ],
)
def test_wrong_settings_are_explained(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_counts_of_the_strobe_have_a_place():
    image = mixed().image
    wide = np.zeros((image.n_pixels, image.n_channels + 5), np.int64)
    wide[:, 5:], wide[:, 2] = image.counts.toarray(), 3
    kev = np.concatenate([[-0.02, -0.01, 0, 0.01, 0.02], image.energy_kev])
    strobe = bu.SpectrumImage(wide, kev, (*image.navigation_shape, kev.size))
    known = ENDMEMBER_MODELS["elements"]().prepare(strobe, None)
    assert known.names[-1] == "noise" and known.spectra[-1, 2] == 1 and not known.spectra[:-1, :5].any()
    prepared = PhaseSpectra().prepare(strobe, None)
    assert f"{3 * image.n_pixels} counts below 0.2 keV" in prepared.warnings[-1]
    assert prepared.spectra[:, 2].min() > 0.001


def test_reference_spectra_say_which_elements_a_phase_owns():
    phantom = mixed().phantom
    references = 1e5 * phantom.truth.endmembers
    assert bu.owned_elements(phantom.energy_kev, references) == SI_CR_NI
    with pytest.raises(ValueError, match="must be in counts, at least 100 each, got a sum of 1"):
        bu.owned_elements(phantom.energy_kev, phantom.truth.endmembers)
    with pytest.raises(ValueError, match=r"must be \(K, 300\)"):
        bu.owned_elements(phantom.energy_kev, references[:, :7])


QUICK = {
    "abundance_prior": "jeffreys",
    "n_warmup": 30,
    "n_draws": 60,
    "n_maps": 10,
    "sweeps_per_map": 1,
}


def test_owned_lines_make_a_mixture_unique():
    """Blind, the fractions of this image are a range of ten percent and more."""
    trial = mixed()
    result = bu.unmix(trial.image, method="bayes", endmember_model="phases", phases=SI_CR_NI, seed=1, **QUICK)
    assert result.names == ("Si", "Cr", "Ni")
    assert not any("components were asked for" in sentence for sentence in result.info["warnings"])
    truth, found = (f.abundances.sum(axis=0) for f in (trial.truth, result.estimate))
    np.testing.assert_allclose(found / found.sum(), truth / truth.sum(), atol=0.015)
    assert bu.spectral_angles(trial.truth.endmembers, result.estimate.endmembers).diagonal().max() < 2
    identified = bu.identify(result, trial.image)
    assert identified.known.all() and not identified.overall.half_width.any()


def test_line_families_as_components():
    trial = mixed(100)
    result = bu.unmix(trial.image, method="bayes", endmember_model="elements", **QUICK)
    assert result.names == ("Si_K", "Cr_K", "Ni_K", "continuum_0", "continuum_1", "continuum_2")
    assert np.isfinite(result.info["r_hat"])
    maps = bu.net_counts(result, trial.image)
    for name, share in trial.phantom.line_shares.items():
        assert maps[name].counts.sum() == pytest.approx((trial.truth.abundances @ share).sum(), rel=0.03)
    assert bu.identify(result, trial.image).known.all()
