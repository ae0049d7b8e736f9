"""Write a page for each member of a registry: what its file says, and its settings with their defaults."""

import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS
from bayesunmix.contracts.method import METHODS
from benchmarks.metric import METRICS


def write(folder: Path) -> None:
    """Write `NAME.rst` of every method, prior and model, and the tables that list them and the metrics.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Mapping[str, Any]] = {
        "methods": METHODS,
        "endmember_models": ENDMEMBER_MODELS,
        "abundance_priors": ABUNDANCE_PRIORS,
    }
    for kind, registry in kinds.items():
        members = {name: registry[name] for name in registry}
        (folder / kind).mkdir(exist_ok=True)
        for name, member in members.items():
            _write(folder / kind / f"{name}.rst", _page(name, member))
        rows = [
            (f":doc:`{name} <generated/{kind}/{name}>`", _first_line(member))
            for name, member in members.items()
        ]
        _write(folder / f"{kind}.inc", _table(rows) + _toctree(kind, members))
    metrics = [(f"``{name}``", _first_line(METRICS[name].score)) for name in METRICS]
    _write(folder / "metrics.inc", _table(metrics))


def _page(name: str, member: Any) -> str:
    module, title = member.__module__, f"``{name}``"
    return "\n".join(
        [
            title,
            "=" * len(title),
            "",
            f".. automodule:: {module}",
            "   :no-members:",
            "",
            "Settings",
            "--------",
            "",
            f".. autoclass:: {module}.{member.__name__}",
            "   :no-members:",
            "",
        ]
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [".. list-table::", "   :widths: 25 75", "   :class: members", ""]
    for name, line in rows:
        lines += [f"   * - {name}", f"     - {line}".replace("|", r"\|")]
    return "\n".join(lines) + "\n"


def _toctree(kind: str, names: Iterable[str]) -> str:
    return "\n.. toctree::\n   :hidden:\n\n" + "".join(f"   generated/{kind}/{name}\n" for name in names)


def _first_line(member: Any) -> str:
    """Return the first sentence of the file that a member is in."""
    text = inspect.getdoc(sys.modules[member.__module__]) or ""
    return " ".join(text.split("\n\n")[0].split())


def _write(path: Path, text: str) -> None:
    """Leave a file alone that holds the same text, so that Sphinx need not read it again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
