"""Mixtures without a pure pixel: what counts leave open is wide."""

import numpy as np

import bayesunmix as bu


def mixture(n_components, counts, purest=0.75, side=12, n_channels=40, seed=0):
    """Endmembers of overlapping peaks on a rough continuum, and abundances without a pure pixel."""
    rng = np.random.default_rng(seed)
    x, centres = np.arange(n_channels), np.linspace(8, n_channels - 8, n_components)
    endmembers = np.exp(-0.5 * ((x - centres[:, None]) / 4) ** 2)
    endmembers += 0.03 * rng.gamma(2, size=endmembers.shape)
    endmembers /= endmembers.sum(axis=1, keepdims=True)
    fractions = rng.dirichlet(np.full(n_components, 0.6), side * side)
    grey = (fractions.max() - purest) / (fractions.max() - 1 / n_components)
    fractions = np.maximum((1 - grey) * fractions + grey / n_components, 0)
    return bu.Factorization(endmembers, counts * fractions)


def picture(counts):
    side = int(np.sqrt(len(counts)))
    return bu.SpectrumImage(
        counts.astype(np.int64).reshape(side, side, -1), 1 + 0.1 * np.arange(counts.shape[1])
    )
