"""Where chains begin: the mode in which a rare phase has an endmember, and grains that are as common as one another."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.engine.device.threefry import random_key
from bayesunmix.engine.sampling import modes
from bayesunmix.engine.sampling.modes import find_modes, likelier
from simulations import PHANTOMS, acquire

MODEL, COMPOSITIONS = ENDMEMBER_MODELS["smooth"](), ABUNDANCE_PRIORS["dirichlet"]()


def begin(image, n_components, n_chains=2, seed=0):
    prepared = MODEL.prepare(image, n_components)
    return find_modes(
        image, prepared, MODEL, compositions=COMPOSITIONS, key=random_key(seed), n_chains=n_chains
    )


@pytest.fixture(scope="module")
def foil():
    return acquire(PHANTOMS["trace_precipitates"]((64, 64)), 10, 0)


def commonest(maps):
    shares = maps.sum(axis=1)
    return shares.max() / shares.sum()


def test_the_matrix_stays_whole_where_precipitates_are_rare(foil, monkeypatch):
    """Without the sweeps in which one component prevails, chains split it in two."""
    truth = commonest(foil.truth.abundances.T)
    for maps, _ in begin(foil.image, 3):
        assert commonest(maps) == pytest.approx(truth, abs=0.05)
    monkeypatch.setattr(modes, "PREVAILS", 1.1)  # never: chains begin again with free compositions
    assert min(commonest(maps) for maps, _ in begin(foil.image, 3)) < truth - 0.15


@pytest.mark.parametrize("most_photons", [modes.MOST_SHORT_CHAIN_PHOTONS, 30_000])
def test_common_phases_are_found_and_all_pixels_begin(foil, most_photons, monkeypatch):
    """Where all superpixels are taken, and where a quarter of them is left out."""
    monkeypatch.setattr(modes, "MOST_SHORT_CHAIN_PHOTONS", most_photons)
    trial = acquire(PHANTOMS["nicr_film"](n_channels=foil.image.n_channels), 10, 0)
    assert 35_000 < trial.image.n_photons < 500_000
    for maps, endmembers in begin(trial.image, 3):
        assert maps.shape == (3, trial.image.n_pixels) and maps.min() > 0
        assert maps.sum() == pytest.approx(trial.image.n_photons, rel=0.1)
        angles = bu.spectral_angles(trial.truth.endmembers, endmembers)
        assert sorted(angles.argmin(axis=1)) == [0, 1, 2] and angles.min(axis=1).max() < 12


def test_the_likelier_half_begins_and_the_best_twice_instead_of_one_far_below():
    noise = np.random.default_rng(0).normal(0, 30, modes.SWEEPS)
    drawn = [noise - 1000, noise - 20, noise - 500, noise]
    assert likelier(drawn, 2) == [3, 1]
    assert likelier(drawn, 3) == [3, 1, 3]
    assert likelier(drawn, 1) == [3]


def test_one_key_one_beginning(foil):
    image = foil.image.rebin((4, 4))
    one, same, other = (begin(image, 3, n_chains=1, seed=seed)[0] for seed in (0, 0, 1))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_a_mask_leaves_every_photon_to_a_pixel_that_takes_part(foil):
    mask = np.ones(foil.image.navigation_shape, bool)
    mask[:, :21] = False
    image = foil.image.within(mask)
    for maps, _ in begin(image, 3):
        assert maps[:, image.takes_part].sum() == pytest.approx(image.n_photons, rel=0.05)
