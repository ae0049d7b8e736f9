"""Are two claimed phases different? Splits by position, splits by clustering, and real pairs."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter, uniform_filter

from bayesunmix.methods._phase_clusters import phase_clusters
from bayesunmix.validation.finding import judge
from bayesunmix.validation.phases.difference import differences
from tests.library.validation.planted import A, B, C, case_of, layers, record

SHAPE = (32, 48)


def verdict(case, first, second):
    found = differences(case)
    said = {one.subject: one for one in judge(found.evidence, case.level)}
    return next(pair for pair in found.pairs if (pair.first, pair.second) == (first, second)), said


def test_halves_of_one_phase_are_one_phase_split_in_two():
    labels = layers(SHAPE, 16, 32)
    image = record(np.minimum(labels, 1), [A, B], 100, 1)
    _, said = verdict(case_of(image, labels, "abc", made_from="elsewhere"), 1, 2)
    assert said["phases b and c"].verdict == "contradicted"
    assert "one phase, split in two" in said["phases b and c"].sentence


def test_halves_of_one_phase_are_called_different_as_rarely_as_the_level_says():
    labels = layers(SHAPE, 16, 32)
    p_values = [
        verdict(
            case_of(
                record(np.minimum(labels, 1), [A, B], 5, seed),
                labels,
                "abc",
                made_from="elsewhere",
                seed=seed,
            ),
            1,
            2,
        )[0].p_value
        for seed in range(20)
    ]
    assert np.count_nonzero(np.array(p_values) <= 0.05) <= 4
    assert np.median(p_values) > 0.15


@pytest.mark.parametrize("made_from", ["elsewhere", "these counts"])
def test_different_phases_are_different(made_from):
    labels = layers(SHAPE, 16, 32)
    pair, said = verdict(case_of(record(labels, [A, B, C], 5, 1), labels, "abc", made_from=made_from), 0, 1)
    assert {one.verdict for one in said.values()} == {"supported"}
    assert pair.how == ("exchanged" if made_from == "elsewhere" else "any labels")
    overlap = abs(A - B).sum() / 2
    assert overlap <= pair.distance.upper


def test_two_clusters_of_one_phase_are_not_called_different():
    different = 0
    for seed in range(3):
        image = record(np.zeros(SHAPE, int), [A], 20, seed)
        labels = phase_clusters(image, 2, 400.0, 5, seed).labels.reshape(SHAPE)
        assert labels.max() == 1
        pair, _ = verdict(case_of(image, labels, "ab", seed=seed), 0, 1)
        assert pair.how == "clustered again"
        different += pair.p_value <= 0.05
    assert different <= 1


def test_similar_phases_that_a_program_separated_are_different():
    close = 0.85 * A + 0.15 * B
    truth = layers(SHAPE, 24)
    image = record(truth, [A, close], 20, 2)
    labels = phase_clusters(image, 2, 400.0, 5, 0).labels.reshape(SHAPE)
    pair, said = verdict(case_of(image, labels, "ab"), 0, 1)
    assert pair.p_value <= 0.05
    assert said["phases a and b"].verdict == "supported"


@pytest.mark.parametrize("dose", [5, 20])
def test_clusters_of_single_pixels_in_one_phase_are_not_different(dose):
    one = np.zeros((32, 40), int)
    for seed in range(3):
        image = record(one, [A], dose, seed)
        labels = two_means(image.dense().astype(float), seed)
        found = differences(case_of(image, labels, "ab"))
        assert [pair.p_value > 0.05 for pair in found.pairs] == [True]


@pytest.mark.parametrize(
    "smooth",
    [
        lambda counts, seed: two_means(gaussian_filter(counts, (0.7, 0.7, 0)), seed),
        lambda counts, seed: two_means(gaussian_filter(counts, (1.5, 1.5, 0)), seed),
        lambda counts, seed: two_means(uniform_filter(counts, (3, 3, 1)), seed),
        lambda counts, seed: median_filter(two_means(counts, seed), 3),
        lambda counts, seed: np.kron(
            two_means(counts.reshape(16, 2, 20, 2, -1).sum(axis=(1, 3)), seed), np.ones((2, 2), int)
        ),
    ],
    ids=["gauss 0.7 px", "gauss 1.5 px", "mean 3 x 3", "median 3 x 3 of labels", "binned 2 x 2"],
)
@pytest.mark.parametrize("dose", [5, 20])
def test_clusters_of_smoothed_counts_of_one_phase_are_not_different(dose, smooth):
    for seed in range(3):
        image = record(np.zeros((32, 40), int), [A], dose, seed)
        labels = smooth(image.dense().astype(float), seed)
        found = differences(case_of(image, labels, "ab", seed=seed))
        assert all(pair.p_value > 0.05 for pair in found.pairs)


def two_means(counts, seed):
    """Return labels of k-means, as any program has it."""
    each = counts.reshape(-1, counts.shape[-1])
    centres = each[np.random.default_rng(seed).choice(len(each), 2, replace=False)]
    for _ in range(15):
        labels = ((each[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
        centres = np.stack([each[labels == k].mean(axis=0) for k in (0, 1)])
    return labels.reshape(counts.shape[:2])


def test_single_pixels_of_two_phases_are_different():
    labels = np.random.default_rng(3).integers(0, 2, (32, 40))
    image = record(labels, [A, B], 20, 0)
    assert differences(case_of(image, labels, "ab")).pairs[0].p_value < 0.01
