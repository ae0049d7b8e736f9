"""Check a result against the counts (predictive checks): whether it fits, and if not, where and why.

There are four kinds of test with one false-alarm rate. *Sum spectrum* (`checks.spectrum`): windows of channels and
shapes of known faults, for endmembers that were not fitted to these counts. *Channels* and *regions*
(`checks.deviance`): the deviance of each group of channels over the map, and of each region over the channels.
*Held-out photons* (`checks.held_out`): the PIT of photons that the fit has not seen. Benjamini and Hochberg's rule
over all p-values decides what is an alarm (`checks.false_alarms`). If the model is right, about 1 % of images give one.

The checks test the endmembers and their number: abundances are fitted again to sums over regions (`checks.pooled`).
"""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.checks.deviance import Deviances, cells, leverage
from bayesunmix.checks.false_alarms import largest_alarm
from bayesunmix.checks.held_out import HeldOutCounts, held_out_counts, say_held_out
from bayesunmix.checks.places import group_names, say_channels, say_regions
from bayesunmix.checks.pooled import expected_counts, fit, pool
from bayesunmix.checks.residuals import sum_residual, unfitted_residual
from bayesunmix.checks.spectrum import Fault, SumSpectrum, Windows
from bayesunmix.contracts.arguments import require_nonnegative, require_result_of, require_seed, require_share
from bayesunmix.data.display.text import WIDTH, brief
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.data.spectral_axis import SpectralAxis
from bayesunmix.io.plain import plain


