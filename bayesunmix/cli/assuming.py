"""The option --assume: what is believed besides the counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np

    from bayesunmix.analysis.assumptions import Assumption
    from bayesunmix.analysis.identification import Identified
    from bayesunmix.cli.asked import Asked

Assume = Annotated[
    list[str] | None,
    typer.Option(
        "--assume",
        metavar="WHAT",
        help="Narrow the ranges by what you believe: pure=9 (every phase has a pure area of 9 pixels), owns=NAME:Ca "
        "(only that component has Ca), spectrum=NAME:FILE (its spectrum, .npy or the last column of a .csv). NAME is a "
        "number or a name; repeat for more.",
        show_default=False,
    ),
]


def read_assumptions(texts: Sequence[str] | None) -> "list[Assumption]":
    """Read what --assume was given.

    Raises
    ------
    ValueError
        If one has another form; the message shows the forms.
    """
    from bayesunmix.analysis.assumptions import Owns, PureAreas, Reference

    found: list[Assumption] = []
    for text in texts or ():
        kind, _, rest = text.partition("=")
        name, colon, what = (part.strip() for part in rest.rpartition(":"))
        component = int(name) if name.isdecimal() else name
        if kind == "pure" and rest.strip().isdecimal():
            found.append(PureAreas(int(rest)))
        elif kind == "owns" and colon and name and what:
            found.append(Owns(component, what))
        elif kind == "spectrum" and colon and name and what:
            found.append(Reference(component, _spectrum(Path(what))))
        else:
            raise ValueError(
                f"--assume must be pure=N, owns=NAME:ELEMENT or spectrum=NAME:FILE, got {text!r}; for example "
                "pure=9 or owns=1:Ca"
            )
    return found


def identified_under(believed: "Sequence[Assumption]", asked: "Asked") -> "Identified | None":
    """Return the ranges under what is believed; None where nothing is, so that those of the result are used."""
    from bayesunmix.analysis.identification import identify

    return identify(asked.result, asked.image, assume=believed) if believed else None


def _spectrum(path: Path) -> "np.ndarray":
    import numpy as np

    path = path.expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r} with a spectrum to assume; check the name")
    try:
        if path.suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False), float)
        rows = np.genfromtxt(path, delimiter=",", comments="#", ndmin=2)
        return np.asarray(rows[np.isfinite(rows).all(axis=1), -1], float)
    except ValueError as error:
        raise ValueError(
            f"a spectrum to assume must be an .npy array or a .csv table of numbers, and {str(path)!r} is neither "
            f"({error}); write it again"
        ) from error
