"""Put what several files say together as one claim."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bayesunmix.claims._found import Found, is_no_phase, plain_name
from bayesunmix.claims.claim import Claim, MadeFrom
from bayesunmix.claims.legend import Legend
from bayesunmix.io.reading_axes import Refused

_NUMBERED = re.compile(r"(?:p|ph|phase|component|spectrum|sum ?spectrum)[ _-]*(\d{1,3})", re.IGNORECASE)


def merged(
    main: Found | None,
    parts: Sequence[Found],
    legend: Legend | None,
    elements: Mapping[str, Sequence[str]],
    made_from: MadeFrom | None,
    source: str,
    files: Sequence[str],
) -> Claim:
    """Make a claim of the label map and of what other files say; names are matched without regard to capitals.

    Raises
    ------
    Refused
        If a name is none of the phases, or the same thing is said twice.
    """
    notes = [note for part in [*parts, *([main] if main else [])] for note in part.notes]
    names = None if main is None else main.names
    known = _known(main, parts, legend)
    spectra: dict[str, Any] = {}
    for part in parts:
        for candidates, spectrum in part.spectra:
            name = _numbered(candidates, known, notes) or _phase(
                "spectrum", candidates, known, main is not None
            )
            _once("spectrum", name, spectrum, spectra)
    areas = _matched("area", ((n, a) for part in parts for n, a in part.areas.items()), known, main)
    listed = _matched("element list", elements.items(), known, main)
    maps: dict[str, Any] = {}
    for part in parts:
        for title, values in part.maps.items():
            _once("element map", title, values, maps)
    colours = {} if legend is None or (main and main.names is None) else dict(legend.colours)
    colours |= dict(main.colours) if main else {}
    mentioned = {*spectra, *areas, *listed}
    if names is not None and main is not None and main.labels is not None:
        absent = [code for code in names if not (main.labels == code).any() and names[code] not in mentioned]
        if absent and len(absent) < len(names):
            notes.append(f"{len(absent)} phases of the legend are nowhere in the map: left out")
            names = {code: name for code, name in names.items() if code not in absent}
    of_claim = None if names is None else set(names.values())
    try:
        return Claim(
            None if main is None else main.labels,
            names=[name for name in known if name in mentioned and main is None] if names is None else names,
            spectra=spectra,
            areas=areas,
            maps=maps,
            elements=listed,
            colours={n: c for n, c in colours.items() if of_claim is not None and n in of_claim},
            made_from=made_from or (main.made_from if main and main.made_from else "these counts"),
            source=source,
            notes=notes,
        )
    except (TypeError, ValueError) as error:
        said = ", ".join(repr(file) for file in files) or "no file"
        raise Refused(f"no claim can be made of {said}: {error}") from error


def _known(main: Found | None, parts: Sequence[Found], legend: Legend | None) -> list[str]:
    """Return the names of the phases, as far as they are known."""
    if main is not None and main.names is not None:
        return list(main.names.values())
    if main is not None and main.labels is not None:  # named by `Claim` after their numbers
        try:
            return list(Claim(main.labels).names)
        except ValueError:  # said with the names of the files, later
            return []
    if legend is not None:
        return [name for name in legend.names if not is_no_phase(name)]
    return list(dict.fromkeys(name for part in parts for name in part.areas))


def _phase(what: str, candidates: Sequence[str], known: Sequence[str], is_strict: bool) -> str:
    """Return the phase that a file is named after: by its whole name or title, or by one name inside it."""
    plain = {plain_name(name): name for name in known}
    for candidate in candidates:
        if plain_name(candidate) in plain:
            return plain[plain_name(candidate)]
    for candidate in candidates:
        inside = [name for name in known if _is_word_of(name, candidate)]
        longest = [name for name in inside if not any(name != o and _is_word_of(name, o) for o in inside)]
        if len(longest) == 1:
            return longest[0]
    if is_strict and known:
        raise Refused(
            f"the {what} {candidates[0]!r} belongs to none of the phases {', '.join(known[:12])}; rename it, or give "
            f"it as {'spectra' if what == 'spectrum' else 'areas or elements'} under the name of its phase"
        )
    return candidates[0]


def _numbered(candidates: Sequence[str], known: Sequence[str], notes: list[str]) -> str | None:
    """Return the phase that a file is numbered after ("P2", "Phase 2", "Spectrum 2"), where no name fits."""
    found = _NUMBERED.fullmatch(candidates[0].strip())
    plain = {plain_name(name) for name in known}
    if not found or any(plain_name(candidate) in plain for candidate in candidates):
        return None
    number = int(found[1])
    if not 1 <= number <= len(known):
        return None
    notes.append(
        f"the spectrum {candidates[0]!r} is read as that of {known[number - 1]!r}, number {number} of the phases; "
        "if it is another's, give spectra={'name of the phase': path}"
    )
    return known[number - 1]


def _is_word_of(name: str, text: str) -> bool:
    """Return True if a name stands in a text as a word, or as several."""
    split = ["".join(c if c.isalnum() else " " for c in s.casefold()).split() for s in (name, text)]
    n = len(split[0])
    return n > 0 and any(split[1][i : i + n] == split[0] for i in range(len(split[1]) - n + 1))


def _matched(
    what: str, given: Iterable[tuple[str, Any]], known: Sequence[str], main: Found | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given:
        _once(what, _phase(what, (name,), known, main is not None), value, found)
    return found


def _once(what: str, name: str, value: Any, into: dict[str, Any]) -> None:
    if name in into:
        same = np.shape(into[name]) == np.shape(value) and what == "element map"
        if same and np.array_equal(into[name], value):
            return
        raise Refused(f"there are two files with the {what} of {name!r}; give one of them")
    into[name] = value
