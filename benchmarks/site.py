"""Write the pages of results for the documentation: `python -m benchmarks site DIR`.

A page is made of `benchmarks/results` alone, so that two runs write the same bytes. To add one, write one file,
`pages/mine.py`, which becomes `mine.md`::

    @PAGES.register("mine")
    def mine(results: Path, figures: Path) -> str:
        return "# Mine"
"""

from collections.abc import Callable
from pathlib import Path

from bayesunmix.contracts.registry import Registry
from benchmarks.published import RESULTS
from benchmarks.record import write_text

#: Members take the folder of published results and the folder of figures, and return the Markdown of a page.
PAGES: Registry[Callable[[Path, Path], str]] = Registry("page of results", "benchmarks.pages")


def write_site(out: Path, results: Path = RESULTS) -> list[Path]:
    """Write a Markdown page for each member of `PAGES`, and the figures beside them.

    Parameters
    ----------
    out : Path
        Folder; made if it is not there.
    results : Path
        Folder of published results.

    Returns
    -------
    list of Path
        The pages.
    """
    (out / "figures").mkdir(parents=True, exist_ok=True)
    paths = []
    for name in PAGES:
        path = out / f"{name.replace('_', '-')}.md"
        write_text(path, PAGES[name](results, out / "figures").rstrip() + "\n")
        paths.append(path)
    return paths
