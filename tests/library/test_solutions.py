"""Solutions of chains that disagree: which chains hold the same one, what each weighs, and how draws are pooled."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.data.agreement import MOST_R_HAT
from bayesunmix.data.alignment import spectral_angles
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import joint
from bayesunmix.engine.sampling.chains import Checkpoint
from bayesunmix.engine.sampling.joint import Schedule, sample_jointly
from bayesunmix.engine.sampling.modes import Beginning
from bayesunmix.engine.sampling.solutions import pooled_order, solution_of_chain, weigh
from tests.quick import film


def draws(*means, scatter=0.0, n=20):
    """Chains of spectra about their means; each wanders by `scatter` from its first half to its second."""
    chains = []
    for mean in means:
        mean = np.asarray(mean, float)
        moved = np.clip(mean + scatter * np.roll(mean, 1, axis=1), 0, None)
        chains.append(np.repeat([mean, moved], n // 2, axis=0))
    return np.array(chains)


ONE = [[8, 1, 1, 0], [0, 1, 1, 8]]
OTHER = [[8, 1, 1, 0], [4, 1, 1, 4]]


def test_chains_with_other_spectra_hold_other_solutions_whatever_the_order_of_components():
    assert solution_of_chain(draws(ONE, OTHER, ONE[::-1], OTHER)).tolist() == [0, 1, 0, 1]
    assert solution_of_chain(draws(ONE)).tolist() == [0]


def test_chains_that_wander_as_far_as_they_differ_hold_one_solution():
    near = np.add(ONE, [[0, 1, 0, 0], [0, 0, 1, 0]])
    assert solution_of_chain(draws(ONE, near)).tolist() == [0, 1]
    assert solution_of_chain(draws(ONE, near, scatter=0.2)).tolist() == [0, 0]


def test_what_held_out_photons_cannot_tell_apart_weighs_the_same():
    noise = np.random.default_rng(0).normal(0, 1, (4, 400))
    modes = weigh(np.array([0, 1, 0, 2]), np.add(noise, [[0.0], [0.02], [0.0], [-1.0]]))
    assert sorted(map(tuple, modes["chains"])) == [(0, 2), (1,), (3,)]
    of = dict(zip(map(tuple, modes["chains"]), modes["weights"], strict=True))
    assert of[(0, 2)] == pytest.approx(0.5) and of[(1,)] == pytest.approx(0.5) and of[(3,)] < 1e-9
    assert modes["scores"][0] == 0 and modes["errors"][0] == 0 and max(modes["scores"][1:]) < 0
    # 400 pixels, each of a difference with the standard deviation sqrt(2): the error of the sum.
    assert modes["errors"][-1] == pytest.approx(np.sqrt(2 * 400), rel=0.3)


def test_two_of_three_errors_are_forgiven():
    behind = np.tile([-4.0, 2.0], 50)  # mean -1, standard deviation 3: -100 with an error of 30
    modes = weigh(np.array([0, 1]), np.array([np.zeros(100), behind]))
    assert modes["scores"] == [0, -100] and modes["errors"][1] == pytest.approx(30)
    assert modes["weights"][1] == pytest.approx(np.exp(-40) / (1 + np.exp(-40)))


@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.0, 0.0), (0.75, 0.25), (0.9, 0.1)])
def test_draws_come_from_each_chain_by_its_weight(weights):
    modes = {"chains": [[1], [0]], "weights": list(weights), "scores": [0, 0], "errors": [0, 0]}
    chain, draw = pooled_order(modes, 2, 20)
    assert chain.shape == draw.shape == (2, 20) and draw.min() == 0 and draw.max() == 19
    assert np.bincount(chain.ravel(), minlength=2).tolist() == [round(40 * w) for w in weights[::-1]]
    assert np.count_nonzero(np.diff(chain.ravel())) <= 1, (
        "maps would have to follow from one solution to the next"
    )
    if weights == (0.5, 0.5):
        np.testing.assert_array_equal(draw, np.tile(np.arange(20), (2, 1)))


@dataclass(frozen=True)
class Stuck:
    """Spectra that scatter about those a chain began with, whatever the counts say."""

    def start(self, given, endmembers):
        return jnp.asarray(endmembers), jnp.asarray(endmembers)

    def draw(self, key, counts, given, learned):
        noisy = learned * jax.random.uniform(key, learned.shape, minval=0.99, maxval=1.01)
        return noisy / noisy.sum(axis=1, keepdims=True), learned


@pytest.mark.parametrize("keep_maps", [False, True])
def test_a_chain_stuck_in_a_worse_solution_gives_no_draws(monkeypatch, keep_maps):
    trial = film()
    truth = trial.truth.endmembers / trial.truth.endmembers.sum(axis=1, keepdims=True)
    truth = truth.astype(np.float32)
    even = np.repeat(trial.image.total_map().reshape(1, -1) / 3, 3, axis=0).astype(np.float32) + 1e-3
    begins = [Beginning(even, truth[[0, 0, 2]]), Beginning(even, truth)]
    monkeypatch.setattr(joint, "_begin", lambda *a: begins)
    compositions = ABUNDANCE_PRIORS["dirichlet"]()
    sampled = sample_jointly(
        trial.image,
        ENDMEMBER_MODELS["smooth"]().prepare(trial.image, 3),
        Stuck(),
        prior=compositions,
        compositions=compositions,
        key=random_key(0),
        n_chains=2,
        schedule=Schedule(block=20, thin=4, n_warmup=1, n_blocks=4, again=False),
        keep_maps=keep_maps,
        occupied_only=not keep_maps,
        kept=Checkpoint(None, ""),
    )
    modes, posterior = sampled.modes, sampled.posterior
    assert modes["chains"] == [[1], [0]] and modes["weights"][0] > 0.999
    assert modes["scores"][1] < -10 * modes["errors"][1] < 0
    angles = spectral_angles(truth, posterior.endmembers.reshape(-1, *truth.shape).mean(axis=0))
    assert angles.min(axis=1).max() < 1
    # Maps follow their endmembers, and the statistics are still those of the chains that disagree.
    assert posterior.abundances.shape[:2] == (2, 4 if keep_maps else 1)
    shares = posterior.abundances.sum(axis=2) / posterior.abundances.sum(axis=(2, 3))[..., None]
    np.testing.assert_allclose(shares, np.broadcast_to(shares[1, 0], shares.shape), atol=0.05)
    assert not posterior.diagnostics()["r_hat"] < MOST_R_HAT
