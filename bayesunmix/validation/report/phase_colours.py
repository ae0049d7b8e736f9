"""Name phases and give them colours, as all pictures of a report do."""

import numpy as np
from matplotlib.colors import to_rgb

from bayesunmix.plotting.style import COLOURS
from bayesunmix.validation.case import Case
from bayesunmix.validation.words import say_short


def colours_of(case: Case) -> list[tuple[float, float, float]]:
    """Return a colour for each phase: the claim's own where it has one."""
    own = case.claim.colours
    return [
        to_rgb([c / 255 for c in own[name]]) if name in own else _colour(k)  # type: ignore[arg-type]
        for k, name in enumerate(case.names)
    ]


def names_of(case: Case) -> list[str]:
    """Return the names of the phases, cut where they are long."""
    return [say_short(name) for name in case.names]


def dark(colour: tuple[float, float, float]) -> tuple[float, ...]:
    """Darken a light colour until a line of it is seen on white."""
    rgb = np.array(colour)
    brightness = float(rgb @ [0.299, 0.587, 0.114])
    return tuple(rgb * min(1.0, 0.55 / max(brightness, 1e-9)))


def _colour(k: int) -> tuple[float, float, float]:
    """Return the colour of phase k: those of `COLOURS`, then the same darker, and then lighter and lighter."""
    rounds, index = divmod(k, len(COLOURS))
    red, green, blue = to_rgb(COLOURS[index])
    if rounds == 1 and max(red, green, blue) > 0:
        return 0.55 * red, 0.55 * green, 0.55 * blue
    share = 0.55**rounds
    return 1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue)
