"""Bayesian Poisson NMF by Gibbs sampling over photons: exact draws from the joint posterior of the image as it is.

Each sweep draws the component of every photon (multinomial augmentation), after which abundances and endmembers have
closed-form conditionals (see `bayesunmix.engine.sampling.gibbs`). Chains have separate starts (see
`bayesunmix.engine.sampling.joint`), so that R-hat can detect a posterior with several modes. Afterwards the components
of all chains get the same order. R-hat and the effective sample size are computed on quantities that do not depend on
the order.

Prefer `bayes`: at few counts per pixel the joint posterior is biased, however well it is sampled.
"""

from dataclasses import dataclass

import jax

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS, AbundancePrior
from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, EndmemberModel, Prepared
from bayesunmix.contracts.method import METHODS
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.posterior import affordable_draws
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.sampling.chains import checkpoint
from bayesunmix.engine.sampling.joint import (
    Sampled,
    Schedule,
    sample_jointly,
    sampling_warnings,
    stages_of,
)


@METHODS.register("bayes_gibbs")
@dataclass(frozen=True)
class BayesGibbs:
    """Gibbs sampling of the joint posterior (Cemgil 2009).

    Parameters
    ----------
    endmember_model : str
        A name of `bayesunmix.contracts.endmember_model.ENDMEMBER_MODELS`: "blind" or "smooth".
    abundance_prior : str
        A name of `bayesunmix.contracts.abundance_prior.ABUNDANCE_PRIORS`: "gamma", "dirichlet", "jeffreys",
        "multiscale" or "palette".
    n_chains, n_warmup, n_draws : int
        Chains, warm-up sweeps per chain, and kept sweeps per chain.
    abundance_shape, abundance_rate : float or None
        Shape and rate of the Gamma prior of an abundance, the rate in 1/counts. Each component learns its own where one
        of them is not given.
    endmember_concentration : float
        Dirichlet concentration of each channel of blind endmembers.
    most_draws_mib : float
        Memory for abundance draws, in MiB. Evenly spaced draws are kept to stay below it, but at least 20 per chain.
    checkpoint : str, optional
        Beginning of the names of checkpoint files. A killed run resumes from them with the same draws. They are removed
        at the end.
    """

    endmember_model: str = "blind"
    abundance_prior: str = "gamma"
    n_chains: int = 2
    n_warmup: int = 100
    n_draws: int = 200
    abundance_shape: float | None = None
    abundance_rate: float | None = None
    endmember_concentration: float = 0.5
    most_draws_mib: float = 256
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        require_positive(self)
        _ = self._prior(), self._model()

    def fit(self, image: SpectrumImage, n_components: int, key: jax.Array) -> Unmixing:
        """Draw from the posterior of `n_components` endmembers and abundances."""
        kept = checkpoint(self.checkpoint, image, self, key)
        n_kept = affordable_draws(
            self.n_draws, self.n_chains * image.n_pixels * n_components, self.most_draws_mib
        )
        stride = -(-self.n_draws // n_kept)
        model = self._model()
        prepared = model.prepare(image, n_components)
        sampled = sample_jointly(
            image,
            prepared,
            model,
            prior=self._prior(),
            compositions=ABUNDANCE_PRIORS["dirichlet"](),
            key=key,
            n_chains=self.n_chains,
            schedule=Schedule(
                stride, 1, -(-self.n_warmup // stride), -(-self.n_draws // stride), again=False
            ),
            keep_maps=True,
            occupied_only=False,
            kept=kept,
        )
        if not sampled.interrupted:
            kept.forget(stages_of("endmembers"), self.n_chains)
        posterior = sampled.posterior
        estimate = Factorization(*posterior.mean())
        return Unmixing(estimate, posterior, self._info(sampled, prepared), **prepared.of_components())

    def _prior(self) -> AbundancePrior:
        given = {"shape": self.abundance_shape, "rate": self.abundance_rate}
        return ABUNDANCE_PRIORS[self.abundance_prior](**given if self.abundance_prior == "gamma" else {})

    def _model(self) -> EndmemberModel:
        given = {"concentration": self.endmember_concentration}
        return ENDMEMBER_MODELS[self.endmember_model](**given if self.endmember_model == "blind" else {})

    def _info(self, sampled: Sampled, prepared: Prepared) -> Info:
        posterior = sampled.posterior
        diagnostics = posterior.diagnostics()
        doubts = sampling_warnings(diagnostics["r_hat"], interrupted=sampled.interrupted, modes=sampled.modes)
        return {
            "converged": not doubts,
            "interrupted": sampled.interrupted,
            "iterations": sampled.n_sweeps,
            "objective": posterior.statistics["log_likelihood"].mean(axis=0).tolist(),
            "objective_name": "log-likelihood, mean over chains",
            "warnings": [*prepared.warnings, *doubts],
            "chains_relabelled": sampled.n_relabelled,
            **({} if sampled.modes is None else {"modes": sampled.modes}),
            **diagnostics,
        }
