"""Collect the figures of tutorials: ours are made without pyplot, so that Sphinx-Gallery does not see them itself."""

from typing import Any

from sphinx_gallery.scrapers import figure_rst

_SEEN = "_shown_in_gallery"


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save every Matplotlib figure that a block of code has bound to a name, in the order of the names.

    Parameters
    ----------
    block, block_vars, gallery_conf
        As Sphinx-Gallery passes them.

    Returns
    -------
    str
        reStructuredText that shows the figures.
    """
    from matplotlib.figure import Figure

    paths = block_vars["image_path_iterator"]
    saved = []
    for name, value in list(block_vars["example_globals"].items()):
        if name.startswith("_") or not isinstance(value, Figure) or getattr(value, _SEEN, False):
            continue
        path = next(paths)
        value.savefig(path, dpi=110)
        setattr(value, _SEEN, True)
        saved.append(path)
    return figure_rst(saved, gallery_conf["src_dir"]) if saved else ""
