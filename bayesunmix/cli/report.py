"""`bayesunmix report`: a result on one page."""

from pathlib import Path
from typing import Annotated

import typer

from bayesunmix.cli.asked import asking
from bayesunmix.cli.options import Image, Overwrite, Result, a_path
from bayesunmix.cli.outputs import require_writable, write_each

EXAMPLE = """\
Example:
  bayesunmix report first --out first.html"""
_FORMATS = (".html",)


def report(
    result: Result,
    output: Annotated[
        Path,
        typer.Option(
            "--out", parser=a_path, metavar="FILE", help="The .html file to write.", show_default=False
        ),
    ],
    image: Image = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a page that holds everything about RESULT, to open in a browser or send to a colleague."""
    require_writable([output], _FORMATS, overwrite)
    from bayesunmix.report import write_report

    with asking(result, image) as asked:
        write_each(
            [output], {".html": lambda path: write_report(path, asked.result, asked.image)}, asked.files
        )
