"""Compare a claimed spectrum with counts: how far apart they are, and which fault explains it.

The claimed spectrum may have any scale. Known faults have known shapes: an energy axis that is shifted or stretched,
peaks that are wider, a background that was removed. The one that explains most is taken, and the claimed spectrum is
moved by it until nothing changes, so that a fault may be large.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bayesunmix.analysis.quantity import HALF_90
from bayesunmix.data.blocks import summing_matrix
from bayesunmix.dimension.pooling import groups_by_counts
from bayesunmix.spectra.channels import channel_edges, channel_width
from bayesunmix.spectra.detector import FWHM_PER_SD, Detector
from bayesunmix.validation.words import say_digits, say_with_error

FAULTS = ("shift", "gain", "width", "background")
_SMOOTH_KEV = 0.020  # less than half of a peak's standard deviation
_SHOWN = 3.0  # standard deviations above which a slope is no noise
_REFERENCE_KEV = 5.9  # where a width is stated
_GROUPS, _FEWEST_GROUPS, _IN_GROUP = 100, 10, 25  # groups of channels, and counts in one
_ROUNDS = 6
_CLEAR = 16.0  # squared standard deviations: a fault that is smaller is none
_SIMPLER = 4.0  # a later fault must be clearer by so much than an earlier one
_COARSE_KEV = np.arange(-0.3, 0.301, 0.02)
_LEAST = 0.5  # counts expected in a channel, in its error


class Fault(NamedTuple):
    """Hold a fault of a claimed spectrum.

    Attributes
    ----------
    name : {"shift", "gain", "width", "background"}
    size, sd : float
        In keV ("shift", "width": of the full width at half maximum at 5.9 keV), relative ("gain"), or as the share of
        the background that is missing.
    explains : float
        Square of size over sd. (The drop of chi-square is none: interpolation smooths noise, which also lowers it.)
    """

    name: str
    size: float
    sd: float
    explains: float


class Distance(NamedTuple):
    """Hold the total variation distance of two spectra, with the ends of its 90 % interval and its noise."""

    mean: float
    lower: float
    upper: float
    sd: float
    chi_square: float
    degrees: int


def rebinned(energy_kev: np.ndarray, counts: np.ndarray, onto_kev: np.ndarray) -> np.ndarray:
    """Put counts (n,) onto other channels, (C,): each channel's photons are spread evenly over it, and none is lost."""
    edges, wanted = channel_edges(energy_kev), channel_edges(onto_kev)
    below = np.concatenate([[0.0], np.cumsum(counts)])
    return np.asarray(np.diff(np.interp(wanted, edges, below)))


def noise_unit(claimed: np.ndarray) -> float:
    """Return the variance of a spectrum over its height, from differences between neighbouring channels.

    1 for counts, 0 for a curve without noise.
    """
    if claimed.size < 20:
        return 1.0
    kernel = np.array([1.0, -4, 6, -4, 1])
    rough = np.convolve(claimed, kernel, mode="same") ** 2 / (kernel @ kernel)
    height = np.convolve(np.maximum(claimed, 0), np.ones(9) / 9, mode="same")
    seen = height > np.median(height[height > 0]) if (height > 0).any() else height > 0
    # Most channels lie on no peak's flank: half of them decide (0.455: the median of chi-square with one degree).
    return float(np.median(rough[seen] / height[seen]) / 0.455) if seen.any() else 0.0


