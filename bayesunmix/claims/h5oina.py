"""Read what an Oxford .h5oina file says of a map: EBSD phases, and element maps beside the counts.

Built from the published specification (see `bayesunmix.io.h5oina`), and not yet seen a real file. `EBSD/Data/Phase` is
the number of the phase of each pixel, 0 where it was not indexed; `Data Processing/Data/Phase` is the same after
cleaning, which is another claim. Element maps are counts per second: times the live time they are counts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesunmix.claims._found import Found, element_title
from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.io import child
from bayesunmix.io.h5oina import grid, opened, techniques, text, values
from bayesunmix.io.reading_axes import Refused

if TYPE_CHECKING:
    import h5py

_RAW, _CLEANED = "EBSD", "Data Processing"
_KINDS = ("Window Integral", "Peak Area")
_LEFT_OUT = ("Composition", "Composition Sigma", "Apparent Concentration", "K Ratio")


def read_h5oina_claim(path: Path, dataset: str | None = None) -> Found:
    """Read the phases and the element maps of an .h5oina file.

    Parameters
    ----------
    path : Path
    dataset : {"EBSD", "Data Processing"}, optional
        Which phases: as indexed (the default), or after cleaning.

    Raises
    ------
    Refused
        If the file holds neither, or is damaged.
    """
    if dataset not in (None, _RAW, _CLEANED):
        raise Refused(f"dataset of {path.name!r} must be {_RAW!r} or {_CLEANED!r}, got {dataset!r}")
    ((phases, maps, notes),) = child.parts(decode_h5oina, path, dataset=dataset)
    labels, names, colours = phases
    return Found(
        labels=labels,
        names=names,
        colours=colours,
        maps=maps,
        made_from=None if labels is None else "elsewhere",
        notes=notes,
    )


def decode_h5oina(path: Path, dataset: str | None = None) -> Iterator[Any]:
    """Yield phases, element maps and notes; runs in the child."""
    with opened(path) as file:
        slices = [name for name in file if hasattr(file[name], "keys")]
        notes: list[str] = []
        there = {
            kind: group
            for kind in (_RAW, _CLEANED)
            for name in slices[:1]
            for group in techniques(file, name, kind)
            if "Data/Phase" in group
        }
        if len(slices) > 1:
            notes.append(f"{path.name!r} holds {len(slices)} acquisitions: read the first")
        maps = _maps(path, [group for name in slices[:1] for group in techniques(file, name, "EDS")], notes)
        chosen = dataset or next(iter(there), None)
        phases: tuple = (None, None, {})
        if chosen in there:
            phases = _phases(path, there[chosen])
            if len(there) > 1:
                other = _CLEANED if chosen == _RAW else _RAW
                notes.append(
                    f"{path.name!r} also holds the phases of {other!r}: dataset={other!r} reads them"
                )
        elif dataset:
            raise Refused(
                f"{path.name!r} holds no phases of {dataset!r}; it has {', '.join(there) or 'none'}"
            )
        if phases[0] is None and not maps:
            raise Refused(
                f"{path.name!r} holds neither EBSD phases nor element maps; a phase map of AutoPhaseMap is not in such "
                "files: export it as a picture with its legend"
            )
        yield phases, maps, notes


def _phases(path: Path, group: "h5py.Group") -> tuple[np.ndarray, dict[int, str], dict[str, Any]]:
    """Return labels, names and colours."""
    codes = values(path.name, group["Data/Phase"])
    height, width = grid(path.name, group, codes.size)
    if codes.dtype.kind == "f":
        codes = np.where(np.isnan(codes), 0, codes)
    if codes.dtype.kind not in "iuf":
        raise Refused(f"{path.name!r}: {group.name}/Data/Phase must hold numbers, got {codes.dtype}")
    labels = codes.astype(np.int64).reshape(height, width)
    named = group.get("Header/Phases")
    names: dict[int, str] = {}
    colours: dict[str, Any] = {}
    for key in named if hasattr(named, "keys") else ():
        entry = named[key]
        if not key.isdigit() or not hasattr(entry, "keys"):
            continue
        name = text(path.name, entry["Phase Name"]) if "Phase Name" in entry else ""
        name = name or f"phase {key}"
        names[int(key)] = name if name not in names.values() else f"{name} ({key})"
        colour = values(path.name, entry["Color"], 64) if "Color" in entry else np.empty(0)
        if colour.size == 3 and colour.dtype.kind in "iu" and colour.max() <= 255:
            colours[names[int(key)]] = tuple(int(c) for c in colour)
    present = [int(code) for code in np.unique(labels) if code > 0]
    missing = [code for code in present if code not in names]
    if missing:
        raise Refused(
            f"{path.name!r} uses the phases {missing[:8]}, and names {sorted(names) or 'none'} in {group.name}/Header; "
            "export it again"
        )
    if not present:
        raise Refused(
            f"{path.name!r} has no pixel with a phase in {group.name}; export the map after indexing"
        )
    kept = {code: names[code] for code in present}
    return (
        np.where(labels > 0, labels, UNASSIGNED),
        kept,
        {n: c for n, c in colours.items() if n in kept.values()},
    )


def _maps(path: Path, groups: list["h5py.Group"], notes: list[str]) -> dict[str, np.ndarray]:
    """Return the element maps as counts, detectors added up."""
    found: dict[str, np.ndarray] = {}
    used: dict[str, str] = {}
    for group in groups:
        data = group.get("Data")
        if not hasattr(data, "keys"):
            continue
        live = values(path.name, data["Live Time"]).astype(np.float64) if "Live Time" in data else None
        for kind in _KINDS:
            inside = data.get(kind)
            for name in inside if hasattr(inside, "keys") else ():
                title = element_title(name, whole=True) or name
                if used.setdefault(title, kind) != kind:
                    title = f"{title} ({kind.lower()})"
                    used[title] = kind
                rates = values(path.name, inside[name]).astype(np.float64)
                counts = rates * live if live is not None and live.size == rates.size else rates
                map_ = np.nan_to_num(
                    counts.reshape(grid(path.name, group, rates.size)), posinf=0.0, neginf=0.0
                )
                if title in found and found[title].shape != map_.shape:
                    raise Refused(
                        f"{path.name!r} has element maps of different sizes; export one detector alone"
                    )
                found[title] = found[title] + map_ if title in found else map_
        left = [kind for kind in _LEFT_OUT if kind in data]
        if left:
            notes.append(f"{path.name!r}: left out {', '.join(left)} of {group.name}, which are no counts")
        if live is None and found:
            notes.append(f"{path.name!r} gives no live times: its element maps are counts per second")
    if found:
        notes.append(f"the element maps of {path.name!r} are counts: counts per second times the live time")
    return found
