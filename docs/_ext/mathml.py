"""Show equations as MathML, which browsers draw themselves: pages work from disk, without a script from elsewhere."""

from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx

# What docutils does not know, and its nearest of kin.
_SPELLINGS = {r"\Big": "", r"\dots": r"\ldots", r"\textstyle": ""}


def inline(self: Any, node: nodes.math) -> None:
    """Write an equation in a line of text."""
    self.body.append(_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def display(self: Any, node: nodes.math_block) -> None:
    """Write an equation on a line of its own."""
    self.body.append(f'<div class="math">{_mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def _mathml(text: str, block: bool) -> str:
    for unknown, known in _SPELLINGS.items():
        text = text.replace(unknown, known)
    return str(latex2mathml.tex2mathml(text, as_block=block))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer under the name that `html_math_renderer` takes."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True}
