"""What every method must do with a mask, whoever wrote it: what it hides is not there.

An image keeps nothing of what lies under its mask (`tests/library/test_masks.py`), so a method cannot see it.
"""

import numpy as np
import pytest

import bayesunmix as bu
from tests.quick import N_COMPONENTS, SEED, SETTINGS, every_method, film, unmixed

# Random numbers of theirs go to every pixel of the grid: with a mask they are others, of the same distribution.
DRAWN_ON_THE_GRID = {"bayes", "bayes_gibbs", "bayes_nuts"}


@pytest.fixture(scope="module")
def image():
    """The film, and beside it columns of garbage under the mask. Superpixels hold pixels of one or of the other."""
    counts = film().image.dense().astype(np.int64)
    garbage = np.random.default_rng(0).integers(-9, 900, (len(counts), 8, counts.shape[2]))
    mask = np.arange(counts.shape[1] + 8) < np.full((len(counts), 1), counts.shape[1])
    return bu.SpectrumImage(np.hstack([counts, garbage]), film().image.energy_kev, mask=mask)


@pytest.fixture(scope="module", params=every_method())
def masked(request, image):
    settings = SETTINGS.get(request.param, {})
    return request.param, bu.unmix(image, N_COMPONENTS, request.param, seed=SEED, **settings)


def test_of_pixels_that_take_no_part_nothing_is_said(masked, image):
    _, result = masked
    outside = ~image.takes_part
    assert outside.any() and not result.estimate.abundances[outside].any()
    assert result.labels is None or (result.labels[outside] == -1).all()
    if result.posterior is not None:
        assert not result.posterior.abundances[:, :, outside].any()
        assert not result.posterior.mean().abundances[outside].any()
        assert not result.posterior.sd().abundances[outside].any()
        # Where nothing was counted, no replicate of a bootstrap scatters.
        counted = image.total_map().ravel() > 0
        assert result.posterior.sd().abundances[counted].any(axis=1).all()
    np.testing.assert_array_equal(result.grid.mask, image.mask)


def test_pixels_that_take_part_are_unmixed_as_if_cut_out(masked, image):
    name, result = masked
    cut = unmixed(name)
    inside = result.estimate.abundances[image.takes_part]
    if name not in DRAWN_ON_THE_GRID:
        np.testing.assert_allclose(result.estimate.endmembers, cut.estimate.endmembers, atol=1e-9)
        np.testing.assert_allclose(inside, cut.estimate.abundances, atol=1e-9)
        # bayes_cavi draws its maps on the grid, and first.
        if result.posterior is not None and name != "bayes_cavi":
            np.testing.assert_allclose(result.posterior.endmembers, cut.posterior.endmembers, atol=1e-6)
        return
    order = bu.match(cut.estimate.endmembers, result.estimate.endmembers)
    angles = bu.spectral_angles(cut.estimate.endmembers, result.estimate.endmembers[order])
    assert np.diagonal(angles).max() < 1.5
    # A mean over compositions with exact zeros may be 0 with no spread, where other random numbers give a little.
    near = np.maximum(0.7 * cut.posterior.sd().abundances, 0.02 * cut.estimate.abundances.sum(axis=1).mean())
    assert (np.abs(inside[:, order] - cut.estimate.abundances) < near).mean() > 0.95
