"""Hold what somebody says about a map: phases, their spectra, areas and elements, and element maps.

A claim is checked once, when it is made. It may come from a vendor's program, from EBSD, or from a pencil; every part
is optional.
"""

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from bayesunmix.claims.claimed_parts import ClaimedArea, ClaimedSpectrum, numbers_of
from bayesunmix.spectra.lines import atomic_number

UNASSIGNED, UNDECIDED = -1, -2
MadeFrom = Literal["these counts", "elsewhere"]


@dataclass(frozen=True, eq=False, init=False)
class Claim:
    """Hold what somebody says about a map.

    Parameters
    ----------
    labels : (H, W) array of whole numbers, optional
        Phase of each pixel. The map may have another size than the counts: `bayesunmix.validate` lays it on them.
        Stored as 0, 1, ... in the order of `names`, -1 where no phase is claimed, -2 where the reader could not tell.
    names : sequence of str, or mapping from int to str, optional
        Names of the phases in the order of their numbers, or the name of each number. "phase 1", ... where not given.
    unassigned : int, optional
        The number that means "no phase". Negative numbers always do, except -2. Where not given, 0 does if there are
        names for the others only, or no names and no negative numbers.
    spectra : mapping from name to ClaimedSpectrum, (C,) array, or (energies in keV, counts), optional
    areas : mapping from name to float or ClaimedArea, optional
        Area fractions, between 0 and 1.
    maps : mapping from title to (H, W) array, optional
        Element maps, by element ("Fe") or line ("Fe K", "Fe_Ka").
    elements : mapping from name to sequence of str, optional
        Elements that each phase is said to hold.
    colours : mapping from name to (red, green, blue), optional
        0 to 255 each, for the pictures.
    made_from : {"these counts", "elsewhere"}
        Whether the claim was made from the counts that it is checked against, or from other data (EBSD, by hand,
        another detector). Phases found in the same counts differ more than they should.
    source : str
        Where it comes from, for example "AZtec 6.2".
    notes : sequence of str
        What the reader of the files found worth saying.

    Raises
    ------
    TypeError, ValueError
        If nothing is claimed, a part has not the required form, or a name is not one of the phases.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> labels = np.repeat([[1, 2]], 4, axis=0).repeat(3, axis=1)
    >>> claim = bu.Claim(labels, names=("Cr", "Ni"), areas={"Cr": 0.5, "Ni": 0.5})
    >>> claim.labels[0].tolist()
    [0, 0, 0, 1, 1, 1]
    >>> claim.areas["Ni"].fraction
    0.5
    """

    labels: np.ndarray | None
    names: tuple[str, ...]
    spectra: Mapping[str, ClaimedSpectrum]
    areas: Mapping[str, ClaimedArea]
    maps: Mapping[str, np.ndarray]
    elements: Mapping[str, tuple[str, ...]]
    colours: Mapping[str, tuple[int, int, int]]
    made_from: MadeFrom = "these counts"
    source: str = ""
    notes: tuple[str, ...] = field(default=())

    def __init__(
        self,
        labels: Any = None,
        names: Sequence[str] | Mapping[int, str] = (),
        unassigned: int | None = None,
        *,
        spectra: Mapping[str, Any] | None = None,
        areas: Mapping[str, Any] | None = None,
        maps: Mapping[str, Any] | None = None,
        elements: Mapping[str, Sequence[str]] | None = None,
        colours: Mapping[str, Sequence[int]] | None = None,
        made_from: MadeFrom = "these counts",
        source: str = "",
        notes: Iterable[str] = (),
    ) -> None:
        if made_from not in get_args(MadeFrom):
            raise ValueError(f"made_from must be 'these counts' or 'elsewhere', got {made_from!r}")
        said = list(notes)
        parts = {"spectra": spectra, "areas": areas, "maps": maps, "elements": elements}
        for part, value in {**parts, "colours": colours}.items():
            if value is not None and not isinstance(value, Mapping):
                raise TypeError(
                    f"{part} must be a mapping from names, such as {{'Cr': ...}}, got {type(value).__name__}"
                )
        if labels is None and not any(parts.values()):
            raise ValueError(
                "a claim must say something, and this one is empty; give labels, spectra, areas, maps or elements"
            )
        of_phases = [*(spectra or {}), *(areas or {}), *(elements or {})]
        if labels is None:
            chosen = tuple(dict.fromkeys([*_listed(names), *of_phases]))
            numbered = None
        else:
            numbered, chosen = _numbered(labels, names, unassigned, said)
            for name in [*of_phases, *(colours or {})]:
                _require_name(name, chosen)
        values: dict[str, Any] = {
            "labels": numbered,
            "names": chosen,
            "spectra": {name: _spectrum(value) for name, value in (spectra or {}).items()},
            "areas": {name: _area(value) for name, value in (areas or {}).items()},
            "maps": {title: _map(title, value) for title, value in (maps or {}).items()},
            "elements": {name: _elements(name, value) for name, value in (elements or {}).items()},
            "colours": {name: _colour(name, value) for name, value in (colours or {}).items()},
        }
        for name, value in values.items():
            object.__setattr__(self, name, MappingProxyType(value) if isinstance(value, dict) else value)
        object.__setattr__(self, "made_from", made_from)
        object.__setattr__(self, "source", str(source))
        object.__setattr__(self, "notes", tuple(said))

    def __repr__(self) -> str:
        shape = "" if self.labels is None else f"labels {' x '.join(map(str, self.labels.shape))}, "
        parts = (f"{len(part)} {name}" for name, part in self._parts() if part)
        told = ", ".join([f"{shape}{len(self.names)} phases ({', '.join(self.names)})", *parts])
        return f"Claim({told}, made from {self.made_from})"

    def _parts(self) -> Iterable[tuple[str, Mapping]]:
        yield from (("spectra", self.spectra), ("areas", self.areas), ("element maps", self.maps))
        yield "element lists", self.elements

    @property
    def n_phases(self) -> int:
        """Return the number of phases, K."""
        return len(self.names)


