"""Write a result on one page: maps, spectra, shares with their errors, checks, how it was made, how to repeat it."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from bayesunmix.analysis.identification import Identified
from bayesunmix.analysis.quantity import DECISIVE_SHARE, NEGLIGIBLE_SHARE
from bayesunmix.checks.check import check
from bayesunmix.checks.outcome import Checks
from bayesunmix.contracts.arguments import require_result_of
from bayesunmix.data.display import words
from bayesunmix.data.grid import say_axis
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing
from bayesunmix.plotting import plot_checks, plot_maps, plot_spectra
from bayesunmix.plotting.style import mark
from bayesunmix.report.page import data_uri, origin_of, write_page
from bayesunmix.report.script import repeating_script
from bayesunmix.report.shares import share_rows, with_shares
from bayesunmix.running.home import at_home

_HERE = Path(__file__).parent
_DPI = 160


class _Drawn(NamedTuple):
    """Hold a picture as a page can, or why it could not be drawn."""

    source: str
    why_not: str = ""


def write_report(
    path: str | Path,
    result: Unmixing,
    image: SpectrumImage,
    *,
    checks: Checks | None = None,
    identified: Identified | None = None,
    script: str | None = None,
    source: str | Path | Mapping[str, Any] | None = None,
) -> None:
    """Write a report of a result: one HTML file that opens from disk without a network.

    Parameters
    ----------
    path : str or Path
        The .html file. A file of that name is replaced, and never half-written.
    result : Unmixing
    image : SpectrumImage
        The image that was unmixed.
    checks : Checks, optional
        ``bayesunmix.check(result, image)``; computed where not given, in seconds.
    identified : Identified, optional
        ``bayesunmix.identify(result, image)``; computed where it is needed and not given, in seconds.
    script : str, optional
        Python code that repeats the result; written from what the result knows where not given.
    source : str, Path or mapping, optional
        The file that the image was read from, or its `name` and `sha256`. Where not given: the file that the command
        line noted in the result.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the required kind, or the result is not of this image.
    OSError
        If the file cannot be written.
    """
    require_result_of(result, image)
    origin = _origin(source, result)
    result = with_shares(result, image, identified)
    head, *rows = share_rows(result, image, identified)
    found, why_not = (checks, "") if checks else _checked(result, image)
    if script is None and "method" in result.info:
        script = repeating_script(
            result, image, origin.get("name", ""), origin.get("sha256", ""), origin.get("dataset")
        )
    write_page(
        at_home(path),
        _HERE / "result.html.jinja",
        _HERE / "result.css",
        title=origin.get("name") or "a spectrum image",
        headline=words.headline(result.estimate, result.info),
        facts=_facts(image, origin),
        doubt=result.doubt,
        warnings=result.info.get("warnings", []),
        head=head,
        rows=rows,
        doubtful=words.DOUBTFUL,
        is_xray=image.spectral_axis.is_xray,
        has_errors="fractions" in result.info,
        has_ranges=result.estimate.is_nonnegative,
        limits=(NEGLIGIBLE_SHARE, DECISIVE_SHARE),
        error_bars=words.say_posterior(result.posterior, result.info),
        maps=_picture(lambda: plot_maps(result, image)),
        spectra=_picture(lambda: plot_spectra(result, image)),
        checks=found,
        why_no_checks=why_not,
        checks_picture=_picture(lambda: mark(plot_checks(found), result.doubt)) if found else None,
        rank=result.info.get("rank", ""),
        how=_how(result),
        script=script or "",
        script_link=data_uri("text/x-python", (script or "").encode()),
    )


def _origin(source: str | Path | Mapping[str, Any] | None, result: Unmixing) -> Mapping[str, Any]:
    """Return name and digest of the file that was read."""
    return result.info.get("input", {}) if source is None else origin_of(source)


def _checked(result: Unmixing, image: SpectrumImage) -> tuple[Checks | None, str]:
    """Check a result, or say why that is not possible."""
    try:
        return check(result, image), ""
    except ValueError as error:
        return None, str(error)


def _facts(image: SpectrumImage, origin: Mapping[str, Any]) -> dict[str, str]:
    """Describe what was read."""
    axes = (say_axis(axis, n) for axis, n in zip(image.axes, image.navigation_shape, strict=True))
    n_used = int(image.takes_part.sum())
    masked = "" if image.mask is None else f", {image.n_pixels - n_used} of {image.n_pixels} pixels masked"
    facts = {
        "File": origin.get("name", ""),
        "SHA-256": origin.get("sha256", ""),
        "Map": ", ".join(axes) + masked,
        "Channels": f"{image.n_channels}, {_axis(image)}",
        "Counts": f"{image.n_photons:,}, {image.n_photons / n_used:.3g} per pixel",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _axis(image: SpectrumImage) -> str:
    axis = image.spectral_axis
    return axis.say_ends(3) if axis.signal == "eds" else axis.say_axis()


def _how(result: Unmixing) -> dict[str, str]:
    """Describe how the result was made."""
    info = result.info
    seconds = f"{info['fit_seconds']:.1f} s, and {info['compile_seconds']:.1f} s for compiling"
    facts = {
        "Method": info.get("method", "by hand"),
        "Converged": {True: "yes", False: "no"}.get(bool(info["converged"])) if "converged" in info else None,
        "Iterations": str(info["iterations"]) if "iterations" in info else None,
        "Time": seconds if "fit_seconds" in info else None,
        "Memory": f"{info['peak_mib']:.0f} MiB at most" if "peak_mib" in info else None,
    }
    said = {name.capitalize(): text for name, text in words.say_how(info) if name != "number of components"}
    return {name: text for name, text in (facts | said).items() if text}


def _picture(draw: Callable[[], Figure]) -> _Drawn:
    content = io.BytesIO()
    try:
        draw().savefig(content, format="png", dpi=_DPI)
    except Exception as error:  # whatever a drawing library raises: the rest of the page is not lost
        return _Drawn("", " ".join(str(error).split()) or type(error).__name__)
    return _Drawn(data_uri("image/png", content.getvalue()))
