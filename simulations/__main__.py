"""Make phantoms from the command line: `python -m simulations list | show | write | contact-sheet | figures`."""

import inspect
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bayesunmix.running import progress
from bayesunmix.running.home import at_home
from bayesunmix.spectra import RESPONSES
from simulations.acquisition import ACQUISITIONS
from simulations.phantom import PHANTOMS, Phantom
from simulations.trial import acquire

app = typer.Typer(
    help="Phantoms: specimens with known truth, acquired photon by photon.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_PICTURES = (".png", ".svg", ".pdf")
# A series whose counts are held as a store and not in memory.
_STORE = ".h5"


class Preset(StrEnum):
    """Choose a perfect instrument, or one with the faults of real ones."""

    ideal = "ideal"
    realistic = "realistic"


def _a_path(says: str) -> Any:
    return typer.Option(parser=at_home, metavar="PATH", help=says)


Name = Annotated[str, typer.Argument(help="A name that `list` shows.")]
Dose = Annotated[float, typer.Option(help="Mean counts per pixel of the specimen.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same bytes.")]
Tilts = Annotated[int | None, typer.Option(help="Number of tilts of a series, 5 degrees apart.")]
Picture = Annotated[Path, _a_path("Picture to write: .png, .svg or .pdf.")]
PresetOption = Annotated[Preset, typer.Option(help="Detector and acquisition.")]


@app.command("list")
def list_phantoms() -> None:
    """List every phantom with its size and what it is."""
    for name in PHANTOMS:
        try:
            phantom = PHANTOMS[name]()
        except Exception as error:  # of an installed package; it must not hide the others
            print(f"{name:<20} cannot be made: {error}")
            continue
        size = " x ".join(map(str, (*phantom.navigation_shape, phantom.energy_kev.size)))
        labels = ", ".join(phantom.labels) if len(phantom.labels) < 4 else f"{len(phantom.labels)} phases"
        print(f"{name:<20} {size:<18} {labels:<42} {PHANTOMS.summary(name)}")


@app.command()
def show(
    name: Name,
    out: Picture,
    dose: Dose = 30.0,
    seed: Seed = 0,
    tilts: Tilts = None,
    preset: PresetOption = Preset.ideal,
) -> None:
    """Draw a phantom's truth beside one acquisition of it."""
    from simulations.picture import draw_trial

    _require_picture(out)
    phantom = _build(name, tilts, preset)
    _save(draw_trial(acquire(phantom, dose, seed, ACQUISITIONS[preset])), out)


@app.command()
def write(
    name: Name,
    dose: Dose,
    out: Annotated[
        Path,
        typer.Option(
            parser=at_home,
            metavar="PATH",
            help="Spectrum image: .npz, .hspy (HyperSpy), .h5 (streamed); truth: .truth.npz.",
        ),
    ],
    seed: Seed = 0,
    tilts: Tilts = None,
    preset: PresetOption = Preset.ideal,
) -> None:
    """Acquire a phantom and write the image, and its truth in a file of its own."""
    from simulations.writing import FORMATS, write_streamed, write_trial

    if out.suffix not in (*FORMATS, _STORE):
        raise ValueError(
            f"cannot write {out.name!r}: the formats are {' '.join((*FORMATS, _STORE))}; choose one of them"
        )
    phantom = _build(name, tilts, preset)
    acquisition = ACQUISITIONS[preset]
    if out.suffix == _STORE:
        paths = write_streamed(phantom, dose, seed, out, acquisition)
    else:
        paths = write_trial(acquire(phantom, dose, seed, acquisition), out)
    print(f"wrote {paths[0]} and {paths[1]}")


@app.command("contact-sheet")
def draw_contact_sheet(out: Picture, dose: Dose = 30.0, seed: Seed = 0) -> None:
    """Draw a picture of every phantom on one sheet."""
    from simulations.picture import contact_sheet

    _require_picture(out)
    _save(contact_sheet(dose, seed), out)


@app.command()
def figures(
    out: Annotated[
        Path,
        typer.Option(
            parser=at_home, metavar="PATH", help="Folder for the six pictures; made where it is not there."
        ),
    ],
    tilts: Annotated[int, typer.Option(help="Number of tilts of the series to unmix.")] = 73,
    seed: Seed = 0,
    published: Annotated[
        Path | None,
        typer.Option(
            parser=at_home,
            metavar="PATH",
            help="Folder with the published pictures (figures/) and numbers (nicr/), to draw beside.",
        ),
    ] = None,
) -> None:
    """Draw the six figures of the NIST short course (Taillon, 2022) from the phantom of its needle."""
    from simulations.picture import draw_short_course
    from simulations.short_course import reproduce

    if not out.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(out.parent)!r} to make {out.name!r} in; make it first"
        )
    if published is not None and not published.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(published)!r} with published figures; leave --published out to draw ours alone"
        )
    for path in draw_short_course(reproduce(tilts, seed=seed), out, published):
        print(f"wrote {path}")


def main() -> None:
    """Run the command. A mistake of the user is one sentence on stderr and exit status 2."""
    try:
        with progress.showing(True if sys.stderr.isatty() else None):
            app()
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _build(name: str, tilts: int | None, preset: Preset) -> Phantom:
    """Build the phantom with a preset's detector, and with tilts if it has any."""
    builder = PHANTOMS[name]
    settings: dict[str, Any] = {"detector": RESPONSES[preset]}
    if tilts is not None:
        if "tilts" not in inspect.signature(builder).parameters:
            raise ValueError(f"{name} is no tilt series; leave --tilts out, or choose nicr_needle")
        settings["tilts"] = tilts
    return builder(**settings)


def _require_picture(out: Path) -> None:
    if out.suffix not in _PICTURES:
        raise ValueError(
            f"cannot draw {out.name!r}: the formats are {' '.join(_PICTURES)}; choose one of them"
        )


def _save(figure: Any, out: Path) -> None:
    from bayesunmix.io.file import whole_file

    with whole_file(out) as temporary:
        figure.savefig(temporary, dpi=150)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
