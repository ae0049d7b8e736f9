"""Read a claim: what somebody says about a map, from the files that a vendor's program writes."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayesunmix.claims._found import Found, element_title, plain_name
from bayesunmix.claims._merge import merged
from bayesunmix.claims._recognise import Recognised, recognise, require_file, text_of
from bayesunmix.claims._text import table_of
from bayesunmix.claims.areas import read_areas
from bayesunmix.claims.claim import Claim, MadeFrom
from bayesunmix.claims.ebsd import read_ebsd
from bayesunmix.claims.grids import read_grid, read_masks
from bayesunmix.claims.h5oina import read_h5oina_claim
from bayesunmix.claims.labels import read_labels
from bayesunmix.claims.legend import Legend, legend_of
from bayesunmix.claims.maps import MAP_SUFFIXES, read_map, read_maps_inside
from bayesunmix.claims.mindif import read_mindif
from bayesunmix.claims.pictures import ARRAY_SUFFIXES, PICTURE_SUFFIXES, Picture, grid_of, read_picture
from bayesunmix.claims.spectra import SPECTRUM_SUFFIXES, read_msa, read_spectra_table, read_spectrum
from bayesunmix.io.reading_axes import Refused

Path_ = str | os.PathLike[str]
_CALLED = {
    "areas": "a table of areas",
    "grid": "a grid of labels",
    "labels": "a label map",
    "legend": "a legend",
    "map": "an element map",
    "mask": "the mask of one phase",
    "spectra": "a table of spectra",
}


@dataclass
class _Sorted:
    """Collect files by what they are."""

    labels: list[Recognised] = field(default_factory=list)
    masks: list[tuple[str, Picture]] = field(default_factory=list)
    legends: list[Legend] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read_claim(
    *paths: Path_,
    labels: Path_ | Sequence[Path_] | Mapping[str, Path_] | None = None,
    legend: Path_ | Mapping[str, Any] | None = None,
    spectra: Path_ | Sequence[Path_] | Mapping[str, Path_] = (),
    areas: Path_ | None = None,
    maps: Path_ | Sequence[Path_] | Mapping[str, Path_] | None = None,
    elements: Mapping[str, Sequence[str]] | None = None,
    made_from: MadeFrom | None = None,
    source: str = "",
    unassigned: int | None = None,
    dataset: str | None = None,
) -> Claim:
    r"""Read what a vendor's program, or anybody, says about a map.

    Parameters
    ----------
    *paths : str or Path
        Files of the claim in any order. What each is follows from its ending and its content, and `Claim.notes` says
        how it was read: label pictures (PNG, JPEG, TIFF, BMP) with a legend, grids (CSV, TXT, TIFF, .npy, .npz), black
        and white masks, spectra (.msa, .emsa, .spx, CSV), tables of areas, element maps (TIFF, CSV, .emd, .map, .ASW),
        a MinDIF folder of TESCAN TIMA, and EBSD phases (.ctf, .ang, .h5oina). The reader of .h5oina is built from the
        specification, not yet seen a real file.
    labels : path, sequence of paths, or mapping from name to path, optional
        The label map; or one mask for each phase.
    legend : path, or mapping from name to colour or number, optional
        Names of the colours, or of the numbers, of the label map.
    spectra : path, sequence of paths, or mapping from name to path
        Spectra of phases. Without names, the phase is found by the name or the title of the file.
    areas : path, optional
    maps : path, sequence of paths, or mapping from title to path, optional
        Element maps.
    elements : mapping from name to sequence of str, optional
        Elements that each phase is said to hold.
    made_from : {"these counts", "elsewhere"}, optional
        Where not given, "elsewhere" for EBSD phases and "these counts" for others.
    source : str
        For example "AZtec 6.2".
    unassigned : int, optional
        The number of a grid that means "no phase". Where not given it is 0, unless the legend names it.
    dataset : str, optional
        Which array of a .npz file, or which phases of an .h5oina file: "EBSD" or "Data Processing".

    Returns
    -------
    Claim

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file cannot be read, may be several things, or files do not fit together; the message names the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import bayesunmix as bu
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "phases.csv").write_text("1,1,2\n1,2,2\n")
    >>> _ = (folder / "names.csv").write_text("number,name\n1,Cr\n2,Ni\n")
    >>> claim = bu.read_claim(folder / "phases.csv", folder / "names.csv")
    >>> claim.names
    ('Cr', 'Ni')
    >>> claim.labels.tolist()
    [[0, 0, 1], [0, 1, 1]]
    """
    files = _Sorted()
    for path in paths:
        _sort(recognise(require_file(path), dataset), files, dataset)
    if legend is not None:
        files.legends.append(_legend(legend))
    _add_labels(labels, files, dataset)
    for name, path in _listed(spectra):
        files.found.append(_spectra(name, _named(path, files)))
    if areas is not None:
        file = _named(areas, files)
        files.found.append(read_areas(table_of(file.name, text_of(file))))
    for title, path in _listed(maps or ()):
        files.found.append(_maps(title, _named(path, files), dataset))
    if len(files.legends) > 1:
        raise Refused(
            f"a claim has one legend, got {', '.join(repr(legend.name) for legend in files.legends)}; give one"
        )
    given = files.legends[0] if files.legends else None
    main = _label_map(files, given, unassigned)
    return merged(main, files.found, given, elements or {}, made_from, source, files.files)


def _sort(file: Recognised, files: _Sorted, dataset: str | None) -> None:
    """Put a file where it belongs, by what it is."""
    files.files.append(file.path.name)
    kind, path = file.kind, file.path
    said = [f"{path.name!r} is read as {_CALLED[kind]}"] if kind in _CALLED else []
    if kind in ("labels", "mindif", "ebsd", "grid"):
        files.labels.append(file)
        files.found.append(Found(notes=said))
    elif kind == "mask":
        files.masks.append((file.stem, file.content))
        files.found.append(Found(notes=said))
    elif kind == "legend":
        files.legends.append(legend_of(file.content))
        files.found.append(Found(notes=said))
    elif kind == "areas":
        files.found += [Found(notes=said), read_areas(file.content)]
    elif kind == "spectra":
        files.found += [Found(notes=said), read_spectra_table(file.content)]
    elif kind == "msa":
        files.found.append(read_msa(path.name, path.stem, file.content))
    elif kind == "spectrum":
        files.found.append(read_spectrum(path))
    elif kind == "map":
        picture = file.content if isinstance(file.content, Picture) else grid_of(file.content)
        files.found += [Found(notes=said), read_map(element_title(file.stem) or file.stem, picture)]
    elif kind == "maps":
        files.found.append(read_maps_inside(path))
    else:
        both = read_h5oina_claim(path, dataset)
        if both.labels is not None:
            files.labels.append(Recognised(path, "h5oina", both))
        files.found.append(Found(maps=both.maps, notes=both.notes))


def _add_labels(labels: Any, files: _Sorted, dataset: str | None) -> None:
    """Read the files of the keyword `labels`: one map, or one mask for each phase."""
    given = list(_listed(() if labels is None else labels))
    if len(given) == 1 and given[0][0] is None:
        path = _named(given[0][1], files)
        if path.is_dir() or path.suffix.lower() == ".xml":
            files.labels.append(Recognised(path, "mindif"))
        elif path.suffix.lower() in (*PICTURE_SUFFIXES, *ARRAY_SUFFIXES):
            files.labels.append(Recognised(path, "labels", read_picture(path, dataset)))
        elif path.suffix.lower() in (".ctf", ".ang"):
            files.labels.append(Recognised(path, "ebsd"))
        elif path.suffix.lower() == ".h5oina":
            found = read_h5oina_claim(path, dataset)
            if found.labels is None:
                raise Refused(f"{path.name!r} holds no EBSD phases; give its element maps as maps=")
            files.labels.append(Recognised(path, "h5oina", found))
            files.found.append(Found(notes=found.notes))
        else:
            files.labels.append(Recognised(path, "grid", table_of(path.name, text_of(path))))
        return
    for name, mask in given:
        file = _named(mask, files)
        is_picture = file.suffix.lower() in (*PICTURE_SUFFIXES, *ARRAY_SUFFIXES)
        picture = read_picture(file, dataset) if is_picture else grid_of(table_of(file.name, text_of(file)))
        files.masks.append((name or file.stem, picture))


def _label_map(files: _Sorted, legend: Legend | None, unassigned: int | None) -> Found | None:
    """Read the label map, if there is one."""
    masks = files.masks
    if len(masks) == 1 and not files.labels and legend is not None:  # black and white may be two phases
        files.labels.append(Recognised(Path(masks[0][1].name), "labels", masks[0][1]))
        masks = []
    there = [repr(file.path.name) for file in files.labels] + [repr(p.name) for _, p in masks[:1]]
    if len(there) > 1:
        raise Refused(
            f"a claim has one label map, got {', '.join(there)}; give one, or say maps= for element maps"
        )
    if masks:
        return read_masks(masks)
    if not files.labels:
        return None
    file = files.labels[0]
    if file.kind == "mindif":
        return read_mindif(file.path)
    if file.kind == "ebsd":
        return read_ebsd(file.path)
    if file.kind == "h5oina":
        return file.content
    picture = file.content if isinstance(file.content, Picture) else grid_of(file.content)
    in_colours = picture.is_coloured or (picture.palette is not None and not (legend and legend.numbers))
    is_grey = picture.kind not in ("array", "text") and picture.values.dtype == "uint8"
    if in_colours or (is_grey and legend is not None and legend.colours and not legend.numbers):
        if legend is not None and not legend.colours:
            raise Refused(
                f"{legend.name!r} gives numbers and no colours, and {picture.name!r} is a picture in colours; give "
                "the colour of each phase (name,#rrggbb)"
            )
        return read_labels(picture, legend)
    if legend is None and picture.is_black_and_white and picture.kind not in ("array", "text"):
        return read_masks([(file.stem, picture)])
    return read_grid(picture, legend, unassigned)


def _spectra(name: str | None, path: Path) -> Found:
    suffix = path.suffix.lower()
    if suffix in SPECTRUM_SUFFIXES:
        found = read_spectrum(path)
    else:
        text = text_of(path)
        is_msa = "#SPECTRUM" in text[:20_000].upper()
        found = (
            read_msa(path.name, path.stem, text) if is_msa else read_spectra_table(table_of(path.name, text))
        )
    if name is None:
        return found
    if len(found.spectra) > 1:
        same = [part for part in found.spectra if plain_name(part[0][0]) == plain_name(name)]
        if not same:
            raise Refused(f"{path.name!r} has no spectrum called {name!r}; name one of its columns")
        return Found(spectra=[((name,), same[0][1])], notes=found.notes)
    return Found(spectra=[((name,), found.spectra[0][1])], notes=found.notes)


def _maps(title: str | None, path: Path, dataset: str | None) -> Found:
    suffix = path.suffix.lower()
    if suffix == ".h5oina" or suffix in MAP_SUFFIXES:
        found = read_h5oina_claim(path) if suffix == ".h5oina" else read_maps_inside(path)
        found = Found(maps=found.maps, notes=found.notes)
        if title is None:
            return found
        values = found.maps.get(title) if len(found.maps) != 1 else next(iter(found.maps.values()))
        if values is None:
            raise Refused(f"{path.name!r} has no map {title!r}; it has {', '.join(found.maps)}")
        return Found(maps={title: values})
    is_picture = suffix in (*PICTURE_SUFFIXES, *ARRAY_SUFFIXES)
    picture = read_picture(path, dataset) if is_picture else grid_of(table_of(path.name, text_of(path)))
    named = title or element_title(path.stem)
    if named is None:
        raise Refused(f"{path.name!r} is not named after an element; give maps={{'Fe': {path.name!r}}}")
    return read_map(named, picture)


def _legend(legend: Any) -> Legend:
    """Read the keyword `legend`: a file, or a mapping."""
    if not isinstance(legend, Mapping):
        path = require_file(legend)
        return legend_of(table_of(path.name, text_of(path)))
    text = "".join(f"{name}\t{_colour_or_number(value)}\n" for name, value in legend.items())
    return legend_of(table_of("legend", text))


def _colour_or_number(value: Any) -> str:
    return str(value) if isinstance(value, int | str) else "#" + "".join(f"{int(v):02x}" for v in value)


def _listed(given: Any) -> Iterable[tuple[str | None, Path_]]:
    """Return names and paths of a keyword that takes a path, paths, or a mapping."""
    if isinstance(given, Mapping):
        return [(str(name), path) for name, path in given.items()]
    if isinstance(given, str | os.PathLike):
        return [(None, given)]
    return [(None, path) for path in given]


def _named(path: Path_, files: _Sorted) -> Path:
    file = require_file(path)
    files.files.append(file.name)
    return file
