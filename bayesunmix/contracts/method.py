"""Define what a method must do, and the registry that `methods/` fills.

A method is a frozen dataclass whose fields are its settings. It sees the image and nothing else, so truth
cannot leak into it. To add one, write one file::

    @METHODS.register("mine")
    @dataclass(frozen=True)
    class Mine:
        tolerance: float = 1e-6

        def fit(self, image, n_components, key):
            return Unmixing(Factorization(endmembers, abundances))

A method returns as many components as it is asked for; where the user gives no number, `unmix` finds one. A method
that finds it itself says so by ``finds_n_components: ClassVar[bool] = True``: it is passed None then, and may return
another number than it is asked for. With ``doubts_n_components: ClassVar[bool] = True``, `unmix` compares the number
with the one that the counts show, and warns where they differ.
"""

from typing import Any, Protocol, runtime_checkable

from bayesunmix.contracts.registry import Registry
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Unmixing


@runtime_checkable
class Method(Protocol):
    """Unmix an image: a frozen dataclass of settings with a `fit`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import bayesunmix as bu
    >>> @dataclass(frozen=True)
    ... class Mean:
    ...     def fit(self, image, n_components, key):
    ...         mean = image.sum_spectrum()[None] / image.n_photons
    ...         return bu.Unmixing(bu.Factorization(mean, image.total_map().reshape(-1, 1)))
    >>> isinstance(Mean(), bu.Method)
    True
    >>> image = bu.SpectrumImage([[3, 1], [1, 3]], [1.0, 2.0])
    >>> bu.unmix(image, 1, Mean()).estimate.endmembers
    array([[0.5, 0.5]])
    """

    def fit(self, image: SpectrumImage, n_components: Any, key: Any) -> Unmixing:
        """Unmix an image into `n_components` components; all randomness comes from the JAX key."""
        ...


def finds_n_components(method: object) -> bool:
    """Return True if a method, or an endmember model, can choose the number of components itself.

    Then `n_components` may be None, or differ from the number in the result.
    """
    return bool(getattr(method, "finds_n_components", False))


def doubts_n_components(method: object) -> bool:
    """Return True if `unmix` is to compare the number of components with the one that the counts show."""
    return bool(getattr(method, "doubts_n_components", False))


METHODS: Registry[type[Method]] = Registry(
    "method", "bayesunmix.methods", lambda found: isinstance(found, type) and issubclass(found, Method)
)
