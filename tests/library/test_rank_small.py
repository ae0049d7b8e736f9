"""Components that are real but small: they are not recommended, and are named by what they look like."""

import dataclasses
import json

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.dimension.change import Change
from bayesunmix.dimension.looks import few_superpixels, looks_like
from bayesunmix.dimension.pooling import sizes
from bayesunmix.dimension.rank import ENOUGH
from bayesunmix.dimension.support import shows_support
from bayesunmix.plotting import plot_rank
from simulations import PHANTOMS, acquire

pytestmark = pytest.mark.usefixtures("without_relevance")
SIDE, CHANNELS = 32, 60
ENERGY = 0.5 + 0.1 * np.arange(CHANNELS)
Y, X = np.indices((SIDE, SIDE)) / SIDE


def line(at, width=2.0):
    return np.exp(-0.5 * ((np.arange(CHANNELS) - at) / width) ** 2)


def two_phases(counts=600.0):
    """Grains of two materials, well told apart: (SIDE, SIDE, CHANNELS) mean counts."""
    first, second = (5 * line(at) + np.exp(-np.arange(CHANNELS) / 20) for at in (10, 30))
    share = (np.sin(9 * X) + np.cos(7 * Y) > 0)[..., None]
    return counts * np.where(share, first / first.sum(), second / second.sum())


def particle(mean):
    changed = mean.copy()
    changed[12:14, 20:23] += 80 * line(45) / line(45).sum()
    return changed


def drift(mean):
    return mean * (1 + 0.25 * (X[..., None] - 0.5) * np.cos(np.arange(CHANNELS) / 4))


def edge(mean):
    rim = np.zeros((SIDE, SIDE, 1))
    rim[[0, 1, -2, -1]] = rim[:, [0, 1, -2, -1]] = 1
    return mean + 15 * rim * line(45) / line(45).sum()


def absorption(mean):
    thickness = 0.4 + 1.2 * np.exp(-8 * ((X - 0.4) ** 2 + (Y - 0.6) ** 2))[..., None]
    return mean * thickness * np.exp(-0.8 * thickness * (ENERGY / ENERGY[0]) ** -1.5)


