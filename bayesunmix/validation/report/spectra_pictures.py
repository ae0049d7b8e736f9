"""Draw the spectra of phases and of suspects, beside what they should be."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from bayesunmix.data.grid import last_channel
from bayesunmix.plotting.style import Picture
from bayesunmix.spectra.peaks import find_peaks
from bayesunmix.validation.case import Case
from bayesunmix.validation.report.phase_colours import colours_of, dark, names_of
from bayesunmix.validation.words import say_short, say_thousands

MOST_SUSPECTS = 4  # of which spectra are drawn


def draw_spectra(case: Case, expected: Mapping[int, np.ndarray], says: str) -> Figure:
    """Draw the spectrum of each phase with its lines named, and its residuals below.

    Parameters
    ----------
    case : Case
    expected : mapping from phase to (C,) array
        What each is compared with, in any unit; phases without an entry have no residuals.
    says : str
        What that is.
    """
    n = case.claim.n_phases
    figure = Picture(figsize=(8.4, 0.6 + 2.1 * n), layout="constrained")
    panels = figure.subplots(2 * n, 1, sharex=True, height_ratios=[3, 1] * n, squeeze=False)[:, 0]
    energy = case.image.spectral_axis.values
    stop = last_channel(case.image.sum_spectrum())
    for k, (name, colour) in enumerate(zip(names_of(case), colours_of(case), strict=True)):
        above, below = panels[2 * k], panels[2 * k + 1]
        counts = case.spectrum_of(case.labels == k)[:stop].astype(float)
        above.step(energy[:stop], np.sqrt(counts), where="mid", color=dark(colour), lw=0.8)
        above.set_title(f"{name} · {say_thousands(counts.sum())} counts", loc="right", fontsize=9, pad=2)
        for peak in find_peaks(energy[:stop], counts) if case.image.spectral_axis.is_xray else ():
            above.annotate(
                peak.element or f"{peak.energy_kev:.2f}",
                (peak.energy_kev, np.sqrt(max(peak.height, 0))),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8 if peak.element else 6,
            )
        above.set_ylim(0, 1.25 * np.sqrt(max(counts.max(initial=1), 1)))
        if k in expected and counts.sum() > 0:
            below.axhspan(-2, 2, color="0.93", lw=0)
            at, residual = _residuals(energy[:stop], counts, expected[k][:stop])
            below.stem(at, residual, linefmt="0.35", markerfmt=" ", basefmt=" ")
        below.axhline(0, color="0.6", lw=0.6)
        limit = max(3.5, float(np.abs(below.dataLim.intervaly).max()) if k in expected else 3.5)
        below.set_ylim(-limit, limit)
        for axes in (above, below):
            axes.margins(x=0)
            axes.tick_params(labelsize=8)
            axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel(f"{case.image.spectral_axis.label}\nbelow each: residuals against {says}, in sd")
    figure.supylabel("square root of the counts", fontsize=9)
    return figure


def draw_suspects(case: Case, suspects: Sequence[tuple[np.ndarray, int, int | None]]) -> Figure:
    """Draw the spectra of suspects beside the phases that they are called and that they look like.

    Parameters
    ----------
    case : Case
    suspects : sequence of (mask, phase, other phase or None)
    """
    figure = Picture(figsize=(8.4, 0.6 + 1.9 * len(suspects)), layout="constrained")
    panels = figure.subplots(len(suspects), 1, sharex=True, squeeze=False)[:, 0]
    energy, colours = case.image.spectral_axis.values, colours_of(case)
    for axes, (mask, phase, other) in zip(panels, suspects, strict=True):
        counts = case.spectrum_of(mask).astype(float)
        rest = case.spectrum_of((case.labels == phase) & ~mask).astype(float)
        first = _channel_groups(counts + rest)
        widths = np.diff(np.append(first, counts.size))
        at = energy[np.minimum(first + widths // 2, counts.size - 1)]
        for k, spectrum in (
            (phase, rest),
            (other, None if other is None else case.spectrum_of(case.labels == other)),
        ):
            if k is not None and spectrum is not None and spectrum.sum() > 0:
                level = np.add.reduceat(spectrum * counts.sum() / spectrum.sum(), first) / widths
                axes.step(
                    at,
                    np.sqrt(level),
                    where="mid",
                    color=dark(colours[k]),
                    lw=1.1,
                    label=say_short(case.names[k]),
                )
        seen = np.add.reduceat(counts, first)
        axes.errorbar(
            at,
            np.sqrt(seen / widths),
            0.5 / np.sqrt(widths),
            fmt=".",
            ms=4,
            color="black",
            lw=0.7,
            label=f"{int(mask.sum())} pixels, {counts.sum():.0f} counts",
        )
        rows, columns = np.nonzero(mask)
        axes.set_title(
            f"row {rows.mean():.0f}, column {columns.mean():.0f}, called {say_short(case.names[phase])}",
            loc="left",
            fontsize=9,
            pad=2,
        )
        axes.legend(frameon=False, fontsize=8)
        axes.margins(x=0)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel(case.image.spectral_axis.label)
    figure.supylabel("square root of the counts per channel", fontsize=9)
    return figure


def _channel_groups(spectrum: np.ndarray) -> np.ndarray:
    """Return the first channel of each of about 80 groups of equal counts."""
    group = np.floor(np.cumsum(spectrum) * (80 / max(spectrum.sum(), 1e-300)) - 1e-9).astype(int)
    return np.flatnonzero(np.diff(group, prepend=-1))


def _residuals(energy: np.ndarray, counts: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return place and size of the residuals, of groups of channels in which about 25 counts are expected."""
    scaled = np.maximum(expected, 0) * counts.sum() / max(float(np.maximum(expected, 0).sum()), 1e-300)
    group = np.floor(np.cumsum(scaled) / max(25.0, scaled.sum() / 150)).astype(int)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    model = np.maximum(np.add.reduceat(scaled, first), 0.5)
    seen = np.add.reduceat(counts, first)
    return np.add.reduceat(energy * scaled, first) / np.maximum(np.add.reduceat(scaled, first), 1e-300), (
        seen - model
    ) / np.sqrt(model)
