"""The multiscale prior against a pyramid in plain NumPy and SciPy's distributions.

Maps of one call are independent given their counts, so thousands of maps with the same counts are as many draws.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.multiscale import rates as multiscale
from bayesunmix.engine.multiscale.rates import SHAPES, draw_rates, first_pyramid, levels_of

draw = jax.jit(draw_rates)
KINDS = 1 + len(SHAPES)
GRID, OFFSETS = (3, 2), np.array([1, 1, 0])
EXPOSURE = np.array([[1, 1], [1, 0], [1, 1]], np.float32)
N = 20_000


class Pyramid:
    """For every level, which node and which half of it each cell of the level below belongs to."""

    def __init__(self, exposure, offsets):
        self.levels, cells = [], np.array(exposure, float)
        for level, offset in zip(levels_of(exposure.shape), offsets, strict=True):
            place = list(np.indices(cells.shape))
            half = place[level.axis] + (offset if level.pairs > 1 else 0)
            place[level.axis], half = half // 2, half % 2
            shape = list(cells.shape)
            shape[level.axis] = level.pairs
            pixels = np.zeros((*shape, 2))
            np.add.at(pixels, (*place, half), cells)
            self.levels.append((tuple(place), half, pixels))
            cells = pixels.sum(axis=-1)

    def cells(self, total, split):
        """Go down from totals (n,): `split(level, w, real)` gives the share of the first half, (n, *nodes)."""
        rates = total.reshape(-1, *(1,) * self.levels[0][2].ndim)[..., 0]
        for i in reversed(range(len(self.levels))):
            place, half, pixels = self.levels[i]
            real = (pixels > 0).all(axis=-1)
            w = np.where(real, pixels[..., 0] / np.maximum(pixels.sum(axis=-1), 1), pixels[..., 0] > 0)
            share = np.where(real, split(i, np.where(real, w, 0.5)), w)
            both = np.stack([rates * share, rates * (1 - share)], axis=-1)
            rates = both[(slice(None), *place, half)]
        return rates


def repeated(counts, n=N):
    return jnp.asarray(np.repeat(np.asarray(counts, np.float32)[None], n, axis=0))


def random_rows(rng, prior, n):
    """Dirichlet draws of every row of a prior for n maps and every level, (n, levels, 2, columns)."""
    return np.stack([rng.dirichlet(row, (n, len(OFFSETS))) for row in prior], axis=2)


def mixture(n, m, w, prior):
    """Posterior of a split, by SciPy: probability of every kind, and Beta distributions of all but the even one."""
    evidence = [stats.binom.pmf(n, n + m, w)]
    evidence += [stats.betabinom.pmf(n, n + m, 2 * s * w, 2 * s * (1 - w)) for s in SHAPES]
    weight = prior * np.array(evidence)
    return weight / weight.sum(), [stats.beta(n + 2 * s * w, m + 2 * s * (1 - w)) for s in SHAPES]


@pytest.mark.parametrize(
    ("counts", "even"),
    [
        *(([0, 0, 0], 2 / 3), ([1, 0, 0], 2 / 3), ([3, 4, 1], 2 / 3), ([30, 35, 35], 2 / 3)),
        *(
            ([900, 0, 400], 2 / 3),
            ([200_000, 200_500, 200_100], 2 / 3),
            ([5, 0, 9], 1 / 2),
            ([0, 0, 0], 1 / 2),
        ),
    ],
)
def test_a_split_is_drawn_from_its_posterior(counts, even):
    """Three cells in a row, or two and a masked one between them: the upper node splits two cells from one."""
    exposure = jnp.asarray([1, float(even > 0.6), 1])
    prior = np.array([0.3, 0.1, 0.25, 0.2, 0.15])
    log_weights = jnp.asarray(np.broadcast_to(np.log(prior), (N, 2, 2, KINDS)), jnp.float32)
    pyramid = first_pyramid((3,), N)._replace(log_weights=log_weights)
    rates, moved = draw(random_key(5), repeated(counts), exposure, pyramid)
    rates, weights = np.asarray(rates, float), np.exp(np.asarray(moved.log_weights))
    total = rates.sum(axis=1)
    assert stats.kstest(total, stats.gamma(sum(counts) + 0.5).cdf).pvalue > 1e-4
    share = rates[:, :2].sum(axis=1) / total
    # Where nothing tells kinds apart, they are drawn from the new weights, which are then as their prior has them.
    told = sum(counts) > 1
    learned = np.array(multiscale.PRIOR_WEIGHTS)
    size = learned.sum(axis=1, keepdims=True)
    probability, betas = mixture(
        sum(counts[:2]), counts[2], even, prior if told else (learned / size).mean(axis=0)
    )
    spike = np.abs(share - even) < 1e-6
    missed = sum(
        p * (b.cdf(even + 1e-6) - b.cdf(even - 1e-6)) for p, b in zip(probability[1:], betas, strict=True)
    )
    expected = probability[0] + missed
    assert abs(spike.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / N) + 1e-4
    if (~spike).sum() > 100:
        conditional = probability[1:] / probability[1:].sum()
        pvalue = stats.kstest(
            share[~spike], lambda x: sum(p * b.cdf(x) for p, b in zip(conditional, betas, strict=True))
        ).pvalue
        assert pvalue > 1e-4
    # One node a level, as likely quiet as lively: the weights of its state are Dirichlet with one more of its kind.
    assert np.abs(
        weights[:, 1].mean(axis=0) - learned / size - told / 2 * (probability - learned / size) / (size + 1)
    ).max() < 4 * weights[:, 1].std(axis=0).max() / np.sqrt(N)


def test_weights_of_a_level_without_two_halves_come_from_their_prior():
    exposure = jnp.asarray([1.0, 0, 1])  # at offset 0 neither pair of the lower level has two halves
    _, moved = draw(random_key(0), repeated([5, 0, 9]), exposure, first_pyramid((3,), N))
    for state, prior in enumerate(multiscale.PRIOR_WEIGHTS):
        for kind, mine in zip(
            np.exp(np.asarray(moved.log_weights[:, 0, state], float)).T, prior, strict=True
        ):
            assert stats.kstest(kind, stats.beta(mine, sum(prior) - mine).cdf).pvalue > 1e-4


def prior_draws(rng, n, handed_down=True):
    """Cell shares, weights and moves from the prior, in plain NumPy; where nothing is handed down, all are quiet."""
    pyramid, every = Pyramid(EXPOSURE, OFFSETS), np.arange(n)[:, None, None]
    weights = random_rows(rng, multiscale.PRIOR_WEIGHTS if handed_down else np.ones((2, KINDS)), n)
    moves = random_rows(rng, multiscale.PRIOR_MOVES, n) if handed_down else np.zeros((*weights.shape[:-1], 0))
    lively = [rng.integers(0, 1 + handed_down, (n, 1, 1))]
    for i in reversed(range(1, len(OFFSETS))):
        parent = lively[0][(slice(None), *pyramid.levels[i][0])]
        chance = moves[every, i - 1, parent, 1] if handed_down else 0
        lively.insert(0, (rng.random(parent.shape) < chance).astype(int))

    def split(level, w):
        heaped = weights[every, level, lively[level]].cumsum(axis=-1)[..., :-1]
        kind = (rng.random((n, *w.shape, 1)) > heaped).sum(axis=-1)
        concentration = 2 * np.array([1.0, *SHAPES])[kind]
        return np.where(kind == 0, w, rng.beta(concentration * w, concentration * (1 - w)))

    return pyramid.cells(np.ones(n), split), weights, moves


def moments(shares, weights, moves):
    """Functions of cells (n, *GRID), weights and moves that any fault should show in."""
    p, w = shares[:, EXPOSURE > 0], np.concatenate([weights, moves], axis=-1).reshape(len(weights), -1)
    products = np.einsum("ni,nj->nij", p, p)[:, *np.triu_indices(p.shape[1])]
    difference = (p[:, 1:] - p[:, :-1]) ** 2
    return np.hstack([p, products, w, w**2, (difference[:, :, None] * w[:, None]).reshape(len(p), -1)])


def joint_z(total=30, more_counts=0.0, offsets=OFFSETS, weigh=0.0, steps=4, n=N, handed_down=True, draw=draw):
    """Largest |z| between moments of the prior, and of what draws from prior and data in turn give [Geweke 2004].

    The total has an improper prior, so it is given here: splits do not depend on it but through the counts.
    """
    rng = np.random.default_rng(11)
    shares, *learned = prior_draws(rng, n, handed_down)
    for step in range(steps):
        counts = rng.poisson(total * shares) + more_counts * EXPOSURE
        log_weights, log_moves = (jnp.log(jnp.asarray(rows, jnp.float32)) for rows in learned)
        log_weights += jnp.asarray([weigh, *[0] * len(SHAPES)])
        pyramid = first_pyramid(GRID, n, handed_down)._replace(
            log_weights=log_weights,
            log_moves=log_moves if handed_down else None,
            offsets=jnp.asarray(offsets),
        )
        rates, moved = draw(
            random_key(step), jnp.asarray(counts, jnp.float32), jnp.asarray(EXPOSURE), pyramid
        )
        rates = np.asarray(rates, float)
        shares = rates / rates.sum(axis=(1, 2), keepdims=True)
        learned[: 1 + handed_down] = [np.exp(np.asarray(rows, float)) for rows in moved[: 1 + handed_down]]
    others = prior_draws(np.random.default_rng(12), 4 * n, handed_down)
    drawn, expected = moments(shares, *learned), moments(*others)
    spread = np.sqrt(drawn.var(axis=0) / n + expected.var(axis=0) / (4 * n))
    return np.abs((drawn.mean(axis=0) - expected.mean(axis=0)) / spread).max()


@pytest.fixture
def distinct(monkeypatch):
    """A prior whose states and moves all differ, weak enough for faults in what is learned to show on a tiny grid."""
    monkeypatch.setattr(multiscale, "PRIOR_WEIGHTS", ((3.0, 0.3, 0.2, 0.5, 1.0), (0.2, 3.0, 0.5, 0.3, 0.4)))
    monkeypatch.setattr(multiscale, "PRIOR_MOVES", ((4.0, 0.5), (1.0, 1.5)))


@pytest.mark.parametrize("total", [3, 30])
def test_prior_and_posterior_draws_agree_jointly(total):
    assert joint_z(total) < 4


def test_nodes_that_hand_nothing_down_agree_jointly():
    assert joint_z(handed_down=False) < 4
    assert joint_z(handed_down=False, weigh=np.log(2)) > 6


@pytest.mark.parametrize("total", [3, 300])
def test_another_prior_agrees_jointly(total, distinct):
    assert joint_z(total) < 4


@pytest.mark.parametrize(
    "fault",
    [{"more_counts": 0.5}, {"offsets": np.array([1, 0, 0])}, {"weigh": np.log(2)}],
    ids=["half a count more in every cell", "pairs begin elsewhere", "even splits weigh twice as much"],
)
def test_the_joint_test_sees_a_planted_fault(fault, distinct):
    assert joint_z(**fault) > 6


FAULTS = (
    "no messages from below",
    "messages with moves turned round",
    "tallies of moves turned round",
    "tallies of the other state",
)


@jax.jit
def draw_with_fault(which, *given):
    """Draw with one of `FAULTS`, by number, so that it is compiled once; any other number leaves all as it is."""
    send, learn = multiscale.messages, multiscale.learn_weights

    def messages(tree, evidence, log_moves):
        log_moves = jnp.where(which == 1, log_moves.swapaxes(-1, -2), log_moves)
        return jnp.where(which == 0, evidence, send(tree, evidence, log_moves))

    def learn_weights(key, of_kinds, of_moves, total, pyramid):
        of_moves = jnp.where(which == 2, of_moves.swapaxes(-1, -2), of_moves)
        of_kinds = jnp.where(which == 3, of_kinds[..., ::-1, :], of_kinds)
        return learn(key, of_kinds, of_moves, total, pyramid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiscale, "messages", messages)
        patch.setattr(multiscale, "learn_weights", learn_weights)
        return draw_rates(*given)


@pytest.mark.parametrize("which", range(len(FAULTS)), ids=FAULTS)
def test_the_joint_test_sees_a_fault_in_the_tree(which, distinct):
    assert joint_z(300, draw=partial(draw_with_fault, which)) > 6


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_a_pyramid_leads_to_one_node(shape):
    cells = list(shape)
    for level in levels_of(tuple(shape)):
        assert cells[level.axis] == level.n > 1
        for offset in (0, 1) if level.pairs > 1 else (0,):
            assert level.n + offset <= 2 * level.pairs
        cells[level.axis] = level.pairs
    assert cells == [1] * len(shape)


@given(
    st.sampled_from([(1,), (1, 3, 2)]),
    st.integers(0, 10**6),
    st.sampled_from([0, 0.4, 1]),
)
@settings(max_examples=15, deadline=None)
def test_any_shape_and_mask(shape, seed, masked):
    """Many counts leave no doubt about the rates: each cell gets its own back, and a masked one nothing."""
    rng = np.random.default_rng(seed)
    exposure = (rng.random(shape) >= masked).astype(np.float32)
    counts = (rng.integers(0, 2, (2, *shape)) * 1e6 * exposure).astype(np.float32)
    blocks = first_pyramid(shape, 2).move(random_key(seed))
    assert blocks.offsets.shape == blocks.log_moves.shape[1:2] and set(np.unique(blocks.offsets)) <= {0, 1}
    rates, moved = draw(random_key(seed), jnp.asarray(counts), jnp.asarray(exposure), blocks)
    rates = np.asarray(rates, float)
    assert rates.shape == counts.shape and (rates[:, exposure == 0] == 0).all()
    assert np.abs((rates - counts) / np.sqrt(counts + 10)).max() < 6
    for rows in moved[:2]:
        np.testing.assert_allclose(np.exp(np.asarray(rows, float)).sum(axis=-1), 1, rtol=1e-5)


def test_no_rate_is_lost_outside_or_under_a_mask():
    """The sum over cells is the total that was drawn, whatever the offsets."""
    counts = np.array([[3, 0], [2, 0], [0, 1]])
    for offsets in ([0, 0, 0], [0, 1, 0], [1, 1, 1]):
        rates, _ = draw(
            random_key(2),
            repeated(counts),
            jnp.asarray(EXPOSURE),
            first_pyramid(GRID, N)._replace(offsets=jnp.asarray(offsets)),
        )
        total = np.asarray(rates, float).sum(axis=(1, 2))
        assert stats.kstest(total, stats.gamma(6.5).cdf).pvalue > 1e-4