def dose_pattern(mean):
    of_row = np.random.default_rng(5).choice([-1, 1], SIDE // 4).repeat(4)[:, None, None]
    return mean * (1 + 0.3 * of_row) * (1 + 0.08 * of_row * np.cos(np.arange(CHANNELS) / 4))


def layers(mean):
    """A third material in some layers: a function of the rows as a dose pattern is, but not of the counts."""
    of_row = np.random.default_rng(5).choice([0, 1], SIDE // 4).repeat(4)[:, None, None]
    return mean + 12 * of_row * (line(45) / line(45).sum() - mean / mean.sum(axis=2, keepdims=True))


def found_in(mean, seed=0):
    image = bu.SpectrumImage(np.random.default_rng(seed).poisson(mean), ENERGY)
    return bu.rank(image, most=6, seed=seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (particle, "a few pixels"),
        (drift, "drift"),
        (edge, "edge"),
        (absorption, "absorption"),
        (dose_pattern, "dose pattern"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_two_phases_stay_two_and_the_change_is_named(change, word, seed):
    found = found_in(change(two_phases()), seed)
    assert found.n_components == 2 and found.n_seen >= 3
    assert [one.looks_like for one in found.small].count(word) >= 1
    assert found.sentence.startswith("2 components with ")
    assert "real but small: component 3 (" in found.sentence and word in found.sentence
    assert found.share >= ENOUGH and sum(one.share for one in found.small) == pytest.approx(1 - found.share)


def test_layers_of_another_material_are_no_dose_pattern():
    found = found_in(layers(two_phases()))
    assert found.n_seen == 3
    assert [one.looks_like for one in found.small] in ([], ["unknown"])


def test_a_particle_is_listed_with_about_as_many_pixels_as_it_has():
    small = found_in(particle(two_phases())).small
    assert len(small) == 1
    assert 4 <= small[0].n_pixels <= 8
    assert small[0].gain > 2 * small[0].error > 0


def test_nothing_small_is_found_where_nothing_is():
    found = found_in(two_phases())
    assert (found.n_components, found.n_seen, found.small, found.share) == (2, 2, (), 1.0)
    assert found.sentence.startswith("2 components")


def test_a_fit_is_doubted_only_outside_of_what_the_counts_show():
    found = found_in(particle(two_phases()))
    assert found.doubt(2) == found.doubt(3) == ""
    one, four = found.doubt(1), found.doubt(4)
    shown = "and the counts show 2 and 1 more is real but small (bayesunmix.rank). With "
    assert one.startswith(f"The fit has 1 components, {shown}")
    assert "too few" in one and "too many" in four


@pytest.mark.parametrize("method", ["bayes"])
def test_unmix_warns_by_the_words_of_rank(monkeypatch, method):
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(particle(two_phases(60))), ENERGY)
    evidence = bu.rank(image)
    from bayesunmix import unmixing

    for asked in (1, 2, evidence.n_seen + 1):
        counted = unmixing._count_components(image, asked, bu.METHODS[method](), 0)
        few = bu.unmix(image, asked, "nmf")
        assert counted.doubt(few) == evidence.doubt(asked)


def test_one_phase_on_a_support_is_said_to_be_that():
    rng = np.random.default_rng(0)
    sphere = np.exp(-8 * ((X - 0.5) ** 2 + (Y - 0.5) ** 2))[..., None] > 0.6
    film = np.exp(-np.arange(CHANNELS) / 5)
    mean = 20 * film / film.sum() + 300 * sphere * line(25) / line(25).sum()
    image = bu.SpectrumImage(rng.poisson(mean), ENERGY)
    found = bu.rank(image)
    assert found.n_components == 2 and found.has_support
    assert "one phase and its support" in found.sentence


@pytest.mark.parametrize("phantom", ["nicr_film", "nicr_needle", "thickness_wedge", "grains", "null"])
def test_what_has_no_support_gets_none(phantom):
    image = acquire(PHANTOMS[phantom](), 20, 0).image
    assert not shows_support(sizes(image, 32, 640)[0])


def test_the_numbers_are_json_and_the_picture_shows_the_98_percent():
    found = found_in(particle(two_phases()))
    read = json.loads(json.dumps(found.summary()))
    assert read["n_components"] == 2 and read["n_seen"] == 3
    assert read["small"][0]["looks_like"] == "a few pixels" and read["share_of_gain"] == found.share
    written = " ".join(text.get_text() for axes in plot_rank(found).axes for text in axes.texts)
    assert "98 %" in written
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.small[0].share = 1.0


def change_of(scores):
    totals = np.full(scores.shape, 100.0)
    return Change(scores, np.eye(1, CHANNELS)[0], totals, 1)


def test_noise_is_unknown():
    words = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        change = dataclasses.replace(
            change_of(rng.normal(size=(16, 16))), loadings=rng.normal(size=CHANNELS) / np.sqrt(CHANNELS)
        )
        words.add(looks_like(change, np.full(CHANNELS, 50.0), np.arange(CHANNELS), ENERGY))
    assert words == {"unknown"}


def test_few_superpixels_are_those_that_have_most_of_it():
    scores = np.zeros((10, 10))
    scores[2, 3], scores[7, 7] = 9, -5
    assert set(few_superpixels(change_of(scores))) == {23, 77} - ({77} if 81 / 106 >= 0.8 else set())
    assert few_superpixels(change_of(np.ones((10, 10)))).size == 0


@pytest.mark.parametrize("shape", [(64,), (6, 8, 8), (1, 5), (2, 2)])
def test_a_change_on_any_grid_gets_a_word(shape):
    change = change_of(np.random.default_rng(0).normal(size=shape))
    word = looks_like(change, np.full(CHANNELS, 50.0), np.arange(CHANNELS), ENERGY)
    assert word in {"a few pixels", "edge", "unknown"}
