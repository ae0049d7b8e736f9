"""Turn and mirror a map: the eight ways in which a rectangular picture can lie on the pixels that it shows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_TURNED = ("as it is", "turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees")
_MIRRORED = (
    "mirrored left to right",
    "rows and columns exchanged",
    "mirrored top to bottom",
    "rows and columns exchanged and turned by 180 degrees",
)


@dataclass(frozen=True)
class Orientation:
    """Hold how a claimed map must be turned to lie on the counts.

    Parameters
    ----------
    mirrored : bool
        Whether it is first mirrored left to right.
    turns : int
        Quarter turns after that, anticlockwise: 0 to 3.
    """

    mirrored: bool = False
    turns: int = 0

    def apply(self, claimed: np.ndarray) -> np.ndarray:
        """Turn a map (H, W, ...)."""
        return np.rot90(claimed[:, ::-1] if self.mirrored else claimed, self.turns)

    def undo(self, laid: np.ndarray) -> np.ndarray:
        """Turn a map back, so that ``undo(apply(map))`` is the map."""
        turned = np.rot90(laid, -self.turns)
        return turned[:, ::-1] if self.mirrored else turned

    @property
    def is_identity(self) -> bool:
        """Return True if the map lies as it was given."""
        return not self.mirrored and self.turns == 0

    def __str__(self) -> str:
        return (_MIRRORED if self.mirrored else _TURNED)[self.turns]


AS_IT_IS = Orientation()


def orientations(claimed: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[Orientation]:
    """Yield the orientations of a map that leave its long side along that of the counts; as it is comes first.

    All eight are possible where either of the two is square.
    """
    wide = (claimed[1] > claimed[0]) - (claimed[1] < claimed[0])
    wanted = (shape[1] > shape[0]) - (shape[1] < shape[0])
    for mirrored in (False, True):
        for turns in range(4):
            if not wide or not wanted or (wide == wanted) == (turns % 2 == 0):
                yield Orientation(mirrored, turns)
