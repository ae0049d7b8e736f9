"""`python -m simulations list | show NAME | write NAME`: phantoms from the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from simulations.phantom import PHANTOMS

app = typer.Typer(
    help="Phantoms: specimens with known truth, acquired photon by photon.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_PICTURES = (".png", ".svg", ".pdf")
Name = Annotated[str, typer.Argument(help="A name that `list` shows.")]
Dose = Annotated[float, typer.Option(help="Mean counts per pixel of the specimen.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same bytes.")]


@app.command("list")
def list_phantoms() -> None:
    """List every phantom with its size and what it is."""
    for name in PHANTOMS:
        phantom = PHANTOMS[name]()
        size = " x ".join(map(str, (*phantom.navigation_shape, phantom.energy_kev.size)))
        print(f"{name:<20} {size:<18} {', '.join(phantom.labels):<16} {_summary(name)}")


@app.command()
def show(
    name: Name,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .svg or .pdf.")],
    dose: Dose = 30.0,
    seed: Seed = 0,
) -> None:
    """Draw a phantom's truth beside one acquisition of it."""
    from simulations.picture import draw_trial
    from simulations.writing import whole_file

    if out.suffix not in _PICTURES:
        raise ValueError(
            f"cannot draw {out.name!r}: the formats are {' '.join(_PICTURES)}; choose one of them"
        )
    figure = draw_trial(PHANTOMS[name]().acquire(dose, seed))
    with whole_file(out) as temporary:
        figure.savefig(temporary, dpi=150)
    print(f"wrote {out}")


@app.command()
def write(
    name: Name,
    dose: Dose,
    out: Annotated[Path, typer.Option(help="Spectrum image to write, .npz; the truth goes to .truth.npz.")],
    seed: Seed = 0,
) -> None:
    """Acquire a phantom and write the image, and its truth in a file of its own."""
    from simulations.writing import write_trial

    trial = PHANTOMS[name]().acquire(dose, seed)
    image_path, truth_path = write_trial(trial, out)
    print(f"wrote {image_path} ({trial.image.n_photons} counts) and {truth_path}")


def main() -> None:
    """Run the command; a mistake of the user is one sentence on stderr and exit status 2."""
    try:
        app()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _summary(name: str) -> str:
    """First sentence of the phantom's own file."""
    return (sys.modules[PHANTOMS[name].__module__].__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    main()
