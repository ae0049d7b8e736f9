"""Write the HTML that a notebook shows for an object: a frame with its own style, facts, tables, sentences.

Text is escaped by `markupsafe`. Colours are those of the notebook where they can be (`currentColor`), so that light and
dark themes are both readable. The same object gives the same text, to the last byte.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from markupsafe import Markup

# Okabe and Ito's colours, which colour-blind readers tell apart, in the order of `bayesunmix.plotting`. Their blue is
# lighter here, to be seen on a dark notebook, and their black is the notebook's own colour of text.
COLOURS = ("#2b88d0", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "currentColor")

_STYLE = Markup("""<style>
.bayesunmix { font: 13px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; max-width: 62rem; }
.bayesunmix p { margin: .25em 0; max-width: 52rem; }
.bayesunmix .bu-head b { font-size: 1.15em; margin-right: .5em; }
.bayesunmix .bu-soft { opacity: .75; }
.bayesunmix .bu-box { overflow-x: auto; margin: .6em 0; }
.bayesunmix table { border-collapse: collapse; font: inherit; font-variant-numeric: tabular-nums; margin: 0; }
.bayesunmix th, .bayesunmix td { padding: .2em .7em; text-align: right; border: 0; white-space: nowrap;
  background: none; border-bottom: 1px solid rgba(128, 128, 128, .3); }
.bayesunmix th { font-weight: 600; vertical-align: bottom; }
.bayesunmix th:first-child, .bayesunmix td:first-child { text-align: left; padding-left: 0; }
.bayesunmix ul { margin: .3em 0 .6em; padding-left: 1.3em; max-width: 52rem; }
.bayesunmix .bu-off { color: #d55e00; font-weight: 600; }
.bayesunmix .bu-warn { border-left: 3px solid #d55e00; padding-left: .7em; }
.bayesunmix .bu-row { display: flex; flex-wrap: wrap; gap: .3em 1.4em; margin: .2em 0 1.1em; }
.bayesunmix .bu-name { margin: .9em 0 .2em; }
.bayesunmix figure { margin: 0; min-width: 0; }
.bayesunmix .bu-map { flex: 0 0 190px; }
.bayesunmix .bu-map img { display: block; max-width: none; margin: 0; image-rendering: pixelated;
  background: repeating-linear-gradient(45deg, rgba(128, 128, 128, .35) 0 3px, transparent 3px 6px); }
.bayesunmix .bu-scale { border-top: 3px solid currentColor; margin: 3px 0 0; height: 0; }
.bayesunmix .bu-key { display: flex; align-items: center; gap: .4em; margin: 2px 0; font-size: 11px; line-height: 1.3; }
.bayesunmix .bu-key i { flex: 0 0 38px; height: 8px; }
.bayesunmix .bu-curve { flex: 1 1 330px; max-width: 46rem; }
.bayesunmix .bu-plot { position: relative; margin: 0 .8em 1.5em 3.2em; }
.bayesunmix .bu-plot svg { display: block; width: 100%; height: 100%; overflow: hidden;
  border-left: 1px solid currentColor; border-bottom: 1px solid currentColor; }
.bayesunmix .bu-plot span { position: absolute; font-size: 11px; line-height: 1; white-space: nowrap; }
.bayesunmix .bu-x { top: calc(100% + 5px); transform: translateX(-50%); }
.bayesunmix .bu-y { right: calc(100% + 5px); transform: translateY(50%); }
.bayesunmix .bu-peak { transform: translateX(-50%); }
.bayesunmix figcaption { font-size: 11px; line-height: 1.3; opacity: .75; text-align: left; padding: 0; }
.bayesunmix .bu-curve figcaption { margin: 0 0 0 3.2em; }
.bayesunmix details { margin: .4em 0; }
.bayesunmix summary { cursor: pointer; display: list-item; }
.bayesunmix dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1em 1em; margin: .3em 0; }
.bayesunmix dt { opacity: .75; font-weight: 400; }
.bayesunmix dd { margin: 0; overflow-wrap: anywhere; }
</style>""")


def frame(kind: str, facts: Sequence[str], parts: Iterable[Markup]) -> str:
    """Put parts into one block that begins with the kind of object and facts about it.

    Parameters
    ----------
    kind : str
        Name of the class.
    facts : sequence of str
    parts : iterable of Markup

    Returns
    -------
    str
    """
    head = Markup('<p class="bu-head"><b>{}</b>{}</p>').format(kind, " · ".join(facts))
    return str(
        Markup('<div class="bayesunmix">\n{}\n{}\n</div>').format(_STYLE, Markup("\n").join([head, *parts]))
    )


def paragraph(text: str, soft: bool = False) -> Markup:
    """Write a paragraph, paler if `soft`."""
    return Markup("<p{}>{}</p>").format(Markup(' class="bu-soft"') if soft else "", text)


def warned(sentences: Sequence[str]) -> Markup:
    """List warnings, with a bar beside them."""
    items = Markup("").join(Markup("<li>{}</li>").format(sentence) for sentence in sentences)
    return Markup('<div class="bu-warn"><ul>{}</ul></div>').format(items) if sentences else Markup("")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], off: Iterable[str] = ()) -> Markup:
    """Lay out a table whose first column holds names; cells that read as one of `off` stand out."""
    marked = set(off)

    def line(cells: Sequence[str], cell: str) -> Markup:
        parts = (
            Markup("<{0}{1}>{2}</{0}>").format(
                Markup(cell), Markup(' class="bu-off"') if text in marked else "", text
            )
            for text in cells
        )
        return Markup("<tr>{}</tr>").format(Markup("").join(parts))

    body = Markup("\n").join(line(row, "td") for row in rows)
    return Markup('<div class="bu-box"><table><thead>{}</thead><tbody>\n{}\n</tbody></table></div>').format(
        line(head, "th"), body
    )


def drawn_or_said(draw: Callable[..., Markup], *given: Any, **options: Any) -> Markup:
    """Draw a picture, or say in its place why it cannot be drawn: what stands beside it must not be lost."""
    try:
        return draw(*given, **options)
    except Exception as error:  # of any kind
        reason = " ".join(str(error).split()) or type(error).__name__
        return paragraph(f"This picture could not be drawn: {reason}", soft=True)


def side_by_side(figures: Iterable[Markup]) -> Markup:
    """Put figures beside each other, below each other where the page is narrow."""
    return Markup('<div class="bu-row">{}</div>').format(Markup("").join(figures))


def folded(title: str, facts: Iterable[tuple[str, str]]) -> Markup:
    """List names and facts under a title that opens by a click; nothing where there are none."""
    items = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(*fact) for fact in facts)
    shown = Markup("<details><summary>{}</summary><dl>{}</dl></details>").format(title, items)
    return shown if items else Markup("")
