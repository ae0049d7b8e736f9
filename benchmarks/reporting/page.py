"""Fill in a template of this folder: a page that opens from disk and needs no network."""

from collections.abc import Mapping
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from benchmarks.record import write_text
from benchmarks.reporting.pictures import data_uri

_HERE = Path(__file__).parent


def write_page(path: Path, template: str, **context: object) -> None:
    """Fill in a template, which may use the style sheet `css`, and write it whole or not at all."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    write_text(path, environment.get_template(template).render(css=asset("report.css"), **context))


def asset(name: str) -> Markup:
    """Return the text of a file of this folder, which is put into a page as it is."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def downloads(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return links that hold a table each, as CSV."""
    return {name: data_uri("text/csv", t.to_csv(index=False).encode()) for name, t in tables.items()}
