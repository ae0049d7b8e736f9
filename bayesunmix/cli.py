"""The command line: `bayesunmix unmix FILE ...`, `bayesunmix rank FILE` and `bayesunmix methods`.

A mistake of the user is one sentence on standard error and exit status 2; an interrupt is exit status 130.
A folder of results appears whole or not at all. Heavy packages are imported inside the commands, so that
`--help` is quick.
"""

import contextlib
import hashlib
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesunmix.running.compilation import keep_compiled_code

if TYPE_CHECKING:
    from bayesunmix.data.image import SpectrumImage
    from bayesunmix.data.result import Unmixing
    from bayesunmix.dimension.rank import Rank

app = typer.Typer(
    help="Unmix EDS spectrum images at photon level, with error bars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# What `unmix` and `rank` both ask for.
File = Annotated[
    Path, typer.Argument(help="A .bcf .emd .hspy .npz .pts .rpl or .zspy file.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
CropBelow = Annotated[float, typer.Option(help="Leave out channels below this energy, keV.")]
NoCrop = Annotated[bool, typer.Option("--no-crop", help="Keep all channels.")]
Mask = Annotated[
    Path | None,
    typer.Option(
        help="A .npy file: bool, of the shape of the map, True where a pixel takes part.", show_default=False
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run in --out.")
]


def main() -> None:
    """Run the command and turn mistakes into one sentence."""
    keep_compiled_code()
    try:
        app(prog_name="bayesunmix")
    except SystemExit as end:
        if end.code == 130:
            print("bayesunmix: interrupted, nothing was written", file=sys.stderr)
        raise
    except MemoryError:
        _fail("the image does not fit into memory; crop it, rebin it, or use a machine with more")
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        _fail(error)


def _fail(sentence: object) -> None:
    print(f"bayesunmix: {sentence}", file=sys.stderr)
    sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bayesunmix {version('bayesunmix')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


@app.command()
def methods() -> None:
    """List the methods, one line each."""
    from bayesunmix.contracts.method import METHODS

    for name in METHODS:
        print(f"{name:<17} {METHODS.summary(name)}")


@app.command()
def unmix(
    file: File,
    out: Annotated[Path, typer.Option(help="Folder for the results; made here.", show_default=False)],
    components: Annotated[
        int | None,
        typer.Option(help="Number of components, K; found where not given.", show_default=False),
    ] = None,
    method: Annotated[str, typer.Option(help="A name that `bayesunmix methods` lists.")] = "bayes",
    seed: Seed = 0,
    crop_below: CropBelow = 0.2,
    no_crop: NoCrop = False,
    mask: Mask = None,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars and no summary.")] = False,
) -> None:
    """Unmix FILE into endmembers (spectra) and abundances (maps), with pictures and a summary."""
    from bayesunmix.contracts.arguments import require_seed
    from bayesunmix.contracts.method import METHODS
    from bayesunmix.contracts.registry import require_name
    from bayesunmix.io.folder import new_folder
    from bayesunmix.io.results import write_results
    from bayesunmix.running.cost import Cost
    from bayesunmix.unmixing import unmix as fit

    require_name(method, METHODS, "method")
    if components is not None and components < 1:
        raise ValueError(
            f"--components must be at least 1, got {components}; choose how many phases to look for"
        )
    require_seed(seed)
    notes = _Notes()
    logging.getLogger("bayesunmix").addHandler(notes)
    try:
        with new_folder(out, overwrite) as folder:
            with Cost() as reading:
                whole, image = _read(file, crop_below, no_crop, mask)
            result = fit(image, components, method, seed=seed, progress=False if quiet else None)
            summary = {
                "input": _describe(file, whole),
                "crop": None if no_crop else _describe_crop(whole, image, crop_below),
                **_describe_fit(result, notes.sentences, reading),
            }
            write_results(folder, image, result, summary)
            _draw(folder, image, result)
    finally:
        logging.getLogger("bayesunmix").removeHandler(notes)
    if not quiet:
        _report(summary, out)


@app.command()
def rank(
    file: File,
    most: Annotated[int, typer.Option(help="Largest number of components to look for.")] = 12,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the numbers and the scree; made here.", show_default=False)
    ] = None,
    seed: Seed = 0,
    crop_below: CropBelow = 0.2,
    no_crop: NoCrop = False,
    mask: Mask = None,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars and no table.")] = False,
) -> None:
    """Recommend how many components to unmix FILE into, and say how sure that is."""
    from bayesunmix.dimension.rank import rank as count
    from bayesunmix.io.folder import new_folder
    from bayesunmix.running import progress

    with (
        progress.showing(False if quiet else None),
        new_folder(out, overwrite) if out else contextlib.nullcontext() as folder,
    ):
        whole, image = _read(file, crop_below, no_crop, mask)
        found = count(image, most, seed)
        if folder:
            _write_rank(folder, found, {"input": _describe(file, whole)})
    if not quiet:
        _print_evidence(found)
    print(found.sentence)


def _write_rank(folder: Path, found: "Rank", source: dict[str, Any]) -> None:
    from bayesunmix.plotting import plot_rank

    text = json.dumps({**source, **found.summary()}, indent=2)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    plot_rank(found).savefig(folder / "scree.png", dpi=200)


def _print_evidence(found: "Rank") -> None:
    """One line for each component: its singular value, and what it gained on held-out photons."""
    values, limits = found.scree.singular_values, found.scree.thresholds
    gains, errors = found.held_out.gains, found.held_out.errors
    print("component  singular value (noise)  held-out gain, log-likelihood")
    for k in range(min(max(found.scree.n_components, gains.size) + 1, values.size)):
        gain = f"{gains[k - 1]:.0f} +- {errors[k - 1]:.0f}" if 0 < k <= gains.size else ""
        print(f"{k + 1:>9}  {values[k]:>14.1f} ({limits[k]:.1f})  {gain}".rstrip())


def _read(
    file: Path, crop_below: float, no_crop: bool, mask: Path | None
) -> tuple["SpectrumImage", "SpectrumImage"]:
    """Read an image: the pixels that take part with all channels, and with those that are to be looked at."""
    from bayesunmix.io import crop_below as leave_out
    from bayesunmix.io import read
    from bayesunmix.io.mask import read_mask

    whole = read(file, crop_below_kev=None)
    whole = whole if mask is None else whole.within(read_mask(mask))
    return whole, whole if no_crop else leave_out(whole, crop_below)


class _Notes(logging.Handler):
    """Shows the library's messages on standard error and keeps them for the summary."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(record.getMessage())
        print(f"note: {record.getMessage()}", file=sys.stderr)


def _describe(file: Path, image: "SpectrumImage") -> dict[str, Any]:
    return {
        "name": file.name,
        "sha256": _sha256(file),
        "shape": image.shape,
        "axes": [axis._asdict() for axis in image.axes],
        "energy_kev": [image.energy_kev[0], image.energy_kev[-1]],
        "counts": image.n_photons,
        "pixels_taking_part": int(image.takes_part.sum()),
    }


def _sha256(file: Path) -> str:
    """Digest of a file, or of all files in order of their names where there are several (.zspy, .rpl with .raw)."""
    parts = sorted(p for p in file.rglob("*") if p.is_file()) if file.is_dir() else [file]
    if file.suffix.lower() == ".rpl":
        parts += sorted(p for p in file.parent.glob(f"{file.stem}.*") if p.suffix.lower() == ".raw")
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _describe_crop(whole: "SpectrumImage", image: "SpectrumImage", below_kev: float) -> dict[str, Any]:
    return {
        "below_kev": below_kev,
        "channels": whole.n_channels - image.n_channels,
        "counts": whole.n_photons - image.n_photons,
    }


def _describe_fit(result: "Unmixing", notes: list[str], reading: Any) -> dict[str, Any]:
    """Everything the method and `unmix` said, with what names the request first and the long trace last."""
    info: dict[str, Any] = {**result.info}
    first = {name: info.pop(name) for name in ("method", "settings", "n_components", "seed")}
    seconds = {
        "read": reading.fit_seconds,
        "fit": info.pop("fit_seconds"),
        "compile": info.pop("compile_seconds"),
    }
    posterior = None
    if result.posterior is not None:
        chains, draws = result.posterior.endmembers.shape[:2]
        posterior = {"chains": chains, "draws": draws, "calibrated": result.posterior.calibrated}
    return {
        **first,
        "converged": info.pop("converged", None),
        "warnings": list(info.pop("warnings", [])),
        "notes": notes,
        "posterior": posterior,
        "seconds": seconds,
        "peak_mib": max(info.pop("peak_mib"), reading.peak_mib),
        "device": info.pop("device"),
        "versions": info.pop("versions"),
        **{name: info[name] for name in sorted(info, key=lambda name: name == "objective")},
    }


def _draw(folder: Path, image: "SpectrumImage", result: "Unmixing") -> None:
    from bayesunmix.plotting import plot_maps, plot_spectra

    for name, plot in (("maps", plot_maps), ("spectra", plot_spectra)):
        plot(result, image).savefig(folder / f"{name}.png", dpi=200)


def _report(summary: dict[str, Any], out: Path) -> None:
    """Say in a few lines what was done."""
    image, crop, seconds = summary["input"], summary["crop"], summary["seconds"]
    *pixels, channels = image["shape"]
    size = " x ".join(map(str, pixels))
    print(f"read       {image['name']}: {size} pixels, {channels} channels, {image['counts']:,} counts")
    if crop and crop["channels"]:
        left_out = f"{crop['channels']} channels, {crop['counts']:,} counts"
        print(f"cropped    below {crop['below_kev']:g} keV: {left_out}")
    ended = {True: "converged", False: "NOT converged", None: "done"}[summary["converged"]]
    effort = f"{seconds['fit']:.1f} s + {seconds['compile']:.1f} s compiling, {summary['peak_mib']:.0f} MiB at most"
    print(f"{summary['method']:<10} {summary['n_components']} components: {ended} ({effort})")
    for warning in summary["warnings"]:
        print(f"warning    {warning}")
    print(f"results    {out}")
