"""What every method must do with a mask, whoever wrote it: what it hides is not there."""

import json

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.method import METHODS
from simulations.phantom import PHANTOMS
from simulations.trial import acquire

QUICK = {
    "bayes": {"n_warmup": 40, "n_draws": 40, "n_maps": 40},
    "bayes_gibbs": {"n_warmup": 30, "n_draws": 40},
    "bayes_cavi": {"n_draws": 30},
    "bayes_nuts": {"n_warmup": 20, "n_draws": 60, "n_chains": 1},
    "bootstrap": {"n_replicates": 20},
    "fisher_conditional": {"n_draws": 40},
    "fisher_joint": {"n_draws": 40},
}
# Random numbers of theirs go to every pixel of the grid: with a mask they are others, of the same distribution.
DRAWN_ON_THE_GRID = {"bayes", "bayes_gibbs", "bayes_nuts"}
MEASURED = {"fit_seconds", "compile_seconds", "peak_mib"}


@pytest.fixture(scope="module")
def counts():
    image = acquire(PHANTOMS["nicr_film"](shape=(16, 32), pixel_nm=12.0, n_channels=300), 40, 1).image
    return image.dense().astype(np.int64), image.energy_kev


@pytest.fixture(scope="module")
def mask(counts):
    left = np.zeros(counts[0].shape[:2], bool)
    left[:, :16] = True
    return left


@pytest.fixture(scope="module", params=list(METHODS))
def masked(request, counts, mask):
    settings = QUICK.get(request.param, {})
    image = bu.SpectrumImage(*counts, mask=mask)
    return request.param, settings, bu.unmix(image, 3, request.param, seed=4, **settings)


def test_what_lies_under_the_mask_changes_nothing(masked, counts, mask):
    name, settings, result = masked
    dense, energy_kev = counts
    garbage = np.where(mask[..., None], dense, np.random.default_rng(0).integers(-9, 900, dense.shape))
    again = bu.unmix(bu.SpectrumImage(garbage, energy_kev, mask=mask), 3, name, seed=4, **settings)
    np.testing.assert_array_equal(again.estimate.endmembers, result.estimate.endmembers)
    np.testing.assert_array_equal(again.estimate.abundances, result.estimate.abundances)
    if result.posterior is not None:
        np.testing.assert_array_equal(again.posterior.endmembers, result.posterior.endmembers)
        np.testing.assert_array_equal(again.posterior.abundances, result.posterior.abundances)
    said, said_again = (
        json.dumps({key: value for key, value in r.info.items() if key not in MEASURED})
        for r in (result, again)
    )
    assert said == said_again


def test_of_pixels_that_take_no_part_nothing_is_said(masked, mask):
    _, _, result = masked
    outside = ~mask.ravel()
    assert not result.estimate.abundances[outside].any()
    assert result.labels is None or (result.labels[outside] == -1).all()
    if result.posterior is not None:
        assert not result.posterior.abundances[:, :, outside].any()
        assert not result.posterior.mean().abundances[outside].any()
        assert not result.posterior.sd().abundances[outside].any()
        assert result.posterior.sd().abundances[~outside].all()
    np.testing.assert_array_equal(result.grid.mask, mask)


def test_pixels_that_take_part_are_unmixed_as_if_cut_out(masked, counts, mask):
    name, settings, result = masked
    dense, energy_kev = counts
    cut = bu.unmix(bu.SpectrumImage(dense[:, :16], energy_kev), 3, name, seed=4, **settings)
    inside = result.estimate.abundances[mask.ravel()]
    if name not in DRAWN_ON_THE_GRID:
        np.testing.assert_allclose(result.estimate.endmembers, cut.estimate.endmembers, atol=1e-9)
        np.testing.assert_allclose(inside, cut.estimate.abundances, atol=1e-9)
        if (
            result.posterior is not None and name != "bayes_cavi"
        ):  # which draws its maps on the grid, and first
            np.testing.assert_allclose(result.posterior.endmembers, cut.posterior.endmembers, atol=1e-6)
        return
    order = bu.match(cut.estimate.endmembers, result.estimate.endmembers)
    angles = bu.spectral_angles(cut.estimate.endmembers, result.estimate.endmembers[order])
    assert np.diagonal(angles).max() < 1.5
    near = 0.7 * cut.posterior.sd().abundances
    assert (np.abs(inside[:, order] - cut.estimate.abundances) < near).mean() > 0.95
