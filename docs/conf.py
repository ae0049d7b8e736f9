"""Build the site: `make docs`.

What a command can say is not written by hand: results, phantoms, command lines and the table of contents of the
reference are made here from the repository itself, before Sphinx reads the pages.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
for place in (HERE / "_ext", ROOT):
    sys.path.insert(0, str(place))

# Kernels and commands find the repository too, and share compiled code with later builds.
os.environ["PYTHONPATH"] = str(ROOT)
from bayesunmix.running.compilation import keep_compiled_code  # noqa: E402

keep_compiled_code()

import command_pages  # noqa: E402
import member_pages  # noqa: E402
import phantom_pages  # noqa: E402
from pygments.lexers.special import TextLexer  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

import bayesunmix  # noqa: E402

project = "bayesunmix"
author = "The bayesunmix developers"
copyright = f"2026, {author}"
version = release = bayesunmix.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "names",
]
exclude_patterns = ["_build", "_ext", "tutorials", "auto_tutorials/*.ipynb"]
templates_path = ["_templates"]
default_role = "name"
nitpicky = True

# -- Pages ------------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = -1  # a busy machine is slow, not wrong
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = "bayesunmix"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
}
html_sidebars = {"index": []}

# -- Reference --------------------------------------------------------------------------------------------------------

autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"  # numpydoc's Parameters say types with shapes and units
autodoc_default_options = {"members": True, "undoc-members": False}
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
viewcode_line_numbers = True

# -- Tutorials --------------------------------------------------------------------------------------------------------

sphinx_gallery_conf: dict[str, object] = {
    "examples_dirs": ["tutorials"],
    "gallery_dirs": ["auto_tutorials"],
    "filename_pattern": r"/tutorials/",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 600,
    "plot_gallery": True,
    "image_scrapers": ("figures.scraper",),
    "reset_modules": (),
    "default_thumb_file": str(ROOT / "paper" / "figures" / "overview.png"),
}


# Other packages' tables of contents are fetched only where this is asked for: nothing waits for a network that is not
# there, and no build fails because a site elsewhere is down.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }
    if os.environ.get("BAYESUNMIX_DOCS_INTERSPHINX") == "1"
    else {}
)

# -- What commands write ----------------------------------------------------------------------------------------------

if not (HERE / "results" / "generated").exists():
    subprocess.run(
        [sys.executable, "-m", "benchmarks", "site", str(HERE / "results" / "generated")],
        cwd=ROOT,
        check=True,
    )
command_pages.write(HERE / "reference" / "generated")
member_pages.write(HERE / "reference" / "generated")
phantom_pages.write(HERE / "phantoms" / "generated")


def setup(app: Sphinx) -> None:
    """Let a block of CONTRIBUTING.md that a test reads (its floors) be plain text here."""
    app.add_lexer("floors", TextLexer)
