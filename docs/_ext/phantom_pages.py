"""Write a page for each phantom of the registry: what it is for, its truth in numbers, and a picture of it."""

import inspect
import itertools
import sys
from pathlib import Path

import numpy as np

from bayesunmix.data.alignment import spectral_angles
from simulations import PHANTOMS, Phantom, acquire
from simulations.picture import draw_trial

DOSE = 30.0


def write(folder: Path) -> None:
    """Write `NAME.rst` and a picture of every phantom; a picture is drawn anew where the truth has changed.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHANTOMS:
        phantom = PHANTOMS[name]()
        picture = folder / f"{name}-{phantom.digest()[:8]}.png"
        if not picture.is_file():
            draw_trial(acquire(phantom, DOSE, 0)).savefig(picture, dpi=100)
        text = _page(name, phantom, picture.name)
        path = folder / f"{name}.rst"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(name: str, phantom: Phantom, picture: str) -> str:
    make = PHANTOMS[name]
    title = f"``{name}``"
    return "\n".join(
        [
            f".. _phantom-{name}:",
            "",
            title,
            "=" * len(title),
            "",
            f".. automodule:: {make.__module__}",
            "   :no-members:",
            "",
            f".. figure:: {picture}",
            f"   :alt: Truth and one acquisition of the phantom {name}",
            "   :width: 100%",
            "",
            f"   The truth, one acquisition at {DOSE:g} counts per pixel (seed 0), the endmembers, and two pixels.",
            "",
            "Truth",
            "-----",
            "",
            *_facts(phantom),
            "",
            *_components(phantom),
            "",
            "Make it",
            "-------",
            "",
            ".. code-block:: python",
            "",
            "   from simulations import PHANTOMS, acquire",
            "",
            "   # trial.image is for a method, trial.truth is to score it",
            f'   trial = acquire(PHANTOMS["{name}"](), dose={DOSE:g}, rng=0)',
            "",
            ".. code-block:: shell",
            "",
            f"   python -m simulations show {name} --dose {DOSE:g} --out {name}.png",
            f"   python -m simulations write {name} --dose {DOSE:g} --out {name}.npz",
            "",
            f".. autofunction:: {make.__module__}.{make.__name__}",
            "",
        ]
    )


def _facts(phantom: Phantom) -> list[str]:
    size = " x ".join(map(str, phantom.navigation_shape))
    energy = phantom.energy_kev
    pixels = ", ".join(f"{axis.scale:g} {axis.units}" for axis in phantom.axes[-1:])
    facts = {
        "Pixels": f"{size}, {pixels} each; {phantom.specimen.mean():.0%} hold specimen",
        "Channels": f"{energy.size}, from {energy[0]:.2f} to {energy[-1]:.2f} keV",
    }
    angles = spectral_angles(phantom.truth.endmembers, phantom.truth.endmembers)
    pairs = list(itertools.combinations(range(phantom.truth.n_components), 2))
    if pairs:
        nearest = min(pairs, key=lambda pair: angles[pair])
        alike = " and ".join(phantom.labels[k] for k in nearest)
        facts["Most similar spectra"] = f"{alike}, {angles[nearest]:.1f} degrees apart"
    return [f":{name}: {value}" for name, value in facts.items()]


def _components(phantom: Phantom) -> list[str]:
    """Tabulate how common each component is, and how pure its purest pixel."""
    inside = phantom.truth.abundances[phantom.specimen]
    totals = inside.sum(axis=1, keepdims=True)
    overall, purest = inside.sum(axis=0) / inside.sum(), (inside / totals).max(axis=0)
    holding = (inside > 0.01 * totals).mean(axis=0)
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - component",
        "     - share of all counts",
        "     - pixels that hold it",
        "     - its share of the purest pixel",
    ]
    for k, label in enumerate(phantom.labels):
        lines += [
            f"   * - {label}",
            f"     - {_percent(overall[k])}",
            f"     - {_percent(holding[k])}",
            f"     - {_percent(purest[k])}",
        ]
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 0.995 else f"{np.floor(1000 * share) / 10:g} %"


def first_line(name: str) -> str:
    """Return the first sentence of a phantom's file."""
    text = inspect.getdoc(sys.modules[PHANTOMS[name].__module__]) or ""
    return " ".join(text.split("\n\n")[0].split())
