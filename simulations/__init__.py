"""Generate phantoms: specimens with known truth, acquired photon by photon.

- `PHANTOMS`: every phantom by name, one file each in `phantoms/`; each makes a `Phantom`, the truth
- `acquire`: record a phantom at a dose with a seed, which makes a `Trial`
"""

from simulations.phantom import PHANTOMS, Phantom
from simulations.trial import Trial, acquire

__all__ = ["PHANTOMS", "Phantom", "Trial", "acquire"]
