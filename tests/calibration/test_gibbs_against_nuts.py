"""NUTS and Gibbs share nothing but the formulas of their model: each checks the other on a tiny image."""

import arviz_stats
import numpy as np
import pytest

import bayesunmix as bu

SHAPE, RATE, CONCENTRATION = 1.5, 0.05, 0.8


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(5)
    endmembers = np.array([[0.55, 0.25, 0.1, 0.05, 0.03, 0.02], [0.02, 0.03, 0.05, 0.2, 0.3, 0.4]])
    return rng.poisson(rng.gamma(2.0, 12.0, (9, 2)) @ endmembers)


def free_of_numbering(endmembers, abundances):
    """(chain, draw, quantity): quantities that do not depend on which component is called first."""
    gram = np.einsum("...kc,...jc->...kj", endmembers, endmembers)
    rate = np.einsum("...pk,...kc->...pc", abundances, endmembers)
    shares = abundances / abundances.sum(axis=-1, keepdims=True)
    columns = [
        abundances.sum(axis=(-2, -1)),
        np.trace(gram, axis1=-2, axis2=-1),
        gram[..., 0, 1],
        (shares**2).sum(axis=-1).mean(axis=-1),
        *np.moveaxis(rate.reshape(*rate.shape[:2], -1)[..., ::7], -1, 0),
    ]
    return np.stack(columns, axis=-1)


def test_means_and_spreads_agree(counts):
    image = bu.SpectrumImage(counts, np.arange(6.0))
    settings = {"abundance_shape": SHAPE, "abundance_rate": RATE, "endmember_concentration": CONCENTRATION}
    gibbs = bu.unmix(image, 2, "bayes_gibbs", n_chains=2, n_warmup=1000, n_draws=8_000, **settings).posterior
    nuts = bu.unmix(
        image, 2, "bayes_nuts", superpixel=1, n_chains=1, n_warmup=500, n_draws=2500, **settings
    ).posterior
    ours, theirs = (
        free_of_numbering(draws.endmembers.astype(float), draws.abundances.astype(float))
        for draws in (gibbs, nuts)
    )
    for quantities in (ours, theirs):
        effective = [arviz_stats.ess(q, chain_axis=0, draw_axis=1) for q in np.moveaxis(quantities, -1, 0)]
        assert min(effective) > 400
    sd = theirs.std(axis=(0, 1))
    assert np.abs((ours.mean(axis=(0, 1)) - theirs.mean(axis=(0, 1))) / sd).max() < 0.15
    ratio = ours.std(axis=(0, 1)) / sd
    assert ratio.min() > 0.9 and ratio.max() < 1.1
