"""What one file says of a map, before the files are put together."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayesunmix.claims.claim import MadeFrom
from bayesunmix.claims.claimed_parts import ClaimedArea, ClaimedSpectrum
from bayesunmix.spectra.lines import atomic_number

_NO_PHASE = {
    *("unassigned", "unclassified", "unknown", "unindexed", "notindexed", "nonindexed", "zerosolution"),
    *(
        "zerosolutions",
        "nosolution",
        "none",
        "nophase",
        "background",
        "void",
        "vacuum",
        "unallocated",
        "undefined",
    ),
    *("unidentified", "notassigned", "notclassified", "lowcounts", "nodata", "outside"),
}
_TITLE = re.compile(
    r"(?<![A-Za-z0-9])([A-Z][a-z]?)(?:[ _-]?([KLMN](?:[ab]|[αβ]|[12345])?(?:[12])?(?: ?series)?))?(?![A-Za-z0-9])"
)


@dataclass(frozen=True, eq=False)
class Found:
    """Hold the parts of a claim that one file, or one kind of files, gives.

    Parameters
    ----------
    labels : (H, W) int array or None
        Numbers of phases; -1 where no phase is claimed, -2 where the reader could not tell.
    names : mapping from number to name, or None
        None where the file does not name its numbers.
    spectra : list of (names that the file goes by, spectrum)
    areas, maps, colours : mappings
        As `Claim` takes them.
    made_from : {"these counts", "elsewhere"} or None
        None where the file does not tell.
    notes : sequence of str
    """

    labels: np.ndarray | None = None
    names: Mapping[int, str] | None = None
    spectra: Sequence[tuple[tuple[str, ...], ClaimedSpectrum]] = ()
    areas: Mapping[str, ClaimedArea] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    colours: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    made_from: MadeFrom | None = None
    notes: Sequence[str] = ()


def plain_name(name: str) -> str:
    """Return a name without capitals, spaces and signs, as names are compared."""
    kept = "".join(letter for letter in name.casefold() if letter.isalnum())
    return kept or name.strip()


def is_no_phase(name: str) -> bool:
    """Return True for the names that programs give to pixels without a phase."""
    return plain_name(name) in _NO_PHASE


def element_title(name: str, *, whole: bool = False) -> str | None:
    """Return the element, or line, that a file or a map is named after: "Fe K" of "map1_Fe_K"; None if not just one.

    With `whole` there must be nothing else in the name.
    """
    found = []
    text = name.replace("_", " ").strip()
    for match in [_TITLE.fullmatch(text)] if whole else _TITLE.finditer(text):
        if match is None:
            continue
        try:
            atomic_number(match[1])
        except ValueError:
            continue
        line = (match[2] or "").replace("\u03b1", "a").replace("\u03b2", "b").removesuffix("series").strip()
        found.append(f"{match[1]} {line}".strip())
    return found[0] if len(set(found)) == 1 else None
