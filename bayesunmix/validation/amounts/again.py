"""Simulate another day's photons, label them, and see how much of the map stays.

A map is drawn from the posterior, and photons from the map; then methods that work as vendors' tools do label the new
image, with as many phases as are claimed. What differs between two such images is noise. The methods stand for a
program that cannot be run here; `bayesunmix split` makes two halves of the photons for that program itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from bayesunmix.data.blocks import summing_matrix
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.unmixing import unmix
from bayesunmix.validation.case import Case
from bayesunmix.validation.joined_channels import channel_groups, joined_axis
from bayesunmix.validation.words import say_number

SURROGATES = ("vendor_cluster", "vendor_library")
MOST_PHOTONS, MOST_PIXELS = 3e6, 1.2e5  # of all images together: further ones take minutes
FEW_IMAGES = 4  # so many are simulated of a part of the map, where it is too large for more
LEAST_IMAGES, LEAST_SIDE = 2, 24
_SEED = 511


@dataclass(frozen=True, eq=False)
class Repeated:
    """Hold what other photons of the same specimen would have changed.

    Parameters
    ----------
    methods : tuple of str
    n_images : int
    moved : float
        Share of the labelled pixels whose label differs between two images, by the same method.
    agreement : float
        Share of the labelled pixels whose label is the claimed one.
    adjusted_rand : float
        Adjusted Rand index of the claimed and the new labels: 1 if they are the same, 0 if they agree by chance.
    phases_found : tuple of int
        Phases that "vendor_cluster" finds in each image when the number is left to it.
    reproducibility : (H, W) float array
        How often each pixel has its claimed label; NaN where none is claimed, and outside the part that was simulated.
    sentence : str
    """

    methods: tuple[str, ...]
    n_images: int
    moved: float
    agreement: float
    adjusted_rand: float
    phases_found: tuple[int, ...]
    reproducibility: np.ndarray
    sentence: str


def repeat(case: Case, result: Unmixing, n: int = 10) -> Repeated:
    """Label simulated images, and compare them with the claim and with each other.

    Parameters
    ----------
    case : Case
    result : Unmixing
        Of `case.image`. Maps are drawn from its posterior; without one, the estimate stands in.
    n : int
        Images. Of a large map fewer, and only its middle, so that it takes seconds.

    Raises
    ------
    ValueError
        If n is less than 2.
    """
    if n < LEAST_IMAGES:
        raise ValueError(f"n must be at least {LEAST_IMAGES}, so that two images can be compared, got {n}")
    size = max(case.image.n_photons / MOST_PHOTONS, case.labels.size / MOST_PIXELS)  # of one image
    n = min(n, max(int(1 / size), FEW_IMAGES))
    middle = _middle(case.labels.shape, 1 / (n * size))
    shape, case_labels = case.labels.shape, case.labels[middle]
    labels: dict[str, list[np.ndarray]] = {method: [] for method in SURROGATES}
    phases_found = []
    for number, image in enumerate(_images(case, result, n, middle)):
        for method in SURROGATES:
            labels[method].append(_labelled(case_labels, image, method, case.seed + number))
        freely = unmix(image, None, "vendor_cluster", seed=case.seed + number, verdicts=False)
        phases_found.append(freely.estimate.n_components)
    claimed = case_labels >= 0
    every = [one for of_method in labels.values() for one in of_method]
    same = np.mean([one == case_labels for one in every], axis=0)
    moved = float(np.mean([_moved(of_method, claimed) for of_method in labels.values()]))
    reproducibility = np.full(shape, np.nan)
    reproducibility[middle] = np.where(claimed, same, np.nan)
    n_claimed, part = len(np.unique(case_labels[claimed])), case_labels.size < case.labels.size
    where = f"the {' x '.join(map(str, case_labels.shape))} pixels in its middle" if part else "the pixels"
    agreement = float(same[claimed].mean())
    return Repeated(
        SURROGATES,
        n,
        moved,
        agreement,
        float(np.mean([_adjusted_rand(case_labels[claimed], one[claimed]) for one in every])),
        tuple(phases_found),
        reproducibility,
        f"Another day's photons move {say_number(moved)} of the labels of {' and '.join(SURROGATES)}, which agree with "
        f"the claim in {say_number(agreement)} of {where}; left to itself, vendor_cluster finds "
        f"{_range(phases_found)} phases where {n_claimed} are claimed.",
    )


def _middle(shape: tuple[int, ...], part: float) -> tuple[slice, ...]:
    """Return the middle of a map, with at most a part of its pixels."""
    sides = [max(int(side * min(part, 1.0) ** 0.5), min(side, LEAST_SIDE)) for side in shape]
    return tuple(slice((n - side) // 2, (n - side) // 2 + side) for n, side in zip(shape, sides, strict=True))


def _images(case: Case, result: Unmixing, n: int, middle: tuple[slice, ...]) -> Iterator[SpectrumImage]:
    """Yield images of the middle with new photons, each of another draw from the posterior."""
    rng = np.random.default_rng([case.seed, _SEED])
    posterior, image = result.posterior, case.image
    maps, spectra = result.estimate.abundances[None], result.estimate.endmembers[None]
    if posterior is not None:
        maps = posterior.abundances.reshape(-1, *posterior.abundances.shape[2:])
        spectra = posterior.paired_endmembers()
        spectra = spectra.reshape(-1, *spectra.shape[2:])
    group = channel_groups(image.sum_spectrum())
    axis, joined = joined_axis(image, group), summing_matrix(group).T
    pixels = np.arange(image.n_pixels).reshape(case.labels.shape)[middle]
    mask = None if image.mask is None else image.mask[middle]
    for k in np.arange(n) * len(maps) // n:
        counts = _photons(maps[k][pixels.ravel()], spectra[k] @ joined, rng)
        shape = (*pixels.shape, counts.shape[1])
        yield SpectrumImage(counts, shape=shape, axes=image.axes, mask=mask, spectral_axis=axis)


def _photons(maps: np.ndarray, spectra: np.ndarray, rng: np.random.Generator) -> sparse.csr_array:
    """Draw photons component by component: how many each pixel has, and the channel of each."""
    pixels, channels = [], []
    for k, spectrum in enumerate(spectra.astype(np.float64)):
        numbers = rng.poisson(np.maximum(maps[:, k], 0).astype(np.float64))
        pixels.append(np.repeat(np.arange(len(maps)), numbers))
        drawn = np.searchsorted(np.cumsum(spectrum) / spectrum.sum(), rng.random(numbers.sum()), side="right")
        channels.append(np.minimum(drawn, spectrum.size - 1))
    where = np.concatenate(pixels), np.concatenate(channels)
    ones = np.ones(where[0].size, np.int64)
    return sparse.csr_array(sparse.coo_array((ones, where), shape=(len(maps), spectra.shape[1])))


def _labelled(claimed: np.ndarray, image: SpectrumImage, method: str, seed: int) -> np.ndarray:
    """Return the labels of a method, numbered as the claim's, (H, W)."""
    n_phases = max(len(np.unique(claimed[claimed >= 0])), 1)
    labels = unmix(image, n_phases, method, seed=seed, verdicts=False).labels
    assert labels is not None
    labels, most = labels.reshape(claimed.shape), int(claimed.max(initial=0)) + 1
    table = np.zeros((most, max(labels.max() + 1, most)))
    both = (labels >= 0) & (claimed >= 0)
    np.add.at(table, (claimed[both], labels[both]), 1)
    phases, numbers = linear_sum_assignment(-table)
    new = np.full(table.shape[1] + 1, -1)
    # A phase that the claim has not keeps a number of its own.
    new[:-1] = most + np.arange(table.shape[1])
    new[numbers] = phases
    return np.asarray(new[labels])


def _moved(labels: list[np.ndarray], claimed: np.ndarray) -> float:
    """Return the share of pixels whose label differs between two images."""
    pairs = [(a, b) for k, a in enumerate(labels) for b in labels[:k]]
    return float(np.mean([(a != b)[claimed].mean() for a, b in pairs]))


def _adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(a, b))


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"
