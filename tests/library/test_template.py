"""The endmember model `template`: its draws against plain NumPy, and what it does with faults of its lines."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import bayesunmix as bu
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.multiscale import centred
from bayesunmix.engine.multiscale.pyramid import Tree
from bayesunmix.engine.multiscale.rates import first_pyramid
from bayesunmix.engine.multiscale.splits import SHAPES
from bayesunmix.methods import bayes
from bayesunmix.models.endmember_models import template as module
from bayesunmix.models.endmember_models._dictionary import spectra_of
from bayesunmix.models.endmember_models.template import Template
from simulations.phantom import PHANTOMS
from simulations.trial import acquire
from tests import quick
from tests import tiny_template as tiny

FEW = 5  # channels
OFFSETS = np.array([1, 0, 0])
WEIGHTS = np.array([[0.5, 0.1, 0.05, 0.2, 0.15], [0.05, 0.5, 0.2, 0.15, 0.1]])
MOVES = np.array([[0.8, 0.2], [0.3, 0.7]])


def log_evidence(counts, template, pyramid):
    tree = Tree(counts.shape[1:], pyramid.offsets)
    return centred.log_evidence(tree, centred.weigh(tree, counts, template), pyramid)


def draw_spectra(key, counts, template, pyramid):
    tree = Tree(counts.shape[1:], pyramid.offsets)
    return centred.draw_spectra(key, tree, centred.weigh(tree, counts, template), pyramid)


def one_pyramid(n):
    pyramid = first_pyramid((FEW,), n)
    return pyramid._replace(
        log_weights=jnp.broadcast_to(jnp.log(jnp.asarray(WEIGHTS, jnp.float32)), pyramid.log_weights.shape),
        log_moves=jnp.broadcast_to(jnp.log(jnp.asarray(MOVES, jnp.float32)), pyramid.log_moves.shape),
        offsets=jnp.asarray(OFFSETS, jnp.int32),
    )


def nodes_of(counts, template):
    """For every node, finest level first: level, halves' counts, halves' template, number of its parent."""
    found, cells, share, level_start = [], counts[None], template[None], 0
    placed = tiny.places(OFFSETS, FEW)
    for level, (place, half) in enumerate(placed):
        n, t = tiny.halves(cells, place, half)[0], tiny.halves(share, place, half)[0]
        level_start += len(n)
        for node in range(len(n)):
            parent = level_start + placed[level + 1][0][node] if level + 1 < len(placed) else None
            found.append((level, n[node], t[node], parent))
        cells, share = n.sum(axis=1)[None], t.sum(axis=1)[None]
    return found


def by_kind(n, t):
    """Probability of the halves' counts under each kind of split, by SciPy."""
    if not t.all():
        return np.ones(1 + len(SHAPES))
    w = t / t.sum()
    return np.array(
        [
            stats.binom.pmf(n[0], n.sum(), w[0]),
            *(stats.betabinom.pmf(n[0], n.sum(), 2 * a * w[0], 2 * a * w[1]) for a in SHAPES),
        ]
    )


def brute_force(counts, template):
    """Go through all states of all nodes: the evidence, and the posterior mean of the spectrum."""
    nodes = nodes_of(counts, template)
    total, mean = 0.0, np.zeros(FEW)
    for states in itertools.product((0, 1), repeat=len(nodes)):
        probability, shares = 1.0, []
        for (_, n, t, parent), state in zip(nodes, states, strict=True):
            weight = WEIGHTS[state] * by_kind(n, t)
            probability *= weight.sum() * (0.5 if parent is None else MOVES[states[parent], state])
            w = t / t.sum()
            strength = 2 * np.array(SHAPES)
            means = np.concatenate([[w[0]], (n[0] + strength * w[0]) / (n.sum() + strength)])
            shares.append(weight @ means / weight.sum() if t.all() else w[0])
        total += probability
        mean += probability * spectrum_of(nodes, shares)
    return np.log(total), mean / total


def spectrum_of(nodes, shares):
    values, first = np.ones(1), len(nodes)
    for level in reversed(range(len(OFFSETS))):
        first -= sum(node[0] == level for node in nodes)
        share = np.array([s for node, s in zip(nodes, shares, strict=True) if node[0] == level])
        place, half = tiny.places(OFFSETS, FEW)[level]
        values = (values[:, None] * np.stack([share, 1 - share], axis=1))[place, half]
    return values


TEMPLATES = np.array(
    [[0.2, 0.2, 0.2, 0.2, 0.2], [0.5, 0.3, 0.1, 0.07, 0.03], [1e-5, 0.1, 0.7, 0.19999, 1e-6]]
)


