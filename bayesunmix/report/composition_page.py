"""Write compositions on one page: a picture, a table for each part, and what the numbers rest on."""

import io
from pathlib import Path

from bayesunmix.plotting.compositions import plot_compositions
from bayesunmix.quantification.composition import Quantification
from bayesunmix.quantification.tables import COMMON_FACTORS, composition_cells, formula_sentence
from bayesunmix.report.page import data_uri, write_page

_HERE = Path(__file__).parent
_DPI = 160


def write_composition_page(path: Path, found: Quantification, title: str) -> None:
    """Write a page of compositions that opens from disk.

    Parameters
    ----------
    path : Path
        The .html file.
    found : Quantification
    title : str
        Name of the file that was unmixed.
    """
    picture = io.BytesIO()
    plot_compositions(found).savefig(picture, format="png", dpi=_DPI)
    parts = [
        {
            "title": part.name if part.name.startswith(part.kind) else f"{part.name} ({part.kind})",
            "rows": composition_cells(part.elements),
            "n_counts": f"{part.n_counts:,.0f}",
            "remarks": [f"{a.element}: {remark}" for a in part for remark in a.remarks],
            "formula": formula_sentence(part.formulas) if part.formulas else "",
            "sentence": part.sentence(),
        }
        for part in found
    ]
    write_page(
        path,
        _HERE / "composition.html.jinja",
        _HERE / "result.css",
        title=title,
        doubt=found.doubt,
        picture=data_uri("image/png", picture.getvalue()),
        parts=parts,
        factors=[(f.line, f"{f.k:.4g}", f"{100 * f.sd:.2g} %") for f in found.factors],
        left_out=", ".join(found.left_out),
        assumptions=found.assumptions,
        warnings=found.warnings,
        common=COMMON_FACTORS if len(parts) > 1 else "",
    )