@dataclass(frozen=True, eq=False, repr=False)
class Checks:
    """Hold what the checks found.

    Parameters
    ----------
    alarm : bool
        True if anything contradicts the model.
    false_alarms : float
        Probability of an alarm if the model is right.
    sentences : list of str
        What is wrong and how large it is, the worst first; one sentence that says so if nothing is.
    effects : list of float
        Share of all counts that each sentence is about, 0 to 1; NaN for one that only says how many more there are.
        Empty if there is no alarm.
    fitted_again : str
        "abundances", or "abundances and endmembers" if the endmembers were fitted to these counts.
    spectral_axis : SpectralAxis
        The channels checked.
    counts, expected, sd : (C,) arrays
        The recorded sum spectrum, the model's, and the standard deviation of their difference, in these channels.
    windows : Windows or None
        Tests of windows of channels. None for endmembers that were fitted to these counts, because their sum spectrum
        always agrees.
    faults : dict of str to Fault
        Tests of known faults; empty where `windows` is None. Without X-rays only "shift" and "flat".
    channels : Deviances
        Deviance of each group of channels.
    group_ends : (2, G) array
        Centres of the first and of the last channel of each group, in the unit of the axis.
    regions : Deviances
        Deviance of each superpixel or label.
    region_of_pixel : array of the image's navigation shape
        Number of each pixel's region, -1 for pixels in none.
    held_out : HeldOutCounts
        Test of held-out photons.
    significant : float
        P-values up to this one are alarms.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[1, 0], [0, 1]], 32, axis=0)
    >>> counts = np.random.default_rng(0).poisson(20 * layers @ spectra).reshape(8, 8, 4)
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> checks = bu.check(bu.unmix(image, 2, "nmf"), image)
    >>> checks.sentences
    ['Nothing contradicts the model.']
    >>> checks.false_alarms
    0.01
    """

    alarm: bool
    false_alarms: float
    sentences: list[str]
    effects: list[float]
    fitted_again: str
    spectral_axis: SpectralAxis
    counts: np.ndarray
    expected: np.ndarray
    sd: np.ndarray
    windows: Windows | None
    faults: dict[str, Fault]
    channels: Deviances
    group_ends: np.ndarray
    regions: Deviances
    region_of_pixel: np.ndarray
    held_out: HeldOutCounts
    significant: float

    def __repr__(self) -> str:
        wrapped = (
            line
            for sentence in self.sentences
            for line in textwrap.wrap(sentence, WIDTH - 2, initial_indent="- ", subsequent_indent="  ")
        )
        return brief([f"<Checks: {'; '.join(self._facts())}>", *wrapped])

    def _repr_html_(self) -> str:
        from bayesunmix.data.display import html
        from bayesunmix.data.display.pictures import Curve, curve_figure, map_figure

        said = [html.warned(self.sentences)] if self.alarm else [html.paragraph(s) for s in self.sentences]
        both = [Curve(self.counts, colour="currentColor"), Curve(self.expected, colour=html.COLOURS[1])]
        places, deviations, _ = self.residuals()
        axis, unit = self.spectral_axis, self.spectral_axis.units or self.spectral_axis.name
        caption = "counts, and in colour what the model expects, square-root scale"
        spectrum = html.drawn_or_said(curve_figure, axis.values, both, unit, caption, root=True)
        ends = (float(axis.values[0]), float(axis.values[-1]))
        caption, stems = f"{self.residual_name} (sd)", [Curve(deviations, stems=True)]
        residual = html.drawn_or_said(curve_figure, places, stems, unit, caption, ends=ends)
        shown = self.region_of_pixel.reshape(-1, *np.atleast_2d(self.region_of_pixel).shape[-2:])
        excess = np.append(self.regions.excess(), np.nan)  # of the pixels without a region, -1
        values = excess[shown[len(shown) // 2]]
        regions = html.drawn_or_said(map_figure, values, (), "sd, deviance of regions", limit=5.0)
        said += [html.side_by_side([spectrum, residual]), html.side_by_side([regions])]
        return html.frame(type(self).__name__, self._facts(), said)

    def _facts(self) -> list[str]:
        off = int(np.count_nonzero(self.regions.p_value <= self.significant))
        return [
            "ALARM" if self.alarm else "no alarm",
            *([] if self.spectral_axis.is_xray else ["no X-ray causes"]),
            f"a right model alarms in {100 * self.false_alarms:g} % of images",
            f"{off} of {len(self.regions.names)} regions do not fit",
        ]

    @property
    def residual_name(self) -> str:
        """Return in words what `residuals` gives."""
        return "residual, peak-wide" if self.windows else "deviance of channels"

    def residuals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return how far the counts lie from the model, along the axis.

        Returns
        -------
        places, deviations, p_values : (G,) arrays
            Places in the unit of the axis. Deviations of windows as wide as a peak, in standard deviations. If the
            endmembers were fitted to these counts: how much the deviance of groups of channels exceeds what is
            expected.
        """
        if self.windows is not None:
            return self.windows.peak_wide(self.spectral_axis)
        return self.group_ends.mean(axis=0), self.channels.excess(), self.channels.p_value

    @property
    def energy_kev(self) -> np.ndarray:
        """Return the channels checked in keV, (C,); raises `ValueError` where the counts are no X-rays."""
        return self.spectral_axis.energy_kev

    def summary(self) -> dict[str, Any]:
        """Return all numbers but maps and spectra, for JSON."""
        return {
            "alarm": self.alarm,
            "false_alarms": self.false_alarms,
            "sentences": list(self.sentences),
            "effects": plain(self.effects),
            "fitted_again": self.fitted_again,
            "significant": self.significant,
            "windows": plain(self.windows and self.windows.named(self.spectral_axis)),
            "faults": plain(self.faults),
            "channels": plain(self.channels),
            "regions": plain(self.regions),
            "held_out": plain(self.held_out),
        }


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
    said = spectrum.sentences(significant) if spectrum and significant else []
    places = say_regions(regions, found, groups, significant, counts.sum(axis=1))
    if said and places:
        n_off = np.count_nonzero(regions.p_value <= significant)
        text = f"{n_off} of {len(regions.names)} regions do not fit, perhaps for that; {places[0].text}"
        said.append(places[0]._replace(text=text))
    elif not said:
        said = say_channels(channels, axis, first, last, significant, counts.sum(axis=0)) + places
    if held_out.p_value <= significant:
        said.append(say_held_out(held_out))
    return Checks(
        alarm=significant > 0,
        false_alarms=false_alarms,
        sentences=[one.text for one in said] or ["Nothing contradicts the model."],
        effects=[float(one.share) for one in said],
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
