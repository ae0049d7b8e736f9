"""Use any method through the interface of scikit-learn: `Unmixer` fits, transforms and clones as decompositions do.

HyperSpy takes it as an algorithm. The methods need photon counts, so switch off HyperSpy's Poisson scaling and the mask
that exspy makes by default::

    s.change_dtype("float32")
    s.decomposition(
        normalize_poissonian_noise=False,
        navigation_mask=None,
        algorithm=Unmixer("nmf", n_components=3),
        output_dimension=3,
    )
"""

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from bayesunmix.contracts.method import Method
from bayesunmix.data.image import Axis, SpectrumImage
from bayesunmix.engine.fits.poisson_fit import fit_abundances
from bayesunmix.engine.subspace.pca import noise_weights
from bayesunmix.unmixing import unmix


class Unmixer(TransformerMixin, BaseEstimator):
    """Unmix rows of photon counts, X = A E, with the interface of scikit-learn's decompositions.

    Parameters
    ----------
    method : str or Method
        A registered name (`list(bayesunmix.METHODS)`), or a configured method: ``METHODS["nmf"](tolerance=1e-7)``.
        The default is "nmf" and not "bayes" as in `bayesunmix.unmix`: scikit-learn's tools fit an estimator many times
        and use its point estimate only, and `transform` of new rows is exactly this maximum-likelihood fit.
    n_components : int or None
        Number of components, K. With None, the method or `bayesunmix.rank` finds it. HyperSpy does not pass on its
        `output_dimension`: give the same number here.
    random_state : int
        The same seed gives the same result.
    navigation_shape : tuple of int, optional
        Shape of the map whose pixels, in C order, are the rows given to `fit`. Methods that use neighbouring pixels
        need it; without it the rows are a line of pixels.
    energy_kev : (C,) array, optional
        Centre of each channel of X-rays, in keV.
    spectral_axis : Axis, optional
        Name, step, unit and offset of channels that are no X-rays. Where neither is given, channels have numbers.

    Attributes
    ----------
    components_ : (K, C) array
        Endmembers; each sums to one.
    n_components_ : int
    unmixing_ : Unmixing
        The whole result of `bayesunmix.unmix`; `info_` and `posterior_` are its `info` and `posterior`.

    Notes
    -----
    X holds whole numbers of photons, of any type, dense or sparse; it is refused otherwise. Rates, scaled or
    denoised data have no Poisson likelihood, and error bars made from them would be wrong.
    """

    def __init__(
        self,
        method: str | Method = "nmf",
        n_components: int | None = None,
        *,
        random_state: int = 0,
        navigation_shape: tuple[int, ...] | None = None,
        energy_kev: np.ndarray | None = None,
        spectral_axis: Axis | None = None,
    ) -> None:
        self.method = method
        self.n_components = n_components
        self.random_state = random_state
        self.navigation_shape = navigation_shape
        self.energy_kev = energy_kev
        self.spectral_axis = spectral_axis

    def fit(self, X: Any, y: None = None) -> Self:
        """Find endmembers and abundances of X, a (P, C) array or sparse matrix of photon counts.

        Raises
        ------
        TypeError, ValueError
            If X or a parameter is not of the required kind; the message says what to do.
        """
        image = self._image(self._validated(X, reset=True), self.navigation_shape)
        self.unmixing_ = unmix(image, self.n_components, self.method, seed=self.random_state)
        self.info_, self.posterior_ = self.unmixing_.info, self.unmixing_.posterior
        self.components_ = self.unmixing_.estimate.endmembers
        self.n_components_ = len(self.components_)
        if (self.components_ < 0).any():
            scaling = self.info_["settings"].get("scaling", "poisson")
            self._channel_weights = noise_weights(image, scaling)[1] ** 2
        return self

    def fit_transform(self, X: Any, y: None = None) -> np.ndarray:
        """Fit, and return the abundances (P, K) that the method found.

        For a maximum-likelihood method these equal what `transform` returns. Other methods use a prior or neighbouring
        pixels, while `transform` fits each row alone.
        """
        return self.fit(X).unmixing_.estimate.abundances

    def transform(self, X: Any) -> np.ndarray:
        """Fit the abundances (P, K) of new rows X with the endmembers of the fit, row by row.

        By maximum Poisson likelihood, or, where endmembers have negative values (PCA, ICA), by least squares with the
        channel weights of the fit.
        """
        check_is_fitted(self)
        counts = self._validated(X, reset=False)
        if (self.components_ < 0).any():
            weighted = self.components_ * self._channel_weights
            return np.linalg.solve(self.components_ @ weighted.T, (counts @ weighted.T).T).T
        if not counts.count_nonzero():
            return np.zeros((counts.shape[0], self.n_components_))
        return fit_abundances(self._image(counts, None), self.components_)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the expected counts (P, C) of abundances X, (P, K)."""
        check_is_fitted(self)
        abundances = check_array(X, dtype=np.float64)
        if abundances.shape[1] != self.n_components_:
            raise ValueError(
                f"X must hold {self.n_components_} abundances a row, got shape {abundances.shape}; "
                "pass what transform returned"
            )
        return abundances @ self.components_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the components: the method's own ("Ni_K"), or its name and a number ("nmf0")."""
        check_is_fitted(self)
        names = [
            f"{self.info_['method']}{k}" if name == f"component {k}" else name
            for k, name in enumerate(self.unmixing_.names)
        ]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def _validated(self, X: Any, reset: bool) -> sparse.csr_array:
        counts = validate_data(self, X, reset=reset, accept_sparse=True, ensure_non_negative=True)
        return sparse.csr_array(counts)

    def _image(self, counts: sparse.csr_array, navigation_shape: tuple[int, ...] | None) -> SpectrumImage:
        n_pixels, n_channels = counts.shape
        is_bare = self.energy_kev is None and self.spectral_axis is None
        if self.spectral_axis is not None and self.spectral_axis.scale < 0:
            raise ValueError(
                f"spectral_axis must increase along the columns of X, got a scale of {self.spectral_axis.scale:g}; "
                "turn the columns round (X[:, ::-1]) and give the axis from its lowest value"
            )
        return SpectrumImage(
            counts,
            self.energy_kev,
            (*(navigation_shape or (n_pixels,)), n_channels),
            spectral_axis=Axis("Channel") if is_bare else self.spectral_axis,
        )
