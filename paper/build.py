"""Build the paper: numbers, tables and figures from published results, then the PDF.

Typst sees only what lies in the folder of the build: the text is copied there beside the numbers. It uses the fonts
that come with it, and writes no date, so that the same results give the same bytes.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.published import RESULTS
from benchmarks.record import write_text
from paper.claims import evaluate, read_claims
from paper.evidence import Results
from paper.figures.checks import checks
from paper.figures.coverage import coverage
from paper.figures.drawing import rules, write_svg
from paper.figures.errors import errors
from paper.figures.materials import materials
from paper.figures.recordings import recordings
from paper.figures.scheme import scheme
from paper.figures.told import told
from paper.figures.validation import validation
from paper.prose import require_numbers
from paper.tables import tables

HOME = Path(__file__).parent
OUT = HOME / "out"
FIGURES: dict[str, Callable[[Results], Figure]] = {
    "scheme": scheme,
    "coverage": coverage,
    "told": told,
    "errors": errors,
    "materials": materials,
    "recordings": recordings,
    "checks": checks,
    "validation": validation,
}
_TEXTS = ("main.typ", "style.typ", "references.bib")
_PICTURES = ("overview.png",)  # drawn by a run of the method itself: python -m paper.figures.overview


def build(results: Path = RESULTS, out: Path = OUT, claims: Path = HOME / "claims.toml") -> Path:
    """Build `paper.pdf` in a folder.

    Parameters
    ----------
    results : Path
        Folder of published results.
    out : Path
        Folder of the PDF, and of what it is made from.
    claims : Path
        The TOML file that says where numbers come from.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    ValueError
        If a number is missing, or the text cannot be set; the sentence names it.
    ModuleNotFoundError
        If typst is not installed.
    """
    typst = _typst()
    read = Results(results)
    numbers = evaluate(read_claims(claims), read.rows_of)
    require_numbers(HOME / "main.typ", numbers)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "claims.json", json.dumps(numbers, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    write_text(out / "tables.json", json.dumps(tables(read), indent=1, ensure_ascii=False) + "\n")
    for name, draw in FIGURES.items():
        with rules():
            write_svg(_drawn(name, draw, read), out / f"{name}.svg")
    for name in _TEXTS:
        shutil.copyfile(HOME / name, out / name)
    for name in _PICTURES:
        shutil.copyfile(HOME / "figures" / name, out / name)
    try:
        typst.compile(
            out / "main.typ", output=out / "paper.pdf", root=out, ignore_system_fonts=True, pdf_standards=[]
        )
    except RuntimeError as error:
        raise ValueError(f"the text of the paper cannot be set: {error}") from error
    return out / "paper.pdf"


def _drawn(name: str, draw: Callable[[Results], Figure], results: Results) -> Figure:
    try:
        return draw(results)
    except LookupError as error:
        raise ValueError(f'figure "{name}" cannot be drawn: a row that it shows is lost ({error})') from error


def _typst() -> Any:
    try:
        import typst
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the paper needs typst, which the extra paper brings; from the checkout: pip install -e .[paper,bench]"
        ) from error
    return typst
