"""Read spectra of phases: .msa and .emsa (ISO 22029), Bruker .spx, and columns of text."""

import re
from pathlib import Path

import numpy as np

from bayesunmix.claims._found import Found, is_no_phase, plain_name
from bayesunmix.claims._text import Table, number_of, numbers_of, read_text, require_even
from bayesunmix.claims._xml import require_plain_xml
from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.io import child
from bayesunmix.io.bruker_spectrum import read_spx
from bayesunmix.io.reading_axes import Refused

SPECTRUM_SUFFIXES = (".msa", ".emsa", ".spx")
_ENERGY = re.compile(r"energy|energie|\bk?ev\b|channel centre", re.IGNORECASE)
_KEYWORD = re.compile(r"#\s*([A-Za-z0-9]+)[^:]*:(.*)")
_NO_TITLE = {"", "edx", "eds", "spectrum", "msa", "emsa", "untitled", "notitle", "acquisition", "sumspectrum"}


def read_spectrum(path: Path) -> Found:
    """Read a file of one spectrum.

    Raises
    ------
    Refused
        If the file is damaged, or its axis is no energy.
    """
    if path.suffix.lower() == ".spx":
        require_plain_xml(path)
        ((counts, energy, title),) = child.parts(read_spx, path)
        return _found(path.name, [((path.stem, title), counts, energy)])
    return read_msa(path.name, path.stem, read_text(path))


def read_msa(file: str, stem: str, text: str) -> Found:
    """Read the text of an .msa or .emsa file, as ISO 22029 describes it: keywords, and counts as Y or XY.

    Raises
    ------
    Refused
        If a keyword that is needed is missing, the axis is no energy, or the counts are fewer than said.
    """
    keys, data = _keywords(file, text)
    cells = [cell for line in data for cell in re.split(r"[,;\s]+", line.strip()) if cell]
    if not _point_is_decimal(data):
        cells = [
            cell for line in data for cell in re.split(r"[;\s]+|,\s+|,$", line.strip()) if cell
        ]  # decimal commas
    values = numbers_of(cells)
    if values is None or not np.isfinite(values).all():
        wrong = next((c for c in cells if number_of(c) is None or not np.isfinite(number_of(c) or 0)), "")
        raise Refused(f"{file!r} has {wrong!r} among its counts; export the spectrum again")
    kind = keys.get("DATATYPE", "Y").strip().upper()
    if kind not in ("Y", "XY"):
        raise Refused(
            f"{file!r} must have the data type Y or XY, and says {kind!r}; export the spectrum again"
        )
    if kind == "XY" and len(values) % 2:
        raise Refused(
            f"{file!r} must have pairs of energy and counts, and has {len(values)} numbers; export it again"
        )
    counts = np.array(values[1::2] if kind == "XY" else values)
    said = number_of(keys.get("NPOINTS", ""))
    if said is not None and int(said) != counts.size:
        raise Refused(
            f"{file!r} says that it has {said:g} channels, and has {counts.size}: it is cut short; export it again"
        )
    if kind == "XY":
        energy = np.array(values[::2])
    else:
        step, first = number_of(keys.get("XPERCHAN", "")), number_of(keys.get("OFFSET", "0"))
        if not step or first is None or not np.isfinite([step, first]).all():
            raise Refused(
                f"{file!r} does not say how wide its channels are (XPERCHAN) or where they begin (OFFSET); export the "
                "spectrum again with its energy axis"
            )
        energy = first + step * np.arange(counts.size)
    energy = _in_kev(file, energy, keys.get("XUNITS", ""))
    return _found(file, [((stem, keys.get("TITLE", "")), counts, energy)])


