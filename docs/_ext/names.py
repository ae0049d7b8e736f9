"""Read single backticks of docstrings as names: a link where the reference has a page for it, code elsewhere.

Docstrings name things where they are defined (`bayesunmix.data.result.Unmixing`); the reference has them where users
import them (`bayesunmix.Unmixing`).
"""

import importlib
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

import bayesunmix

_PUBLIC = {name.rpartition(".")[2]: f"bayesunmix.{name.rpartition('.')[2]}" for name in bayesunmix.__all__}
_FULL = {f"bayesunmix.{room}.{name}": f"bayesunmix.{name}" for name, room in bayesunmix._HOME.items()}
_OURS = ("bayesunmix", "simulations", "benchmarks")


def role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[Any]]:
    """Interpret `text`."""
    shown = text.replace("\n", " ")
    target = _target(shown)
    literal = nodes.literal(shown, shown)
    if target is None:
        return [literal], []
    reference = pending_xref(
        "",
        literal,
        refdomain="py",
        reftype="obj",
        reftarget=target,
        refexplicit=False,
        refwarn=False,
        refdoc=inliner.document.settings.env.docname,
    )
    return [reference], []


def resolve(app: Sphinx, env: Any, node: pending_xref, contnode: nodes.Node) -> nodes.Node | None:
    """Show a name of ours that has no page as code, if it exists at all; others are warned of."""
    target = str(node.get("reftarget", ""))
    public = _FULL.get(target)
    if public is not None:
        domain = env.get_domain("py")
        found = domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, contnode)
        if found is not None:
            return found
    if target.split(".")[0] in _OURS and exists(target):
        return contnode
    return None


def exists(target: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                return False
            found = getattr(found, part, None)
        return True
    return False


def _target(text: str) -> str | None:
    bare = text.removesuffix("()")
    if bare in _PUBLIC:
        return _PUBLIC[bare]
    first = bare.split(".")[0]
    if first == "bu":
        return "bayesunmix." + bare.removeprefix("bu.")
    return bare if first in _OURS and "." in bare and bare.replace(".", "_").isidentifier() else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role of single backticks, and what happens to names without a page."""
    app.add_role("name", role)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