def distance(claimed: np.ndarray, counts: np.ndarray, unit: float) -> Distance:
    """Return how far a claimed spectrum lies from counts: the share of the photons that lie elsewhere."""
    fewest = min(float(counts.sum()), float(claimed.sum()) / unit if unit > 0 else np.inf)
    groups = int(np.clip(fewest / _IN_GROUP, _FEWEST_GROUPS, _GROUPS))
    by_group = summing_matrix(groups_by_counts(counts, groups)).astype(np.float64)
    ours, theirs = by_group @ counts, by_group @ claimed
    total, claimed_total = ours.sum(), theirs.sum()
    p, q = ours / total, theirs / claimed_total
    mean = np.maximum((ours + theirs * total / claimed_total) / (2 * total), 0.5 / total)
    variance = mean / total + np.maximum(unit * mean / claimed_total, 0)
    sd = np.sqrt(variance)
    raw, noise = min(0.5 * float(np.abs(p - q).sum()), 1.0), 0.5 * np.sqrt(2 / np.pi) * sd.sum()
    spread = 0.5 * float(np.sqrt((variance * (1 - 2 / np.pi)).sum()))

    def without_noise(value: float) -> float:
        return float(np.sqrt(max(value, 0.0) ** 2 - noise**2)) if value > noise else 0.0

    # With a few photons no group has noise like a normal distribution: less than the noise is known of no distance.
    least = noise if fewest < _FEWEST_GROUPS * _IN_GROUP else 0.0
    ends = [
        without_noise(raw - HALF_90 * spread),
        min(without_noise(max(raw, least) + HALF_90 * spread), 1.0),
    ]
    # Random signs add up to the whole distance; noise adds to it in quadrature.
    chi_square = float(((p - q) ** 2 / variance).sum())
    return Distance(without_noise(raw), ends[0], ends[1], spread, chi_square, len(p) - 1)


def find_fault(
    energy_kev: np.ndarray, claimed: np.ndarray, counts: np.ndarray, unit: float
) -> tuple[Fault | None, Fault]:
    """Return the fault that explains most, if any does, and the shift whether it does or not.

    Parameters
    ----------
    energy_kev : (C,) array
    claimed, counts : (C,) arrays
        On the same channels.
    unit : float
        Variance over height of the claimed spectrum.
    """
    found = {name: _fitted(name, energy_kev, claimed, counts, unit) for name in FAULTS}
    best = found["shift"]
    for name in FAULTS[1:]:
        if found[name].explains > best.explains + _SIMPLER:
            best = found[name]
    return (best if best.explains > _CLEAR else None), found["shift"]


def say_fault(fault: Fault) -> str:
    """Say a fault with its size."""
    more, size, sd = fault.size > 0, abs(fault.size), fault.sd
    side = "too high" if more else "too low"
    if fault.name == "shift":
        return f"its energies are {1000 * size:.1f} +- {say_digits(1000 * sd, 1)} eV {side}"
    if fault.name == "gain":
        return f"its energies are {say_digits(100 * size, 2)} +- {say_digits(100 * sd, 1)} % {side}"
    if fault.name == "width":
        width = "wider" if more else "narrower"
        return f"its peaks are {say_digits(1000 * size, 2)} +- {say_digits(1000 * sd, 1)} eV {width}"
    if more and size - 2 * sd > 1:
        return "more than its background was removed"
    if more:
        return f"about {say_with_error(size, sd)} of its background was removed"
    return f"it has about {say_with_error(size, sd)} more background"


def _fitted(name: str, energy_kev: np.ndarray, claimed: np.ndarray, counts: np.ndarray, unit: float) -> Fault:
    """Fit the size of one fault."""
    sigma = max(_SMOOTH_KEV / channel_width(energy_kev), 0.5)
    smooth = gaussian_filter1d(counts, sigma, mode="nearest")
    size = _coarse_shift(energy_kev, claimed, smooth) if name == "shift" else 0.0
    sd = np.inf
    for _ in range(_ROUNDS):
        corrected = _without(name, size, energy_kev, claimed)
        # Shapes come from both spectra, weighted so that their noise cannot agree with that of the difference.
        scale = counts.sum() / max(corrected.sum(), 1e-300)
        noise = abs(unit * scale)
        both = (noise * smooth + scale * gaussian_filter1d(corrected, sigma, mode="nearest")) / (noise + 1)
        step, sd = _amount(corrected, counts, both, unit, _shape(name, energy_kev, both))
        if name in ("width", "background"):
            return Fault(name, step, sd, (step / sd) ** 2 if sd > 0 else 0.0)
        size += float(np.clip(step, -0.05, 0.05)) if name != "gain" else float(np.clip(step, -0.01, 0.01))
        if abs(step) < 0.02 * sd:
            break
    return Fault(name, size, sd, (size / sd) ** 2 if sd > 0 else 0.0)


