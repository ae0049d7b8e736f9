"""Components come in the order of their share of the counts, whatever the random start."""

from dataclasses import dataclass

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.data.order import by_share, sorted_in_place
from tests.quick import SETTINGS, film

RNG = np.random.default_rng(0)
ENDMEMBERS = RNG.dirichlet(np.ones(12), 3)
ABUNDANCES = RNG.gamma(2, [2.0, 9.0, 5.0], (20, 3))
IMAGE = bu.SpectrumImage(RNG.poisson(ABUNDANCES @ ENDMEMBERS) + 1, np.arange(1.0, 13.0))
LARGEST_FIRST = [1, 2, 0]


@dataclass(frozen=True)
class Stub:
    """A method that numbers its components by chance: the key decides."""

    signed: bool = False
    names: tuple[str, ...] = ()
    known: tuple[bool, ...] = ()

    def fit(self, image, n_components, key):
        import jax

        chance = np.random.default_rng(np.asarray(jax.random.key_data(key))).permutation(3)
        draws = np.random.default_rng(1).gamma(50, 1 / 50, (2, 9, 1, 1))
        posterior = bu.Posterior(
            ENDMEMBERS * draws,
            ABUNDANCES * draws[:, :5],
            {"log_likelihood": draws[..., 0, 0]},
            abundance_mean=ABUNDANCES + 0.1,
            abundance_sd=0.1 * ABUNDANCES,
            partners=np.array([8, 0, 3, 1, 1]),
        )
        found = bu.Unmixing(
            bu.Factorization(ENDMEMBERS - (0.3 if self.signed else 0), ABUNDANCES),
            posterior,
            {"recalibration": {"0.5": [[0.0], [1.0], [2.0]]}, "area_fractions": [0.0, 1.0, 2.0]},
            labels=np.arange(-1, 19) % 4 - 1,
            names=self.names,
            known=self.known,
        )
        moved = found.reorder(chance)
        return bu.Unmixing(
            moved.estimate, moved.posterior, moved.info, moved.labels, names=self.names, known=self.known
        )


def fit(seed, **settings):
    return bu.unmix(IMAGE, 3, Stub(**settings), seed=seed, verdicts=False)


@pytest.mark.parametrize("seed", range(6))
def test_everything_is_sorted_by_one_permutation(seed):
    found = fit(seed)
    order = LARGEST_FIRST
    np.testing.assert_allclose(found.estimate.endmembers, ENDMEMBERS[order])
    np.testing.assert_allclose(found.estimate.abundances, ABUNDANCES[:, order])
    draws = np.random.default_rng(1).gamma(50, 1 / 50, (2, 9, 1, 1))
    np.testing.assert_array_equal(found.posterior.endmembers, (ENDMEMBERS * draws)[:, :, order])
    np.testing.assert_array_equal(found.posterior.abundances, (ABUNDANCES * draws[:, :5])[..., order])
    np.testing.assert_array_equal(found.posterior.abundance_mean, (ABUNDANCES + 0.1)[:, order])
    np.testing.assert_array_equal(found.posterior.abundance_sd, (0.1 * ABUNDANCES)[:, order])
    assert found.posterior.partners.tolist() == [8, 0, 3, 1, 1]
    before = np.arange(-1, 19) % 4 - 1
    np.testing.assert_array_equal(found.labels, np.where(before < 0, -1, np.argsort(order)[before]))
    assert found.info["recalibration"] == {"0.5": [[1.0], [2.0], [0.0]]}
    assert found.info["area_fractions"] == [1.0, 2.0, 0.0]
    assert found.names == ("component 0", "component 1", "component 2")


@pytest.mark.parametrize(
    "settings",
    [{"signed": True}, {"names": ("Si", "Cr", "Ni")}, {"known": (True, False, False)}],
    ids=["signed", "named", "known"],
)
def test_an_order_that_has_a_meaning_is_kept(settings):
    orders = {
        tuple(np.argsort(fit(seed, **settings).estimate.abundances.sum(axis=0)).tolist()) for seed in range(6)
    }
    assert len(orders) > 1, "as the stub gave them"
    assert fit(0, **settings).names == settings.get("names", ("component 0", "component 1", "component 2"))


def test_equal_shares_do_not_depend_on_chance():
    equal = np.ones((4, 3))
    for chance in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        estimate = bu.Factorization(ENDMEMBERS, equal).reorder(chance)
        found = sorted_in_place(bu.Unmixing(estimate)).estimate.endmembers
        centres = found @ np.arange(12)
        assert (np.diff(centres) > 0).all()
    assert by_share(bu.Factorization(ENDMEMBERS, ABUNDANCES)).tolist() == LARGEST_FIRST


def test_draws_that_may_not_be_written_are_left_alone():
    draws = np.broadcast_to(ABUNDANCES.astype(np.float32), (1, 4, 20, 3))
    spectra = np.broadcast_to(ENDMEMBERS, (1, 4, 3, 12))
    found = bu.Unmixing(bu.Factorization(ENDMEMBERS, ABUNDANCES), bu.Posterior(spectra, draws))
    moved = sorted_in_place(found)
    np.testing.assert_array_equal(moved.posterior.abundances, draws[..., LARGEST_FIRST])
    np.testing.assert_array_equal(found.posterior.abundances[0, 0], ABUNDANCES.astype(np.float32))


@pytest.mark.parametrize("method", ["nmf", "nmf_semi", "ica", "fisher_conditional"])
def test_the_next_seed_gives_the_same_order(method):
    """On a clear film: colours and numbers mean the same from run to run."""
    settings = SETTINGS.get(method, {})
    results = [
        bu.unmix(film().image, 3, method, seed=seed, verdicts=False, **settings) for seed in (0, 1, 2, 3)
    ]
    first = results[0]
    shares = np.abs(first.estimate.abundances).sum(axis=0)
    assert (np.diff(shares) < 0).all()
    for other in results[1:]:
        assert bu.match(first.estimate.endmembers, other.estimate.endmembers).tolist() == [0, 1, 2]
        assert first.names == other.names


def test_the_given_spectra_stay_in_front():
    truth = film().truth.endmembers
    smallest = np.argsort(film().truth.abundances.sum(axis=0))
    given = truth[smallest[:1]] / truth[smallest[:1]].sum()
    for seed in (0, 1):
        found = bu.unmix(film().image, 3, "nmf_semi", seed=seed, endmembers=given)
        assert found.names == ("given_0", "free_0", "free_1") and found.known == (True, False, False)
        assert bu.match(truth, found.estimate.endmembers)[smallest[0]] == 0
        assert found.estimate.abundances.sum(axis=0)[1] > found.estimate.abundances.sum(axis=0)[2]


def test_a_library_keeps_the_order_of_the_user():
    truth = film().truth.endmembers
    order = np.argsort(film().truth.abundances.sum(axis=0))
    found = bu.unmix(film().image, None, "vendor_library", library=truth[order])
    np.testing.assert_allclose(found.estimate.endmembers, truth[order] / truth[order].sum(1, keepdims=True))
    assert found.known == (True, True, True)
