"""`bayesunmix denoise`: the spectrum that a result expects in a pixel or a region, with its band."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Box, Image, Interval, Overwrite, RegionMask, Result, Seed, out
from bayesunmix.cli.outputs import as_csv, as_png, require_writable, write_each
from bayesunmix.cli.places import pixel_of, region_of
from bayesunmix.cli.table import digits, laid_out

if TYPE_CHECKING:
    import numpy as np

    from bayesunmix.analysis.denoising import Band
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.spectral_axis import SpectralAxis

EXAMPLE = """\
Examples:
  bayesunmix denoise first --pixel 12,40 --out pixel.csv
  bayesunmix denoise first --box 10:40,0:25 --out box.png"""
_FORMATS = (".csv", ".png")


def denoise(
    result: Result,
    image: Image = None,
    pixel: Annotated[
        str | None,
        typer.Option(metavar="Y,X", help="A pixel: its number along each axis, from 0.", show_default=False),
    ] = None,
    box: Box = None,
    mask: RegionMask = None,
    interval: Interval = 0.9,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show the spectrum that RESULT expects in a pixel or a region, with a band.

    The band is for the expected counts; measured counts scatter about these by their own noise. The table shows the
    peaks of the whole map; the .csv file has a line for each channel.
    """
    require_writable(outputs, _FORMATS, overwrite)
    if sum(given is not None for given in (pixel, box, mask)) != 1:
        raise ValueError("a place is given by one of --pixel, --box and --mask; give one of them")
    with asking(result, image) as asked:
        from bayesunmix.analysis.denoising import denoised
        from bayesunmix.plotting.band import plot_band

        where: Any = region_of(asked.image, box, mask) if pixel is None else pixel_of(asked.image, pixel)
        band = denoised(asked.result, asked.image, where, interval=interval, seed=seed)
        counts = _counts(asked.image, where)
        print(_table(asked.image, band, counts, interval))
        axis = asked.image.spectral_axis
        rows = [
            dict(zip((axis.column, "counts", "mean", "lower", "upper"), map(_short, line), strict=True))
            for line in zip(axis.values, counts, *band, strict=True)
        ]
        picture = as_png(
            lambda: plot_band(axis.values, counts, band, interval, axis.label), asked.result.doubt
        )
        write_each(outputs, {".csv": as_csv(rows, asked.result.doubt), ".png": picture}, asked.files)


def _counts(image: "SpectrumImage", where: Any) -> "np.ndarray":
    """Add up the measured counts, (C,)."""
    import numpy as np

    pixels = np.zeros(image.navigation_shape, bool)
    pixels[where] = True
    return np.asarray(image.counts[pixels.ravel()].sum(axis=0, dtype=np.int64)).ravel()


def _table(image: "SpectrumImage", band: "Band", counts: "np.ndarray", interval: float) -> str:
    """Lay out the expected spectrum at the peaks of the whole map as plain text: one pixel has few of its own."""
    import numpy as np

    axis = image.spectral_axis
    head = f"{counts.sum()} counts measured, {band.mean.sum():.1f} expected; by channel, at the peaks of the map:"
    rows = [("peak", axis.units or axis.name, "expected", f"{100 * interval:g} % interval", "measured")]
    for name, place in _peaks(axis, image.sum_spectrum()):
        at = int(np.abs(axis.values - place).argmin())
        between = f"{digits(band.lower[at])} to {digits(band.upper[at])}"
        value = f"{axis.values[at]:.3f}" if axis.is_xray else f"{axis.values[at]:.6g}"
        rows.append((name, value, digits(band.mean[at]), between, str(counts[at])))
    return "\n".join([head, laid_out(rows)])


def _peaks(axis: "SpectralAxis", spectrum: "np.ndarray") -> list[tuple[str, float]]:
    """Return the name of each peak, "?" where none is certain, and its place."""
    from bayesunmix.spectra.maxima import find_maxima
    from bayesunmix.spectra.peaks import find_peaks

    if axis.is_xray:
        return [(peak.element or "?", peak.energy_kev) for peak in find_peaks(axis.energy_kev, spectrum)]
    return [("?", float(axis.values[round(at)])) for at in find_maxima(spectrum)]


def _short(value: Any) -> str:
    return f"{value:.9g}"
