"""Fill in the templates of this folder: pages that open from disk, with the tables as links."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from bayesunmix.report import page
from bayesunmix.report.page import data_uri

_HERE = Path(__file__).parent


def write_page(path: Path, template: str, **context: object) -> None:
    """Fill in a template of this folder, and write it whole or not at all."""
    page.write_page(path, _HERE / template, css=_HERE / "report.css", **context)


def asset(name: str) -> Markup:
    """Return the text of a file of this folder, which is put into a page as it is."""
    return page.verbatim(_HERE / name)


def downloads(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return links that hold a table each, as CSV."""
    return {name: data_uri("text/csv", t.to_csv(index=False).encode()) for name, t in tables.items()}