def _coarse_shift(energy_kev: np.ndarray, claimed: np.ndarray, smooth: np.ndarray) -> float:
    """Return the shift with the best agreement, in steps of 20 eV."""

    def misfit(shift: float) -> float:
        there = _without("shift", shift, energy_kev, claimed)
        scale = smooth.sum() / max(there.sum(), 1e-300)
        return float(((scale * there - smooth) ** 2 / np.maximum(smooth, _LEAST)).sum())

    best = min(_COARSE_KEV, key=misfit)
    return float(best) if misfit(float(best)) < 0.7 * misfit(0.0) else 0.0


def _without(name: str, size: float, energy_kev: np.ndarray, claimed: np.ndarray) -> np.ndarray:
    """Return the claimed spectrum without a shift or a gain."""
    if size == 0:
        return claimed
    if name == "shift":
        return rebinned(energy_kev - size, claimed, energy_kev)
    return rebinned(energy_kev / (1 + size), claimed, energy_kev)


def _shape(name: str, energy_kev: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Return what a fault of size 1 adds to a spectrum, to first order, (C,).

    It is zero where it may be noise that the smoothed counts have left: such a shape would find that noise again.
    """
    if name == "background":
        return -background(smooth, channel_width(energy_kev))
    times = 2 if name == "width" else 1
    shape, noise = smooth, _noise_of_slopes(smooth, channel_width(energy_kev), times)
    for _ in range(times):
        shape = np.gradient(shape, energy_kev)
    shape = np.where(np.abs(shape) > _SHOWN * noise, shape, 0.0)
    if name == "shift":
        return -shape
    if name == "gain":  # to first order; the change of the channels' width only scales
        return -energy_kev * shape
    # A width w = 2.355 s is wider by dw: the variance grows by 2 s ds, as much at every energy.
    return shape * float(Detector().fwhm_kev(np.array(_REFERENCE_KEV))) / FWHM_PER_SD**2


def _noise_of_slopes(smooth: np.ndarray, width_kev: float, times: int) -> np.ndarray:
    """Return how far slopes (once or twice) of smoothed counts scatter, (C,)."""
    sigma = max(_SMOOTH_KEV / width_kev, 0.5)
    one = np.zeros(2 * int(np.ceil(6 * sigma)) + 7)
    one[one.size // 2] = 1
    answer = gaussian_filter1d(one, sigma, mode="constant")
    for _ in range(times):
        answer = np.gradient(answer, width_kev)
    reach = one.size // 2
    return np.sqrt(np.maximum(np.convolve(smooth, answer**2, mode="full")[reach : reach + smooth.size], 0))


def background(smooth: np.ndarray, width_kev: float) -> np.ndarray:
    """Return what lies under the peaks: peaks are clipped against their sides, wider and wider (SNIP)."""
    level = np.log(np.log(np.sqrt(np.maximum(smooth, 0) + 1) + 1) + 1)
    widest = max(int(0.35 / width_kev), 2)
    for reach in range(widest, 0, -1):
        sides = (np.roll(level, reach) + np.roll(level, -reach)) / 2
        sides[:reach], sides[-reach:] = level[:reach], level[-reach:]
        level = np.minimum(level, sides)
    return np.asarray((np.exp(np.exp(level) - 1) - 1) ** 2 - 1).clip(0)


def _amount(
    claimed: np.ndarray, counts: np.ndarray, smooth: np.ndarray, unit: float, shape: np.ndarray
) -> tuple[float, float]:
    """Return how much of a shape, given in counts, the claimed spectrum has too much, and the error of that."""
    scale = counts.sum() / max(claimed.sum(), 1e-300)
    for _ in range(2):
        weights = 1 / (np.maximum(smooth, _LEAST) * (1 + abs(unit * scale)))
        # scale x claimed - counts = excess x smooth + amount x shape. Had the claimed spectrum itself an amount, its
        # noise would shrink that, and something else would have to make up for it.
        design = np.array([smooth, shape])
        normal = (design * weights) @ design.T
        found = np.linalg.lstsq(normal, (design * weights) @ (scale * claimed - counts), rcond=None)[0]
        scale *= float(np.clip(1 - found[0], 0.1, 10))
    return float(found[1]), float(np.sqrt(np.linalg.pinv(normal)[1, 1]))
