"""The summary of a fit: as numbers for `summary.json`, and in a few printed lines."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesunmix.cli.notes import Heard

if TYPE_CHECKING:
    from bayesunmix.data.result import Unmixing
    from bayesunmix.running.cost import Cost


def describe_fit(result: "Unmixing", heard: Heard, reading: "Cost") -> dict[str, Any]:
    """Say everything that the method and `unmix` said: what names the request first, the long trace last."""
    info: dict[str, Any] = {**result.info}
    first = {name: info.pop(name) for name in ("method", "settings", "n_components", "seed")}
    seconds = {
        "read": reading.fit_seconds,
        "fit": info.pop("fit_seconds"),
        "compile": info.pop("compile_seconds"),
    }
    posterior, doubt = None, ""
    if result.posterior is not None:
        doubt = result.posterior.say_not_calibrated()
        chains, draws = result.posterior.endmembers.shape[:2]
        posterior = {"chains": chains, "draws": draws, "calibrated": result.posterior.calibrated}
    info.pop("input", None)
    warnings = list(info.pop("warnings", []))
    return {
        **first,
        "converged": info.pop("converged", None),
        **({"doubt": result.doubt} if result.doubt else {}),
        "warnings": warnings + _beyond(heard.warnings, warnings),
        "notes": heard.notes,
        "posterior": posterior,
        **({"not_calibrated": doubt} if doubt else {}),
        "seconds": seconds,
        "peak_mib": max(info.pop("peak_mib"), reading.peak_mib),
        "device": info.pop("device"),
        "versions": info.pop("versions"),
        **{name: info[name] for name in sorted(info, key=lambda name: name == "objective")},
    }


def print_summary(summary: dict[str, Any], heard: Heard, out: Path) -> None:
    """Say in a few lines what was done, and what is to be warned of."""
    image, crop, seconds = summary["input"], summary["crop"], summary["seconds"]
    *pixels, channels = image["shape"]
    size = " x ".join(map(str, pixels))
    print(f"read       {image['name']}: {size} pixels, {channels} channels, {image['counts']:,} counts")
    if image.get("signal") == "any":
        print("signal     any: no channel is cropped, and no X-ray line named")
    if crop and crop["channels"]:
        left_out = f"{crop['channels']} channels, {crop['counts']:,} counts"
        print(f"cropped    below {crop['below_kev']:g} keV: {left_out}")
    if summary.get("rank"):
        print(f"rank       {summary['rank']}")
    ended = {True: "converged", False: "NOT converged", None: "done"}[summary["converged"]]
    effort = f"{seconds['fit']:.1f} s + {seconds['compile']:.1f} s compiling, {summary['peak_mib']:.0f} MiB at most"
    print(f"{summary['method']:<10} {summary['n_components']} components: {ended} ({effort})")
    for sentence in _beyond(summary["warnings"], heard.warnings) + heard.warnings:
        print(f"warning: {sentence}")
    print(f"results    {out}")


def _beyond(sentences: list[str], others: list[str]) -> list[str]:
    """Sentences that are no part of the others, and have none of the others as a part."""
    return [s for s in sentences if not any(s in other or other in s for other in others)]