def read_spectra_table(table: Table) -> Found:
    """Read columns of text: energies in the first, the counts of one phase in each other, names in the header.

    Raises
    ------
    Refused
        If the first column is no energy axis, or a cell below the header is no number.
    """
    first = next((i for i, row in enumerate(table.numbers) if row is not None), None)
    if first is None:
        raise Refused(f"{table.name!r} holds no row of numbers; check what the file is")
    header, body = (table.rows[first - 1] if first else []), table.below(first)
    require_even(body)
    rows = table.numbers[first:]
    bad = next((i for i, row in enumerate(rows) if row is None or not np.isfinite(row).all()), None)
    if bad is not None:
        raise Refused(
            f"{table.name!r} must hold numbers below its header, and line {body.lines[bad]} has {body.rows[bad]}"
        )
    values = np.array(rows, float)
    stem = Path(table.name).stem
    if values.shape[1] == 1:
        return _found(table.name, [((stem,), values[:, 0], None)])
    unit = "".join(re.findall(r"\bk?ev\b", header[0], re.IGNORECASE)[:1]) if header else ""
    if "kev" in plain_name(header[0] if header else ""):
        unit = "keV"
    energy = _in_kev(table.name, values[:, 0], unit)
    names = header[1:] if len(header) == values.shape[1] else []
    if values.shape[1] == 2 and (not names or plain_name(names[0]) in ("counts", "intensity", "y", "count")):
        return _found(table.name, [((stem,), values[:, 1], energy)])
    if not names:
        raise Refused(
            f"{table.name!r} has {values.shape[1] - 1} spectra and no header; name the phases in its first row"
        )
    return _found(
        table.name, [((name,), values[:, i], energy) for i, name in enumerate(names, 1) if name.strip()]
    )


def is_spectra_table(table: Table) -> bool:
    """Return True if the columns are energies and counts, by the header or, of two columns, by the energies."""
    first = next((i for i, row in enumerate(table.numbers) if row is not None), None)
    if first is None:
        return False
    header = table.rows[first - 1] if first else []
    if header and len(table.rows[first]) > 1 and _ENERGY.search(header[0].replace("_", " ")):
        return True
    rows = table.numbers[first:]
    if len(rows) < 32 or any(row is None or len(row) != 2 for row in rows):
        return False
    steps = np.diff([row[0] for row in rows if row is not None])
    return bool((steps > 0).all() and np.ptp(steps) < 0.01 * steps.mean())


def _keywords(file: str, text: str) -> tuple[dict[str, str], list[str]]:
    """Return the keywords of a file, and the lines of its counts."""
    keys: dict[str, str] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        found = _KEYWORD.match(line.strip())
        key = found[1].upper() if found else ""
        if key == "SPECTRUM":
            end = next(
                (i for i in range(number + 1, len(lines)) if lines[i].lstrip().startswith("#")), len(lines)
            )
            return keys, [line for line in lines[number + 1 : end] if line.strip(" \t\x1a")]
        if found and not line.lstrip().startswith("##"):
            keys.setdefault(key, found[2].strip())
    raise Refused(f"{file!r} is no .msa spectrum: it has no line '#SPECTRUM'; export the spectrum again")


def _point_is_decimal(lines: list[str]) -> bool:
    """Return False where numbers are cut by spaces or semicolons and have decimal commas: "1,5; 2,25"."""
    sample = " ".join(lines[:50])
    if "." in sample or "," not in sample:
        return True
    return not all(
        re.fullmatch(r"[+-]?\d+,\d+", c) for c in re.split(r"[;\s]+|,\s+", sample.strip(" ,;")) if c
    )


def _in_kev(file: str, energy: np.ndarray, unit: str) -> np.ndarray:
    """Return energies in keV, by their unit, or by their step where none is given."""
    steps = np.diff(energy)
    if energy.size < 2 or not (steps > 0).all():
        raise Refused(
            f"the energies of {file!r} must increase from channel to channel; export the spectrum again"
        )
    plain = unit.strip().lower().strip("[]() ")
    step = float(np.median(steps))
    factor = {"ev": 1e-3, "kev": 1.0}.get(plain)
    if factor is None and plain in ("", "energy", "energy loss"):
        factor = 1.0 if 5e-4 <= step <= 0.2 else 1e-3 if 0.5 <= step <= 200 else None
    if factor is None:
        raise Refused(
            f"the energies of {file!r} are in {unit.strip() or 'no unit'!r} (step {step:g}), and must be in keV or eV; "
            "correct the unit in the file"
        )
    return energy * factor


def _found(file: str, spectra: list[tuple[tuple[str, ...], np.ndarray, np.ndarray | None]]) -> Found:
    """Check the spectra of a file, and leave out the titles that name nothing."""
    found = []
    for names, counts, energy in spectra:
        kept = tuple(name for name in names if plain_name(name) not in _NO_TITLE) or names[:1]
        if is_no_phase(kept[0]):
            continue
        try:
            found.append((kept, ClaimedSpectrum(counts, energy)))
        except (TypeError, ValueError) as error:
            raise Refused(f"{file!r} holds no spectrum that can be used: {error}") from error
    if not found:
        raise Refused(f"{file!r} names no phase; give spectra={{'name of the phase': path}}")
    return Found(spectra=found)
