"""Ratios of two lines in the spectrum of each component: what `bayesunmix lines --ratio` prints and writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bayesunmix.cli.asked import Asked
from bayesunmix.cli.assuming import identified_under

if TYPE_CHECKING:
    from bayesunmix.analysis.assumptions import Assumption
    from bayesunmix.data.rotations import Include


def read_ratios(texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Read what --ratio was given.

    Raises
    ------
    ValueError
        If one is not two lines with a slash between them.
    """
    pairs = []
    for text in texts or ():
        names = [name.strip() for name in text.split("/")]
        if len(names) != 2 or not all(names):
            raise ValueError(
                f"--ratio must be two lines with a slash between them, got {text!r}; for example Fe_Ka/Pt_La"
            )
        pairs.append((names[0], names[1]))
    return pairs


def show_ratios(
    asked: Asked,
    pairs: Sequence[tuple[str, str]],
    interval: float,
    include: "Include",
    believed: "Sequence[Assumption]",
) -> dict[str, Any]:
    """Print a table for each ratio, a line for each component, and return the numbers by the names of a .npz file."""
    import numpy as np

    from bayesunmix.analysis.line_ratios import line_ratio
    from bayesunmix.analysis.quantity import table

    identified = identified_under(believed, asked)
    names = asked.result.names
    found = {
        f"{first}/{second}": [
            line_ratio(
                asked.result,
                asked.image,
                (first, second),
                k,
                interval=interval,
                include=include,
                identified=identified,
            )
            for k in range(len(names))
        ]
        for first, second in pairs
    }
    for one in identified.assumptions if identified else ():
        print(f"assuming that {one}")
    for sentence in identified.warnings if identified else ():
        print(f"warning: {sentence}")
    for name, ratios in found.items():
        print(table(dict(zip(names, ratios, strict=True)), name))
    return {
        "ratios": list(found),
        "components": list(names),
        **{
            f"ratio_{end}": np.array([[getattr(one, end) for one in ratios] for ratios in found.values()])
            for end in ("mean", "lower", "upper")
        },
        **({"assumptions": list(identified.assumptions)} if identified else {}),
    }
