"""Choose the factor of each element: computed, or given by the user by line, in a list or in a file.

Factors are for weight. `k_factors` is one of

- None: computed (`bayesunmix.spectra.k_factors`), with the error that is stated there;
- a mapping from line to factor, or to (factor, standard deviation): ``{"Fe_Ka": 1.45, "Pt_La": (5.08, 0.25)}``;
- a list in the order of `elements`, if these are lines, as HyperSpy has it;
- a CSV file in the order of HyperSpy (``Fe_Ka,1.45,0.05``: line, factor, and perhaps standard deviation) or of a vendor
  (a heading with Element, K, L, M, or with Element, Line, k-factor, Error).

A factor that is given without a standard deviation gets the error of the cross-section and the yield of its shell.
"""

import csv
import math
import numbers
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bayesunmix.running.home import at_home
from bayesunmix.spectra.detector import Detector
from bayesunmix.spectra.k_factors import Factor, k_factor, parse_line, shell_sd

_GROUPS = {"K": "Ka", "L": "La", "M": "M"}  # what the columns of a vendor's table stand for
_VENDOR = {"element", "el", "symbol"}
_LINE, _FACTOR, _ERROR = (
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(x-?ray )?(line|series|shell|family)",
        r"k[- _]?factor.*|k|factor|zeta.*",
        r".*(error|sd|sigma|uncert).*",
    )
)


class LineFactor(NamedTuple):
    """Hold the factor of a line: what was counted, its factor, and the standard deviation of its logarithm."""

    line: str
    k: float
    sd: float

    @property
    def element(self) -> str:
        """Return the chemical symbol."""
        return self.line.partition("_")[0]

    @property
    def family(self) -> str:
        """Return the family that the line belongs to: "Fe_K" of "Fe_Ka"."""
        return self.line[: self.line.index("_") + 2]


def computed_factor(line: str, beam_kev: float, detector: Detector | None) -> LineFactor:
    """Return the factor that the physics gives; a detector that is given has no error."""
    found: Factor = k_factor(line, beam_kev, detector, known=detector is not None)
    return LineFactor(line, found.k, found.sd)


def given_factors(k_factors: Any, elements: Sequence[str] | None) -> dict[str, LineFactor] | None:
    """Read the user's factors by line; None where they are to be computed.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If they are none of the forms, a line is unknown, or a number is not positive.
    """
    if k_factors is None:
        return None
    if isinstance(k_factors, str | Path):
        named = read_factors(at_home(k_factors))
    elif isinstance(k_factors, Mapping):
        named = dict(k_factors)
    elif isinstance(k_factors, Sequence):
        named = _in_order(k_factors, elements)
    else:
        raise TypeError(
            "k_factors must be a mapping such as {'Fe_Ka': 1.45}, a list in the order of elements, or the path of a "
            f"CSV file, got {type(k_factors).__name__}"
        )
    if not named:
        raise ValueError(
            "k_factors must hold the factor of a line, and they are empty; leave them out to compute them"
        )
    return {line: _checked(line, value) for line, value in named.items()}


def read_factors(path: Path) -> dict[str, tuple[float, float | None]]:
    """Read k-factors from a CSV file, in HyperSpy's order or in a vendor's.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it has none of the forms.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r} with k-factors; check the name")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    delimiter = next((one for one in ("\t", ";", ",") if lines and one in lines[0]), ",")
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    if not rows:
        raise ValueError(
            f"{path.name!r} must hold k-factors, and it is empty; write lines such as Fe_Ka,1.45,0.05"
        )
    heading = [cell.lower() for cell in rows[0]]
    if set(heading) & _VENDOR:
        found = _from_vendor(path.name, rows)
    else:
        has_heading = _number(rows[0][1] if len(rows[0]) > 1 else "") is None
        found = {
            row[0]: (_required(path.name, row, 1), _number(row[2]) if len(row) > 2 else None)
            for row in rows[has_heading:]
        }
    if not found:
        raise ValueError(
            f"{path.name!r} must hold k-factors, and no row of it has one; write lines such as Fe_Ka,1.45"
        )
    return found


def _from_vendor(file: str, rows: Sequence[Sequence[str]]) -> dict[str, tuple[float, float | None]]:
    """Read a table with a row an element, or a row a line."""
    heading = rows[0]
    element = next(i for i, cell in enumerate(heading) if cell.lower() in _VENDOR)
    shells = {i: cell.upper() for i, cell in enumerate(heading) if cell.upper() in _GROUPS}
    line = next((i for i, cell in enumerate(heading) if _LINE.fullmatch(cell)), None)
    found: dict[str, tuple[float, float | None]] = {}
    if line is None and len(shells) > 0:
        for row in rows[1:]:
            for i, shell in shells.items():
                value = _number(row[i]) if i < len(row) else None
                if value:  # a vendor writes 0 where there is none
                    found[f"{row[element]}_{_GROUPS[shell]}"] = (value, None)
        return found
    factor = next(
        (i for i, cell in enumerate(heading) if i not in (element, line) and _FACTOR.fullmatch(cell)), None
    )
    if line is None or factor is None:
        raise ValueError(
            f"{file!r} must have the columns Element, K, L, M or Element, Line, k-factor, got {', '.join(heading)}; "
            "or write lines such as Fe_Ka,1.45,0.05 without a heading"
        )
    error = next((i for i, cell in enumerate(heading) if _ERROR.fullmatch(cell)), None)
    for row in rows[1:]:
        what = row[line].partition(" ")[0].rpartition("_")[2].replace("\u03b1", "a").replace("\u03b2", "b")
        name = f"{row[element]}_{_GROUPS.get(what.upper(), what)}"
        sd = None if error is None or error >= len(row) else _number(row[error])
        if _number(row[factor]):
            found[name] = (_required(file, row, factor), sd)
    return found


def _in_order(values: Sequence[Any], elements: Sequence[str] | None) -> dict[str, Any]:
    lines = list(elements or ())
    if len(lines) != len(values) or not all("_" in line for line in lines):
        raise ValueError(
            f"a list of k-factors must have one for each line in elements, such as elements=['Fe_Ka', 'Pt_La'], got "
            f"{len(values)} for {lines or 'none'}; or give a mapping such as {{'Fe_Ka': 1.45}}"
        )
    return dict(zip(lines, values, strict=True))


def _checked(line: Any, value: Any) -> LineFactor:
    if not isinstance(line, str):
        raise TypeError(f"k_factors must have the names of lines, such as 'Fe_Ka', got {line!r}")
    parse_line(line)
    k, sd = (
        (*value, None)[:2] if isinstance(value, Sequence) and not isinstance(value, str) else (value, None)
    )
    for what, number in (("k-factor", k), ("standard deviation of the k-factor", 0.0 if sd is None else sd)):
        if isinstance(number, bool) or not isinstance(number, numbers.Real):
            raise TypeError(f"the {what} of {line} must be a number, got {number!r}")
        if not math.isfinite(number) or number < 0 or (what == "k-factor" and number == 0):
            raise ValueError(f"the {what} of {line} must be positive and finite, got {number}")
    return LineFactor(line, float(k), shell_sd(line) if sd is None else float(sd) / float(k))


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text.strip() else None
    except ValueError:
        return None


def _required(file: str, row: Sequence[str], column: int) -> float:
    value = _number(row[column]) if column < len(row) else None
    if value is None:
        raise ValueError(
            f"{file!r} must have a k-factor in each row, got {', '.join(row)!r}; write lines such as Fe_Ka,1.45,0.05"
        )
    return value