@pytest.mark.parametrize("counts", [(3, 1, 0, 2, 2), (40, 25, 9, 6, 300), (0, 0, 0, 0, 0), (5, 0, 4, 0, 0)])
def test_the_evidence_is_that_of_all_states_and_splits(counts):
    counts = np.array(counts, float)
    found = log_evidence(
        jnp.asarray(np.tile(counts, (3, 1)), jnp.float32), jnp.asarray(TEMPLATES, jnp.float32), one_pyramid(3)
    )
    expected = np.array([brute_force(counts, template)[0] for template in TEMPLATES])
    # Up to a term of the counts alone.
    np.testing.assert_allclose(np.asarray(found) - found[0], expected - expected[0], atol=3e-3, rtol=1e-4)


def test_the_evidence_of_many_counts_keeps_its_digits():
    """The quiet tree is a multinomial distribution: its logarithm is a sum of a million counts."""
    rng = np.random.default_rng(0)
    template = rng.dirichlet(np.ones(64), 1)
    counts = rng.poisson(1e6 * template).astype(float)
    other = template * np.exp(rng.normal(size=template.shape) * 1e-3)
    other /= other.sum()
    pyramid = first_pyramid((64,), 1)
    quiet = jnp.full_like(pyramid.log_weights, -1e9).at[..., 0].set(0)
    found = [
        float(
            log_evidence(
                jnp.asarray(counts, jnp.float32),
                jnp.asarray(of, jnp.float32),
                pyramid._replace(log_weights=quiet),
            )[0]
        )
        for of in (template, other)
    ]
    assert found[1] - found[0] == pytest.approx((counts * np.log(other / template)).sum(), abs=0.2)


@pytest.mark.parametrize("counts", [(30, 22, 9, 6, 40), (4, 4, 3, 9, 2)])
@pytest.mark.parametrize("template", TEMPLATES[:2])
def test_spectra_are_drawn_from_the_posterior_of_all_states_and_splits(counts, template):
    n = 20_000
    draws, _ = jax.jit(draw_spectra)(
        random_key(0),
        jnp.asarray(np.tile(counts, (n, 1)), jnp.float32),
        jnp.asarray(np.tile(template, (n, 1)), jnp.float32),
        one_pyramid(n),
    )
    draws = np.asarray(draws, float)
    np.testing.assert_allclose(draws.sum(axis=1), 1, rtol=1e-5)
    expected = brute_force(np.array(counts, float), template)[1]
    z = (draws.mean(axis=0) - expected) / draws.std(axis=0) * np.sqrt(n)
    assert np.abs(z).max() < 4.5


N_CHAINS = 6000


@cache
def as_it_is():
    return jax.jit(tiny.drawing())


def joint_z(concentration=tiny.CONCENTRATION, steps=4, draw=None):
    """Parameters from the prior, then counts and parameters in turn: they stay distributed like the prior."""
    rng = np.random.default_rng(3)
    truth = tiny.from_prior(rng, N_CHAINS, concentration)
    spectra, learned = truth.spectra, tiny.learned_of(truth)
    before, draw = moments(spectra, learned), draw or as_it_is()
    for step in range(steps):
        counts = jnp.asarray(rng.poisson(np.array([[60], [12]]) * np.asarray(spectra)), jnp.int32)
        spectra, learned = draw(jax.random.split(random_key(step), N_CHAINS), counts, learned)
    moved = moments(spectra, learned) - before
    return np.abs(moved.mean(axis=0) / np.maximum(moved.std(axis=0), 1e-4)).max() * np.sqrt(N_CHAINS)


def moments(spectra, learned):
    shares, pyramid = learned
    parts = [spectra, *shares, np.exp(pyramid.log_weights), np.exp(pyramid.log_moves)]
    own = np.concatenate([np.asarray(part, float).reshape(N_CHAINS, -1) for part in parts], axis=1)
    template = np.asarray(jax.vmap(lambda s: spectra_of(tiny.known().fine, s))(shares), float)
    away = np.log((np.asarray(spectra, float) + 1e-3) / (template + 1e-3)).reshape(N_CHAINS, -1)
    return np.concatenate([own, own**2, away**2], axis=1)


def test_draws_leave_the_joint_distribution_invariant():
    assert joint_z() < 4.5


def test_another_prior_is_found():
    assert joint_z(concentration=0.5 * tiny.CONCENTRATION) > 6


