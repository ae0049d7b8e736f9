"""The phantom generator: specimens with known truth, acquired photon by photon.

- `Phantom`, `Trial`: truth, and one noisy acquisition of it
- `PHANTOMS`: every phantom by name, one file each in `phantoms/`
"""

from simulations.phantom import PHANTOMS, Phantom, Trial

__all__ = ["PHANTOMS", "Phantom", "Trial"]
