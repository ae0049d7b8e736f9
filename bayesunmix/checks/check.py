"""Check a result against the counts (predictive checks): whether it fits, and if not, where and why.

There are four kinds of test with one false-alarm rate. *Sum spectrum* (`checks.spectrum`): windows of channels and
shapes of known faults, for endmembers that were not fitted to these counts. *Channels* and *regions*
(`checks.deviance`): the deviance of each group of channels over the map, and of each region over the channels.
*Held-out photons* (`checks.held_out`): the PIT of photons that the fit has not seen. Benjamini and Hochberg's rule
over all p-values decides what is an alarm (`checks.false_alarms`). If the model is right, about 1 % of images give one.

The checks test the endmembers and their number: abundances are fitted again to sums over regions (`checks.pooled`).
"""

import numpy as np

from bayesunmix.checks.deviance import cells, leverage
from bayesunmix.checks.effect import Said, shifting
from bayesunmix.checks.false_alarms import largest_alarm
from bayesunmix.checks.held_out import held_out_counts, say_held_out
from bayesunmix.checks.outcome import Checks
from bayesunmix.checks.places import group_names, say_channels, say_regions
from bayesunmix.checks.pooled import expected_counts, fit, pool
from bayesunmix.checks.residuals import sum_residual, unfitted_residual
from bayesunmix.checks.severity import smallest_error
from bayesunmix.checks.spectrum import SumSpectrum
from bayesunmix.contracts.arguments import require_nonnegative, require_result_of, require_seed, require_share
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


def check(
    result: Unmixing,
    image: SpectrumImage,
    *,
    labels: np.ndarray | None = None,
    false_alarms: float = 0.01,
    seed: int = 0,
) -> Checks:
    """Check whether a result fits the counts.

    Parameters
    ----------
    result : Unmixing
        A result without negative values. The mean endmembers of its posterior are checked, if it has one.
    image : SpectrumImage
        The image that was unmixed.
    labels : int array of the image's navigation shape or (P,), optional
        Regions to check, such as a phase map. Pixels with labels below 0 are left out. Superpixels where not given.
    false_alarms : float
        Probability of an alarm if the model is right: 0.01 is one in 100 images.
    seed : int
        Decides which photons are held out.

    Returns
    -------
    Checks

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, or no region has enough counts.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(20 * layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> bu.check(bu.unmix(image, 2, "nmf"), image).alarm
    False
    >>> bu.check(bu.unmix(image, 1, "nmf"), image).alarm
    True
    """
    _require(result, image, labels, false_alarms)
    require_seed(seed)
    pooled = pool(image, result, None if labels is None else np.asarray(labels))
    abundances, endmembers = fit(pooled, pooled.grouped(pooled.counts) if pooled.is_free else pooled.counts)
    spectrum, residual = None, unfitted_residual(pooled.counts, pooled.abundances, pooled.endmembers)
    if not pooled.is_free:
        by_region = expected_counts(abundances, endmembers)
        residual = sum_residual(pooled.counts, by_region, endmembers)
        spectrum = SumSpectrum(residual, by_region, pooled.axis)
        endmembers = pooled.grouped(endmembers)
    counts, expected = pooled.grouped(pooled.counts), expected_counts(abundances, endmembers)
    found = cells(counts, expected, leverage(abundances, endmembers, expected, pooled.is_free))
    axis = pooled.axis
    first, last = pooled.group_limits()
    groups = group_names(axis, first, last)
    channels, regions = found.summed(0, groups), found.summed(1, pooled.regions.names)
    held_out = held_out_counts(pooled, np.random.default_rng(seed))
    tests = [channels.p_value, regions.p_value, np.array([held_out.p_value])]
    if spectrum:
        tests += [spectrum.windows.p_value, np.array([fault.p_value for fault in spectrum.faults.values()])]
    significant = largest_alarm(np.concatenate(tests), false_alarms)
    error = smallest_error(result)
    of_spectrum = shifting(spectrum.sentences(significant) if spectrum and significant else [], error)
    of_channels = shifting(say_channels(channels, axis, first, last, significant, counts.sum(axis=0)), error)
    of_regions = shifting(say_regions(regions, found, groups, significant, counts.sum(axis=1)), error)
    of_photons = [say_held_out(held_out)] if held_out.p_value <= significant else []
    said = of_spectrum or of_channels + of_regions
    if of_spectrum and of_regions:
        n_off = np.count_nonzero(regions.p_value <= significant)
        text = f"{n_off} of {len(regions.names)} regions do not fit, perhaps for that; {of_regions[0].text}"
        said = [*of_spectrum, of_regions[0]._replace(text=text)]
    said = said + of_photons
    every = of_spectrum + of_channels + of_regions + of_photons
    worst = min(every, key=lambda one: one.coverage, default=Said("", float("nan")))
    return Checks(
        alarm=significant > 0,
        false_alarms=false_alarms,
        sentences=[one.text for one in said] or ["Nothing contradicts the model."],
        effects=[float(one.share) for one in said],
        coverage=worst.coverage,
        worst=worst.brief,
        doubt=result.doubt,
        fitted_again="abundances and endmembers" if pooled.is_free else "abundances",
        spectral_axis=axis,
        counts=residual.counts,
        expected=residual.expected,
        sd=residual.sd,
        windows=spectrum.windows if spectrum else None,
        faults=spectrum.faults if spectrum else {},
        channels=channels,
        group_ends=np.stack([first, last]),
        regions=regions,
        region_of_pixel=pooled.regions.of_pixel.reshape(image.navigation_shape),
        held_out=held_out,
        significant=significant,
    )


def _require(result: Unmixing, image: SpectrumImage, labels: np.ndarray | None, false_alarms: float) -> None:
    require_result_of(result, image)
    require_nonnegative(result, "expected counts cannot be")
    require_share("false_alarms", false_alarms, "0.01 is one false alarm in 100 images")
    if labels is None:
        return
    given = np.asarray(labels)
    if given.dtype.kind not in "iu" or given.size != image.n_pixels:
        raise ValueError(
            f"labels must be whole numbers, one for each of the {image.n_pixels} pixels, got {given.dtype} of shape "
            f"{given.shape}; make them an integer map of shape {image.navigation_shape}"
        )
    if (given < 0).all():
        raise ValueError(
            "labels must name at least one region, got only negative ones, which leave pixels out"
        )
