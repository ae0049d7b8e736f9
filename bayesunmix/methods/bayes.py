"""The recommended pipeline: endmembers from pooled counts, then maps at full resolution.

1. Endmembers are drawn from the posterior given superpixels. Single pixels would bias them, because each brings K
   unknown abundances for a few photons; sums of a few pixels do not. Of many photons a million are picked at random.
   The prior knows that where there is more of one material there is less of another
   (`bayesunmix.models.abundance_priors.dirichlet`).
2. Photons that are kept apart choose the prior of the whole map (`bayesunmix.engine.sampling.choice`).
3. Abundances of every pixel are drawn given draws of the endmembers, under this prior. The pixels do not change the
   endmembers any more: a *cut* posterior [1]_.
4. Where the prior is "multiscale", images simulated from the fit are unmixed in the same way, and the draws are moved
   so that their intervals cover the simulated truth (`bayesunmix.engine.sampling.recalibration`). Under "palette"
   nothing leaks to components that are not there, so nothing is moved.

Sums over regions are never sums of pixels' draws: use `bayesunmix.region`. Other solutions may fit as well if the
endmembers are blind, which no error bar of counting noise shows: see `bayesunmix.identify`.

References
----------
.. [1] M. Plummer, "Cuts in Bayesian graphical models", Stat. Comput. 25, 37 (2015).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np

from bayesunmix.contracts.abundance_prior import ABUNDANCE_PRIORS, AbundancePrior
from bayesunmix.contracts.arguments import require_positive
from bayesunmix.contracts.endmember_model import ENDMEMBER_MODELS, EndmemberModel, Prepared
from bayesunmix.contracts.method import METHODS, finds_n_components
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.image import SpectrumImage
from bayesunmix.data.result import Info, Unmixing
from bayesunmix.engine.sampling.chains import Checkpoint, checkpoint
from bayesunmix.engine.sampling.chosen_maps import STAGES as MAP_STAGES
from bayesunmix.engine.sampling.chosen_maps import draw_chosen_maps
from bayesunmix.engine.sampling.endmembers import STAGES, Drawn, draw_endmembers
from bayesunmix.engine.sampling.joint import FEWEST_DRAWS, Schedule, agree, sampling_warnings
from bayesunmix.engine.sampling.recalibration import told
from bayesunmix.models.abundance_priors.multiscale import Multiscale
from bayesunmix.models.abundance_priors.palette import candidates

MANY_PHOTONS = 4_000_000  # from here on fewer maps are enough
N_MAPS, N_MAPS_OF_MANY = 50, 30  # for few photons, and for many
SWEEPS_PER_DRAW = 4
CHOSEN = "chosen"
SWEEPS_PER_BLOCK = 20  # between two looks at the keyboard
_AGAIN = "instead"  # name of the checkpoint of endmembers that are drawn by another model
_TAKEN_BY = {
    "phases": ("phases",),
    "elements": ("elements", "template"),
}  # settings, by the models that have them


@METHODS.register("bayes")
@dataclass(frozen=True)
class Bayes:
    """Bayesian Poisson NMF in stages. The default, and the method to prefer.

    Parameters
    ----------
    endmember_model : str
        A name of `bayesunmix.contracts.endmember_model.ENDMEMBER_MODELS`. "smooth" and "blind" know nothing of lines.
        "template" knows the lines of all elements seen, and leaves them where the counts say so. "phases" and
        "elements" know lines, and need no number of components.
    abundance_prior : str
        With "chosen", photons that are kept apart choose between "multiscale" and "palette" with several couplings of
        neighbours. Or a name of `bayesunmix.contracts.abundance_prior.ABUNDANCE_PRIORS`: these two, "dirichlet",
        "gamma" or "jeffreys".
    n_chains, n_warmup, n_draws : int
        Chains, warm-up sweeps per chain, and draws of the endmembers per chain. If the chains disagree, everything so
        far becomes warm-up, and as many draws follow twice as far apart; if they still do, of half of the photons,
        and then of a quarter (but of no fewer than 250 000).
    sweeps_per_draw : int or None
        Sweeps from one draw of the endmembers to the next, a divisor of 20. The default is 4.
    n_maps : int or None
        Draws of the endmembers per chain that get maps, evenly spaced. The default is 50, and 30 from 4 million photons
        on.
    sweeps_per_map : int or None
        Sweeps over the maps for each of them. The default is from 4 to 40, the more the spectra overlap.
    most_draws_mib : float
        Memory for draws of the maps, in MiB. Evenly spaced draws are kept to stay below it, but at least 20 per chain.
    checkpoint : str, optional
        Beginning of the names of checkpoint files. A killed run resumes from them with the same draws. They are removed
        at the end.
    phases : tuple of tuples of str, optional
        The elements of each phase, for endmember_model="phases".
    elements : tuple of str, optional
        The elements of the specimen, for endmember_model="elements" or "template".
    """

    doubts_n_components: ClassVar[bool] = True
    endmember_model: str = "smooth"
    abundance_prior: str = CHOSEN
    n_chains: int = 2
    n_warmup: int = 150
    n_draws: int = 200
    sweeps_per_draw: int | None = None
    n_maps: int | None = None
    sweeps_per_map: int | None = None
    most_draws_mib: float = 512
    checkpoint: str | None = None
    phases: tuple[tuple[str, ...], ...] | None = None
    elements: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_positive(self)
        if SWEEPS_PER_BLOCK % (self.sweeps_per_draw or 1):
            raise ValueError(
                f"setting sweeps_per_draw of Bayes must divide {SWEEPS_PER_BLOCK}, got {self.sweeps_per_draw}; "
                "for example 4"
            )
        _ = self.priors(), self._model()

    def priors(self) -> dict[str, AbundancePrior]:
        """Return the priors of the maps that may be used, by name; of several, photons kept apart choose."""
        if self.abundance_prior != CHOSEN:
            return {self.abundance_prior: ABUNDANCE_PRIORS[self.abundance_prior]()}
        return {"multiscale": Multiscale(), **candidates()}

    def _model(self) -> EndmemberModel:
        given = {name: value for name in _TAKEN_BY if (value := getattr(self, name)) is not None}
        if any(self.endmember_model not in _TAKEN_BY[name] for name in given):
            raise ValueError(
                f"setting {' and '.join(given)} of Bayes needs the endmember_model of the same name, got "
                f"endmember_model={self.endmember_model!r}"
            )
        return ENDMEMBER_MODELS[self.endmember_model](**given)

    @property
    def finds_n_components(self) -> bool:
        """Return True if the endmember model decides the number of components."""
        return finds_n_components(self._model())

    def fit(self, image: SpectrumImage, n_components: int | None, key: jax.Array) -> Unmixing:
        """Draw endmembers, then maps."""
        kept = checkpoint(self.checkpoint, image, self, key)
        spectrum_key, map_key, image_key = jax.random.split(key, 3)
        prepared, (spectra, starts, size, n_photons), replaced = self._draw_endmembers(
            image, n_components, spectrum_key, kept
        )
        drawn = spectra.posterior.endmembers
        n_maps = self.n_maps or (N_MAPS if image.n_photons < MANY_PHOTONS else N_MAPS_OF_MANY)
        found = draw_chosen_maps(
            image,
            drawn,
            starts,
            self.priors(),
            map_key=map_key,
            image_key=image_key,
            n_maps=n_maps,
            sweeps_per_map=self.sweeps_per_map,
            most_mib=self.most_draws_mib,
            kept=kept,
        )
        maps, interrupted = found.maps, spectra.interrupted or found.interrupted
        if not interrupted:
            kept.forget((*STAGES, *MAP_STAGES), self.n_chains)
            kept.beside(_AGAIN).forget(STAGES, self.n_chains)
        posterior = replace(
            spectra.posterior,
            abundances=maps.draws,
            abundance_mean=maps.mean,
            abundance_sd=maps.sd,
            partners=maps.partners,
        )
        diagnostics = posterior.diagnostics()
        doubts = sampling_warnings(diagnostics["r_hat"], interrupted=interrupted, modes=spectra.modes)
        if interrupted:
            doubts.append("The intervals of pixels are not recalibrated, because the run was interrupted.")
        info: Info = {
            "converged": not doubts,
            "interrupted": interrupted,
            "iterations": spectra.n_sweeps,
            "objective": posterior.statistics["log_likelihood"].mean(axis=0).tolist(),
            "objective_name": "log-likelihood of superpixels, mean over chains",
            "warnings": [*prepared.warnings, *replaced, *doubts],
            "superpixel": list(size),
            "endmember_photons": n_photons,
            "chains_relabelled": spectra.n_relabelled,
            **({} if spectra.modes is None else {"modes": spectra.modes}),
            **({"families": list(prepared.families)} if prepared.families else {}),
            "recalibration": None if found.scores is None else told(found.scores),
            "abundance_prior": list(found.weights),
            "abundance_prior_weights": list(found.weights.values()),
            **({} if found.choice is None else {"abundance_prior_scores": found.choice.scores}),
            **diagnostics,
        }
        estimate = Factorization(drawn.mean((0, 1), dtype=np.float64), maps.mean)
        return Unmixing(estimate, posterior, info, **prepared.of_components())

    def _draw_endmembers(
        self, image: SpectrumImage, n_components: int | None, key: jax.Array, kept: Checkpoint
    ) -> tuple[Prepared, Drawn, list[str]]:
        """Draw endmembers; where chains disagree, by the model that takes the place of this one, with a warning."""

        def draw(model: EndmemberModel, key: jax.Array, kept: Checkpoint) -> tuple[Prepared, Drawn]:
            prepared = model.prepare(image, n_components)
            return prepared, draw_endmembers(
                image,
                prepared,
                model,
                compositions=ABUNDANCE_PRIORS["dirichlet"](),
                key=key,
                n_chains=self.n_chains,
                schedule=self._schedule(),
                kept=kept,
            )

        model = self._model()
        prepared, drawn = draw(model, key, kept)
        instead = getattr(model, "instead", None)
        judged = drawn.sampled.posterior
        is_same = not jax.tree.leaves(prepared.given)  # it has already taken its place
        enough = judged.endmembers.shape[1] >= FEWEST_DRAWS  # agreement of fewer draws cannot be judged
        if instead is None or is_same or drawn.sampled.interrupted or not enough or agree(judged):
            return prepared, drawn, []
        sentence = (
            f"The chains disagree with endmember_model={self.endmember_model!r} (R-hat is "
            f"{judged.diagnostics()['r_hat']:.2f}), so endmembers are drawn as with endmember_model={instead!r}."
        )
        prepared, drawn = draw(ENDMEMBER_MODELS[instead](), jax.random.fold_in(key, 1), kept.beside(_AGAIN))
        return prepared, drawn, [sentence]

    def _schedule(self) -> Schedule:
        thin = self.sweeps_per_draw or SWEEPS_PER_DRAW
        n_warmup, n_blocks = (-(-n // SWEEPS_PER_BLOCK) for n in (self.n_warmup, self.n_draws * thin))
        return Schedule(SWEEPS_PER_BLOCK, thin, n_warmup, n_blocks, again=True)