def _numbered(
    labels: Any, names: Sequence[str] | Mapping[int, str], unassigned: int | None, notes: list[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels with phases 0, 1, ..., and the names of these."""
    codes = numbers_of("labels", labels)
    if codes.ndim != 2 or codes.size == 0:
        raise ValueError(
            f"labels must be a map, one number for each pixel of two axes, got shape {codes.shape}"
        )
    if not (codes == np.round(codes)).all():
        raise ValueError(
            "labels must be whole numbers, one for each phase, and some are not; a picture with blended colours is "
            "read with its legend (bayesunmix.read_claim)"
        )
    codes = codes.astype(np.int64)
    present = [int(code) for code in np.unique(codes) if code >= 0]
    if unassigned is None:
        unassigned = _zero_if_unassigned(codes, present, names, notes)
    present = [code for code in present if code != unassigned]
    if isinstance(names, Mapping):
        missing = [code for code in present if code not in names]
        if missing:
            raise ValueError(
                f"names must name every phase of the labels, and {', '.join(map(str, missing))} have none; they name "
                f"{', '.join(map(str, names))}"
            )
        present = sorted(int(code) for code in names if code != unassigned)
        chosen = tuple(str(names[code]) for code in present)
    else:
        chosen = _listed(names) or tuple(f"phase {code}" for code in present)
        if len(chosen) < len(present):
            raise ValueError(
                f"names must name every phase of the labels, which are {', '.join(map(str, present))}, got "
                f"{len(chosen)} names; give one each, or the number that means no phase as unassigned"
            )
        if len(chosen) > len(present):  # a phase of the legend that the map has nowhere
            first = min(present, default=1) if min(present, default=1) <= 1 else 1
            present = list(range(first, first + len(chosen)))
            if not set(np.unique(codes[(codes >= 0) & (codes != unassigned)])) <= set(present):
                raise ValueError(
                    f"labels have numbers that {len(chosen)} names do not reach; give names as a mapping from number "
                    "to name"
                )
    if not present:
        raise ValueError("labels must claim a phase somewhere, and all pixels are unassigned")
    if len(set(chosen)) != len(chosen) or not all(chosen):
        raise ValueError(f"names must be different and not empty, got {', '.join(map(repr, chosen))}")
    number = {code: k for k, code in enumerate(present)}
    numbered = np.full(codes.shape, UNASSIGNED, np.int32)
    numbered[codes == UNDECIDED] = UNDECIDED
    for code, k in number.items():
        numbered[codes == code] = k
    return numbered, chosen


def _zero_if_unassigned(
    codes: np.ndarray, present: list[int], names: Sequence[str] | Mapping[int, str], notes: list[str]
) -> int | None:
    """Decide whether 0 means "no phase", and note it."""
    if 0 not in present:
        return None
    if isinstance(names, Mapping):
        return None if 0 in names else 0
    if names:
        return 0 if len(_listed(names)) < len(present) else None
    if (codes < 0).any() or len(present) == 1:
        return None
    notes.append(
        f"label 0 is read as unassigned ({100 * float((codes == 0).mean()):.1f} % of the pixels); if it is a phase, "
        "pass unassigned=-1"
    )
    return 0


def _listed(names: Sequence[str] | Mapping[int, str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"names must be a sequence of names, got the one text {names!r}")
    return tuple(map(str, names.values() if isinstance(names, Mapping) else names))


def _require_name(name: Any, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ValueError(
            f"{name!r} is not one of the phases, which are {', '.join(names)}; use the same names"
        )


def _spectrum(value: Any) -> ClaimedSpectrum:
    if isinstance(value, ClaimedSpectrum):
        return value
    if isinstance(value, tuple) and len(value) == 2 and np.ndim(value[0]) == 1:
        return ClaimedSpectrum(value[1], value[0])
    return ClaimedSpectrum(value)


def _area(value: Any) -> ClaimedArea:
    return value if isinstance(value, ClaimedArea) else ClaimedArea(value)


def _map(title: str, value: Any) -> np.ndarray:
    array = numbers_of(f"element map {title!r}", value)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"element map {title!r} must have two axes, got shape {array.shape}")
    return array


def _elements(name: str, value: Any) -> tuple[str, ...]:
    listed = (value,) if isinstance(value, str) else tuple(value)
    for element in listed:
        try:
            atomic_number(element)
        except (ValueError, TypeError):
            raise ValueError(
                f"{element!r} of phase {name!r} is not the symbol of an element; write for example 'Fe'"
            ) from None
    return listed


def _colour(name: str, value: Any) -> tuple[int, int, int]:
    colour = tuple(value)
    if len(colour) != 3 or not all(isinstance(c, numbers.Integral) and 0 <= int(c) <= 255 for c in colour):
        raise ValueError(f"the colour of {name!r} must be red, green and blue from 0 to 255, got {value!r}")
    return (int(colour[0]), int(colour[1]), int(colour[2]))
