"""Simulation-based calibration of the endmember model `template` on twelve channels, all photons labelled.

Truths come from the prior in plain NumPy (`tests.tiny_template`), and chains start from another draw of it.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from bayesunmix.engine.device.threefry import random_key
from bayesunmix.models.endmember_models import template as module
from bayesunmix.models.endmember_models._dictionary import spectra_of
from tests import tiny_template as tiny

N, DRAWS, THIN, WARMUP = 150, 39, 40, 5
BINS = 10
COUNTS = np.array([[150], [40]])


def quantities(spectra, learned, counts):
    """What must rank evenly, of one state."""
    shares, pyramid = learned
    template = jnp.maximum(spectra_of(tiny.known().fine, shares), 1e-12)
    spectra = jnp.maximum(spectra, 1e-12)
    return jnp.stack(
        [
            spectra[0, 3],
            spectra[1, 9],
            (counts * jnp.log(spectra)).sum(),
            (counts * jnp.log(template)).sum(),
            (template * (jnp.log(spectra) - jnp.log(template)) ** 2).sum(),
            shares.families[0, 0],
            shares.continuum[0, 0],
            shares.curves[0, 0],
            *shares.calibration,
            pyramid.log_weights[0, 0, 0, 0],
            pyramid.log_moves[0, 0, 0, 0],
        ]
    )


def p_values():
    """Test the ranks of every quantity for uniformity."""
    rng = np.random.default_rng(8)
    truth, start = tiny.from_prior(rng, N), tiny.from_prior(rng, N)
    counts = jnp.asarray(rng.poisson(COUNTS * truth.spectra), jnp.int32)
    draw, measure = tiny.drawing(), jax.vmap(quantities)

    @jax.jit
    def run(learned, key):
        def sweep(state, key):
            return draw(jax.random.split(key, N), counts, state[1]), None

        def one(state, key):
            state, _ = jax.lax.scan(sweep, state, jax.random.split(key, THIN))
            return state, measure(*state, counts)

        begun = jnp.asarray(start.spectra, jnp.float32), learned
        return jax.lax.scan(one, begun, jax.random.split(key, WARMUP + DRAWS))[1][WARMUP:]

    drawn = np.asarray(run(tiny.learned_of(start), random_key(4)))
    true = np.asarray(measure(jnp.asarray(truth.spectra, jnp.float32), tiny.learned_of(truth), counts))
    ranks = (drawn < true).sum(axis=0)
    counted = [np.bincount(rank * BINS // (DRAWS + 1), minlength=BINS) for rank in ranks.T]
    return stats.chisquare(counted, axis=1).pvalue


def test_ranks_are_uniform():
    assert p_values().min() > 3e-4


def test_templates_drawn_as_if_nothing_deviated_are_found(monkeypatch):
    """The cut that the prototype made: deviations do not tell the template that it is less sure."""
    monkeypatch.setattr(
        module, "log_evidence", lambda tree, weighed, pyramid: weighed.by_kind[:, 0].sum(axis=1)
    )
    assert p_values().min() < 1e-5
