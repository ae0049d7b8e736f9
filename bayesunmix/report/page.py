"""Write a page that opens from disk and asks for nothing: a template that is filled in, with its style and pictures."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bayesunmix.io.digest import sha256
from bayesunmix.io.file import whole_file
from bayesunmix.running.home import at_home

_HERE = Path(__file__).parent


def write_page(path: Path, template: Path, css: Path | None = None, **context: object) -> None:
    """Fill in a template and write the page whole or not at all.

    Parameters
    ----------
    path : Path
        The page.
    template : Path
        A file that extends `page.html.jinja`; it may import files of its own folder.
    css : Path, optional
        Style sheet that adds to the one of all pages.
    **context
        What the template is filled in with. Text is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, _HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    styles = {"css": verbatim(_HERE / "page.css"), "own_css": verbatim(css) if css else ""}
    text = environment.get_template(template.name).render(**styles, **context)
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def origin_of(source: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return name and digest of a file, or what is given in their place; nothing of None."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return source
    return {"name": Path(source).name, "sha256": sha256(at_home(source))}


def verbatim(path: Path) -> Markup:
    """Read a file of ours that is put into a page as it is."""
    return Markup(path.read_text(encoding="utf-8"))


def data_uri(kind: str, content: bytes) -> str:
    """Return what a page can hold in place of a file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