def test_templates_drawn_as_if_nothing_deviated_are_found(monkeypatch):
    monkeypatch.setattr(
        module, "log_evidence", lambda tree, weighed, pyramid: weighed.by_kind[:, 0].sum(axis=1)
    )
    assert joint_z(draw=jax.jit(tiny.drawing())) > 6


@cache
def film(dose=60):
    return acquire(PHANTOMS["nicr_film"](shape=(24, 32), pixel_nm=8.0, n_channels=300), dose, 0)


@jax.jit
def block(counts, given, learned, key):
    model = Template()
    key, renew_key = jax.random.split(key)

    def step(learned, key):
        spectra, learned = model.draw(key, counts, given, learned)
        return learned, spectra

    return jax.lax.scan(step, model.renew(renew_key, learned), jax.random.split(key, 20))


def drawn(counts, given, n=240, skip=60, seed=0):
    """Spectra (n - skip, K, C) given counts by component, as maps that are known would give them."""
    counts = jnp.asarray(counts, jnp.float32)
    guess = np.asarray(counts + 1e-6) / np.asarray(counts.sum(axis=1))[:, None]
    learned, found = Template().start(given, guess)[1], []
    for key in jax.random.split(random_key(seed), n // 20):
        learned, spectra = block(counts, given, learned, key)
        found.append(np.asarray(spectra, float))
    return np.concatenate(found)[skip:]


def labelled(trial, spectra, seed=1):
    """Counts of each component, all photons labelled."""
    return np.random.default_rng(seed).poisson(trial.truth.abundances.sum(axis=0)[:, None] * spectra)


def prepared(trial, model=None):
    return (model or Template()).prepare(trial.image, trial.truth.n_components)


def test_lines_that_are_right_make_spectra_far_more_accurate():
    trial = film()
    counts = labelled(trial, trial.truth.endmembers)
    draws = drawn(counts, prepared(trial).given)
    angles, of_counts = (
        bu.spectral_angles(trial.truth.endmembers, of).trace() for of in (draws.mean(axis=0), counts)
    )
    assert angles < 0.5 * of_counts


def test_a_line_of_no_element_is_found():
    """A peak at 4.5 keV, as strong as a twentieth of the component, is in no dictionary of Si, Cr and Ni."""
    trial = film()
    kev, truth = trial.image.energy_kev, trial.truth.endmembers.copy()
    peak = np.exp(-0.5 * ((kev - 4.5) / 0.055) ** 2)
    truth[2] = 0.95 * truth[2] + 0.05 * peak / peak.sum()
    draws = drawn(labelled(trial, truth), prepared(trial).given)
    inside = np.abs(kev - 4.5) < 0.11
    found = draws[:, 2, inside].sum(axis=1)
    assert abs(found.mean() - truth[2, inside].sum()) < 4 * found.std() + 0.002
    assert found.mean() > 0.03 and draws[:, 1, inside].sum(axis=1).mean() < 0.01
    others = ~(np.abs(kev - 4.5) < 0.3)
    np.testing.assert_allclose(draws[:, 2, others].sum(axis=1).mean(), truth[2, others].sum(), atol=0.01)


def test_lines_in_the_wrong_place_are_left():
    """All families are 40 eV off, eight times what the prior of the calibration allows: spectra follow the counts."""
    trial = film()
    given = prepared(trial).given
    width = np.diff(trial.image.energy_kev).mean()
    by = round(0.04 / width)
    fixed = given.fine.moves._replace(slopes=0 * given.fine.moves.slopes, tail=0 * given.fine.moves.tail)
    rolled = given.fine._replace(families=jnp.roll(given.fine.families, by, axis=-1), moves=fixed)
    counts = labelled(trial, trial.truth.endmembers)
    wrong = given._replace(fine=rolled, coarse=coarser(rolled, given))
    draws = drawn(counts, wrong)
    mean = draws.mean(axis=0)
    mixtures = np.asarray(spectra_of(rolled, module._fitted(rolled, trial.truth.endmembers)))
    of_template = bu.spectral_angles(trial.truth.endmembers, mixtures).diagonal()
    assert (bu.spectral_angles(trial.truth.endmembers, mean).diagonal() < 0.35 * of_template).all()
    # The planted fault must matter.
    assert of_template.min() > 10


def coarser(fine, given):
    together = int((np.asarray(given.group) == 0).sum())
    n = given.coarse.curves.shape[-1]
    summed = np.zeros((*fine.families.shape[:-1], n))
    for c in range(fine.families.shape[-1]):
        summed[..., c // together] += np.asarray(fine.families[..., c])
    moves = given.coarse.moves._replace(
        slopes=0 * given.coarse.moves.slopes, tail=0 * given.coarse.moves.tail
    )
    return given.coarse._replace(families=jnp.asarray(summed, jnp.float32), moves=moves)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (
            lambda image: bu.SpectrumImage(
                image.counts, None, image.shape, spectral_axis=bu.Axis("Wavelength", 1.5, "nm", 300)
            ),
            "the axis of this image is Wavelength (nm)",
        ),
        (
            lambda image: bu.SpectrumImage(
                np.random.default_rng(0).poisson(0.5, image.shape), image.energy_kev, image.shape
            ),
            "no element was recognised",
        ),
        (
            lambda image: bu.SpectrumImage(
                np.asarray(image.counts.sum(axis=1)).reshape(24, 32, 1), np.ones(1)
            ),
            "there is a single channel",
        ),
    ],
)
def test_without_lines_it_is_smooth_to_the_last_bit_and_says_so(image, reason):
    image = image(film().image)
    got = Template().prepare(image, 3)
    assert got.given == () and len(got.warnings) == 1 and reason in got.warnings[0]
    assert "endmember_model='smooth'" in got.warnings[0]
    smooth = ENDMEMBER_MODELS["smooth"]()
    guess = np.full((3, image.n_channels), 1 / image.n_channels)
    counts = jnp.asarray(np.random.default_rng(1).poisson(3, guess.shape))
    drawn_by = [
        jax.jit(model.draw)(random_key(2), counts, (), model.renew(random_key(3), model.start((), guess)[1]))
        for model in (Template(), smooth)
    ]
    for mine, theirs in zip(*map(jax.tree.leaves, drawn_by), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_masked_pixels_say_nothing_of_the_lines():
    """A masked half of titanium changes neither the elements nor anything else that is prepared."""
    image = film().image
    mask = np.indices((24, 32))[1] < 16
    counts = image.counts.toarray().astype(int)
    peak = np.abs(image.energy_kev - 4.51) < 0.1
    counts[~mask.ravel()] += 200 * peak
    plain, spoilt = (
        Template().prepare(bu.SpectrumImage(of, image.energy_kev, image.shape, mask=mask), 2)
        for of in (image.counts, counts)
    )
    assert plain.warnings == spoilt.warnings
    for one, other in zip(jax.tree.leaves(plain.given), jax.tree.leaves(spoilt.given), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_component_and_named_elements():
    image = film().image
    got = Template(elements=("Si", "Cr")).prepare(image, 1)
    assert got.n_components == 1 and got.given.fine.families.shape[:2] == (1, 4)  # and two lines of no name
    assert any("belong to none of Si, Cr" in sentence for sentence in got.warnings)
    total = image.sum_spectrum()
    draws = drawn(total[None], got.given, n=100, skip=40)
    # Nickel is not named: its peaks are found.
    nickel = np.abs(image.energy_kev - 7.478) < 0.1
    assert draws[:, 0, nickel].sum(axis=1).mean() == pytest.approx(
        total[nickel].sum() / total.sum(), rel=0.05
    )
    np.testing.assert_array_equal(draws, drawn(total[None], got.given, n=100, skip=40))
    assert (draws != drawn(total[None], got.given, n=100, skip=40, seed=1)).any()


def test_chains_that_disagree_are_replaced_by_smooth_ones(monkeypatch):
    used, draw = [], bayes.draw_endmembers

    def drawing(image, prepared, model, **settings):
        used.append(model)
        return draw(image, prepared, model, **settings)

    monkeypatch.setattr(bayes, "draw_endmembers", drawing)
    monkeypatch.setattr(bayes, "agree", lambda posterior: False)
    settings = {**quick.SETTINGS["bayes"], "endmember_model": "template"}
    found = bu.unmix(quick.film().image, 3, "bayes", seed=2, verdicts=False, **settings)
    assert used == [Template(), ENDMEMBER_MODELS["smooth"]()]
    (sentence,) = [s for s in found.info["warnings"] if "drawn as with endmember_model='smooth'" in s]
    assert "The chains disagree with endmember_model='template' (R-hat is " in sentence


def test_elements_are_named_for_models_that_have_them():
    with pytest.raises(ValueError, match="setting elements of Bayes needs the endmember_model"):
        bayes.Bayes(elements=("Ni",))
    assert bayes.Bayes(endmember_model="template", elements=("Ni",))._model() == Template(elements=("Ni",))
