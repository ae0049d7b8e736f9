"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def a_path(text: object) -> Path:
    """Read a path; `~` is the home folder, also where a shell does not see it (`--out=~/first`)."""
    from bayesunmix.running.home import at_home

    return at_home(str(text))


def whole_number(text: object) -> int:
    """Read a whole number."""
    try:
        return int(str(text))
    except ValueError:
        raise typer.BadParameter(f"must be a whole number, got {text!r}") from None


def number(text: object) -> float:
    """Read a number."""
    try:
        return float(str(text))
    except ValueError:
        raise typer.BadParameter(f"must be a number, got {text!r}") from None


def a_whole_number(says: str) -> typer.models.OptionInfo:
    """Return an option that takes a whole number."""
    return typer.Option(parser=whole_number, metavar="N", help=says)


def a_number(says: str) -> typer.models.OptionInfo:
    """Return an option that takes a number."""
    return typer.Option(parser=number, metavar="X", help=says)


def a_folder(says: str) -> typer.models.OptionInfo:
    """Return an option that takes a folder."""
    return typer.Option(parser=a_path, metavar="FOLDER", help=says, show_default=False)


File = Annotated[
    Path,
    typer.Argument(
        parser=a_path,
        metavar="FILE",
        help="A .bcf .emd .h5 .h5oina .hdf5 .hspy .npz .pts .rpl or .zspy file.",
        show_default=False,
    ),
]
Seed = Annotated[int, a_whole_number("The same seed gives the same result.")]
CropBelow = Annotated[float, a_number("Leave out channels below this energy, in keV.")]
NoCrop = Annotated[bool, typer.Option("--no-crop", help="Keep all channels.")]
Signal = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What was counted: eds (X-rays, the default), xrf (micro-XRF), or any (EELS, CL, FTIR, Raman, ...: "
        "no X-ray lines, nothing is cropped).",
        show_default=False,
    ),
]
Dataset = Annotated[
    int | None,
    a_whole_number(
        "The number of the spectrum image to read, where FILE holds several; it says which there are."
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        parser=a_path,
        metavar="FILE",
        help="Pixels to use: a .npy file of bools with the shape of the map, True for a pixel to use.",
        show_default=False,
    ),
]
OverwriteFolder = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run in --out.")
]

# What the commands share that ask a saved result.
Result = Annotated[
    Path,
    typer.Argument(
        parser=a_path,
        metavar="RESULT",
        help="The folder that `bayesunmix unmix` wrote, or a result.nc.",
        show_default=False,
    ),
]
Image = Annotated[
    Path | None,
    typer.Argument(
        parser=a_path,
        metavar="IMAGE",
        help="The file that was unmixed; found by itself if it is still where it was.",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file of the name in --out.")]
Interval = Annotated[float, a_number("Probability of the intervals.")]
Include = Annotated[
    Literal["total", "counting"],
    typer.Option(
        help="'total' intervals go on to the other solutions that fit as well; 'counting' ones do not.",
    ),
]
Box = Annotated[
    str | None,
    typer.Option(
        metavar="Y0:Y1,X0:X1",
        help="First pixel, and the one after the last, along each axis of the map, from 0.",
        show_default=False,
    ),
]
RegionMask = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        parser=a_path,
        metavar="FILE",
        help="A .npy file of bools with the shape of the map, True for a pixel of the region.",
        show_default=False,
    ),
]
Specimen = Annotated[
    Path | None,
    typer.Option(
        parser=a_path,
        metavar="FILE",
        help="Pixels with specimen: a .npy file of bools with the shape of the map. "
        "Where not given, pixels with few counts are taken for vacuum.",
        show_default=False,
    ),
]


def out(*formats: str) -> typer.models.OptionInfo:
    """Return the option `--out` of a command that writes these formats."""
    names = " or ".join(formats)
    more = "; may be given once for each format" if len(formats) > 1 else ""
    return typer.Option(
        "--out",
        parser=a_path,
        metavar="FILE",
        help=f"Write a {names} file as well{more}.",
        show_default=False,
    )
