"""Hold what the checks of a result found, and show it."""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesunmix.checks.deviance import Deviances
from bayesunmix.checks.held_out import HeldOutCounts
from bayesunmix.checks.severity import LEAST
from bayesunmix.checks.spectrum import Fault, Windows
from bayesunmix.data.display.text import WIDTH, brief, wrapped
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
    coverage : float
        How many of the 90 % intervals of a posterior may still hold the truth, where they fare worst
        (`bayesunmix.checks.severity`): 0.9 if there is no alarm.
    worst : str
        The misfit that leaves so many: how large it is and where; "" if there is no alarm.
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
    doubt : str
        "not converged" and why, and what the result assumes (`Unmixing.doubt`); "" where there is nothing.

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
    coverage: float
    worst: str
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
    doubt: str = ""

    @property
    def severe(self) -> bool:
        """Return True if the misfit may make 90 % intervals too narrow: less than 85 % of them hold the truth."""
        return self.coverage < LEAST

    @property
    def verdict(self) -> str:
        """Say what the misfit means for intervals, in two sentences; "" if there is no alarm."""
        if not self.alarm:
            return ""
        left = f"{100 * self.coverage:.0f} % of cases"
        meant = (
            f"Intervals of 90 % may hold the truth in as few as {left}, so they are not called calibrated"
            if self.severe
            else f"Intervals of 90 % hold the truth in at least {left}, so it is too small to matter for them"
        )
        return f"The counts contradict the model: {self.worst}. {meant}; bayesunmix.check says more."

    def __repr__(self) -> str:
        said = (
            line
            for sentence in self.sentences
            for line in textwrap.wrap(sentence, WIDTH - 2, initial_indent="- ", subsequent_indent="  ")
        )
        return brief([f"<Checks: {'; '.join(self._facts())}>", *wrapped(self.doubt, 2), *said])

    def _repr_html_(self) -> str:
        from bayesunmix.data.display import html
        from bayesunmix.data.display.pictures import Curve, curve_figure, map_figure

        doubt = [html.warned([self.doubt])] if self.doubt else []
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
        return html.frame(type(self).__name__, self._facts(), [*doubt, *said])

    def _facts(self) -> list[str]:
        off = int(np.count_nonzero(self.regions.p_value <= self.significant))
        return [
            "ALARM" if self.alarm else "no alarm",
            *(["small beside the errors"] if self.alarm and not self.severe else []),
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
            "coverage": self.coverage,
            "worst": self.worst,
            "severe": self.severe,
            "fitted_again": self.fitted_again,
            "significant": self.significant,
            "windows": plain(self.windows and self.windows.named(self.spectral_axis)),
            "faults": plain(self.faults),
            "channels": plain(self.channels),
            "regions": plain(self.regions),
            "held_out": plain(self.held_out),
        }
