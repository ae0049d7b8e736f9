"""The contract of a method, and the registry that `methods/` fills.

A method is a frozen dataclass whose fields are its settings. It sees the image and nothing else, so truth
cannot leak into it. To add one, write one file::

    @METHODS.register("mine")
    @dataclass(frozen=True)
    class Mine:
        tolerance: float = 1e-6

        def fit(self, image, n_components, key):
            return Unmixing(Factorization(endmembers, abundances))

A method returns as many components as it is asked for. One that finds their number itself says so by a class
variable, ``finds_n_components: ClassVar[bool] = True``: it may return another number, and is passed None by those
who ask for none.
"""

from typing import Any, Protocol, runtime_checkable

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of settings with a `fit`."""

    def fit(self, image: SpectrumImage, n_components: int, key: Any) -> Unmixing:
        """Unmix `image` into `n_components`, with the JAX key as the only source of randomness."""
        ...


def finds_n_components(method: object) -> bool:
    """Whether a method, or endmember model, may give another number of components than is asked for, or without."""
    return bool(getattr(method, "finds_n_components", False))


METHODS: Registry[type[Method]] = Registry("method", "bayesunmix.methods")
