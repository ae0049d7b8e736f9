"""ICA and varimax against scikit-learn and Kaiser's planar rotations, and on mixtures whose answer is known."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.decomposition import FastICA

import bayesunmix as bu
from bayesunmix.engine.subspace.pca import principal_components
from bayesunmix.engine.subspace.rotation import rotate, varimax
from simulations import PHANTOMS, acquire

ROTATIONS, SIDES = ("fastica", "varimax"), ("endmembers", "abundances")
SHAPE = (20, 25)


@pytest.fixture(scope="module")
def image():
    """Three peaks each on a slope, in three patches that overlap: spectra and maps with a few large values."""
    rng = np.random.default_rng(1)
    channel = np.arange(90)
    spectra = np.exp(-0.5 * ((channel - np.array([[20], [45], [70]])) / 3) ** 2) + 0.02 * (90 - channel) / 90
    y, x = np.indices(SHAPE).reshape(2, -1)
    corners = np.array([[4, 5], [13, 10], [6, 19]])
    maps = np.exp(-((y - corners[:, :1]) ** 2 + (x - corners[:, 1:]) ** 2) / 5) + 0.02
    counts = rng.poisson(300 * maps.T @ spectra)
    return bu.SpectrumImage(counts.reshape(*SHAPE, 90), channel + 1.0)


def kaiser(matrix):
    """Varimax by the classical sequence of rotations in the plane of two columns, one pair after the other."""
    matrix = matrix.copy()
    n, k = matrix.shape
    for _ in range(200):
        for p, q in itertools.combinations(range(k), 2):
            x, y = matrix[:, p].copy(), matrix[:, q].copy()
            u, v = x**2 - y**2, 2 * x * y
            across = 2 * (u * v).sum() - 2 * u.sum() * v.sum() / n
            along = (u**2 - v**2).sum() - (u.sum() ** 2 - v.sum() ** 2) / n
            angle = np.arctan2(across, along) / 4
            matrix[:, p] = x * np.cos(angle) + y * np.sin(angle)
            matrix[:, q] = y * np.cos(angle) - x * np.sin(angle)
    return matrix


def like(found, expected):
    """Smallest absolute correlation of the rows that belong together."""
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (found, expected)]
    return np.abs(unit[0] @ unit[1].T).max(axis=1).min()


def sides(image, on, derivative):
    """What is made simple, (3, N), of the principal components."""
    components = principal_components(image, 3)
    if on == "endmembers":
        values = components.endmembers
        return np.diff(values, axis=1) if derivative else values
    maps = components.abundances.T.reshape(3, *SHAPE)
    steps = [np.diff(maps, axis=axis).reshape(3, -1) for axis in (1, 2)]
    return np.hstack(steps) if derivative else maps.reshape(3, -1)


@pytest.mark.parametrize(("on", "derivative"), list(itertools.product(SIDES, (False, True))))
def test_fastica_is_that_of_scikit_learn(image, on, derivative):
    samples = sides(image, on, derivative)
    theirs = FastICA(3, whiten="unit-variance", tol=1e-10, max_iter=5000, random_state=0).fit(samples.T)
    result = bu.unmix(image, 3, "ica", seed=2, on=on, derivative=derivative)
    found = getattr(result.estimate, on) if on == "endmembers" else result.estimate.abundances.T
    mixed = theirs.components_ @ (
        principal_components(image, 3).endmembers
        if on == "endmembers"
        else principal_components(image, 3).abundances.T
    )
    assert result.info["converged"]
    assert like(found, mixed) > 0.9999


@pytest.mark.parametrize(("on", "derivative"), list(itertools.product(SIDES, (False, True))))
def test_varimax_is_that_of_kaisers_planar_rotations(image, on, derivative):
    samples = sides(image, on, derivative)
    result = bu.unmix(image, 3, "ica", seed=2, rotation="varimax", on=on, derivative=derivative)
    white = np.linalg.svd(samples, full_matrices=False)[2]
    expected = kaiser(white.T).T
    found = sides_of(result.estimate, on, derivative)
    assert result.info["converged"]
    assert like(found, expected) > 0.9999


def sides_of(estimate, on, derivative):
    values = estimate.endmembers if on == "endmembers" else estimate.abundances.T
    if not derivative:
        return values
    if on == "endmembers":
        return np.diff(values, axis=1)
    return np.hstack([np.diff(values.reshape(3, *SHAPE), axis=axis).reshape(3, -1) for axis in (1, 2)])


def test_varimax_of_columns_of_unequal_size_is_kaisers_too():
    rng = np.random.default_rng(3)
    simple = rng.laplace(size=(400, 4)) ** 3 * [1, 3, 0.5, 2]
    matrix = simple @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    rotation = varimax(matrix)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(4), atol=1e-12)
    assert like((matrix @ rotation).T, kaiser(matrix).T) > 0.99999


def test_fastica_separates_independent_sources_from_any_start():
    sources = np.random.default_rng(0).laplace(size=(4, 5000))
    sources -= sources.mean(axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(sources @ sources.T / 5000)
    sources = axes @ np.diag(variance**-0.5) @ axes.T @ sources  # white, and hardly changed
    mixing, *starts = np.linalg.qr(np.random.default_rng(1).normal(size=(7, 4, 4)))[0]
    for start in starts:
        end = rotate(mixing @ sources, start, "fastica")
        assert like(end.matrix @ mixing @ sources, sources) > 0.999


@pytest.mark.parametrize(
    ("rotation", "on", "derivative"), list(itertools.product(ROTATIONS, SIDES, (False, True)))
)
def test_rotation_leaves_the_expected_counts_of_pca(image, rotation, on, derivative):
    choice = {"rotation": rotation, "on": on, "derivative": derivative}
    pca, ica = (bu.unmix(image, 3, m, **s).estimate for m, s in (("pca", {}), ("ica", choice)))
    np.testing.assert_allclose(ica.expected(), pca.expected(), atol=1e-8 * np.abs(pca.expected()).max())
    assert (ica.endmembers.sum(axis=1) >= 0).all()


@pytest.mark.parametrize("dose", [3, 5, 20])
def test_the_film_is_separated_at_a_few_counts_per_pixel(dose):
    trial = acquire(PHANTOMS["nicr_film"](), dose, 1)
    truth = trial.truth.endmembers
    result = bu.unmix(trial.image, 3, "ica", seed=1)
    angles = bu.spectral_angles(
        truth, result.estimate.endmembers[bu.match(truth, result.estimate.endmembers)]
    )
    assert np.diagonal(angles).mean() < {3: 8, 5: 5, 20: 3}[dose]
    assert min(result.info["stability"]) > 0.9 and result.info["warnings"] == []


def test_a_component_of_noise_is_called_unstable():
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.full((400, 50), 20.0))
    result = bu.unmix(bu.SpectrumImage(counts, np.arange(1.0, 51)), 4, "ica", derivative=False)
    assert min(result.info["stability"]) < 0.8
    assert any("came out differently" in sentence for sentence in result.info["warnings"])


def test_components_that_are_not_there_stay_empty_and_are_named():
    counts = np.kron(np.eye(3, dtype=int), np.full((4, 4), 9))
    result = bu.unmix(bu.SpectrumImage(counts, np.arange(1.0, 13)), 5, "ica", derivative=False)
    assert (result.estimate.abundances[:, 3:] == 0).all()
    assert result.info["stability"][3:] == [0, 0]
    assert "The counts have only 3 of the 5 components" in result.info["warnings"][-1]
    np.testing.assert_allclose(result.estimate.expected(), counts, atol=1e-6)


@settings(max_examples=40)
@given(
    counts=hnp.arrays(np.int64, (2, 3, 5), elements=st.integers(0, 4)),
    choice=st.tuples(st.sampled_from(ROTATIONS), st.sampled_from(SIDES), st.booleans()),
    asked=st.integers(1, 5),
)
def test_any_small_image_gives_numbers(counts, choice, asked):
    counts.flat[0] += 1
    asked = min(asked, np.count_nonzero(counts.reshape(6, 5).any(axis=1)))
    image = bu.SpectrumImage(counts, np.arange(1.0, 6))
    rotation, on, derivative = choice
    result = bu.unmix(image, asked, "ica", rotation=rotation, on=on, derivative=derivative, n_starts=3)
    expected = bu.unmix(image, asked, "pca").estimate.expected()
    np.testing.assert_allclose(result.estimate.expected(), expected, atol=1e-4)


@pytest.mark.parametrize(("setting", "value"), [("rotation", "promax"), ("on", "maps"), ("derivative", 1)])
def test_a_choice_must_be_one_of_those_listed(setting, value):
    with pytest.raises(ValueError, match=f"setting {setting} of ICA must be .* or .*, got {value!r}"):
        bu.METHODS["ica"](**{setting: value})
