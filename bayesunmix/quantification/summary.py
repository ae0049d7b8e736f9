"""Summarise the net counts of one part of an image as its composition."""

from collections.abc import Sequence

import numpy as np

from bayesunmix.quantification.amounts import Amount, Drawn, amounts_of, draw_weights, to_atoms
from bayesunmix.quantification.cliff_lorimer import Recipe
from bayesunmix.quantification.composition import Composition, Kind
from bayesunmix.quantification.element_amount import ElementAmount
from bayesunmix.quantification.formulas import nearest
from bayesunmix.quantification.line_choice import Choice
from bayesunmix.quantification.net_draws import NetDraws

_UG_PER_G = 1e6
_BY_STOICHIOMETRY = ("it was not measured and follows from the others",)


def composed(
    name: str,
    kind: Kind,
    net: NetDraws,
    recipe: Recipe,
    choice: Choice,
    level: float,
    formulas: Sequence[str],
    seed: int,
) -> Composition:
    """Make the composition of a part.

    Parameters
    ----------
    name : str
    kind : {"component", "region", "phase"}
    net : NetDraws
    recipe : Recipe
    choice : Choice
    level : float
        Probability of the intervals.
    formulas : sequence of str
    seed : int
    """
    elements = recipe.all_elements
    by_weight = draw_weights(net, recipe, choice.sd, seed)
    by_atoms = to_atoms(by_weight, elements)
    atomic, weight = amounts_of(by_atoms, level), amounts_of(by_weight, level)
    counted = amounts_of(_as_drawn(net), level, most=np.inf)
    lines = [factor.line for factor in choice.factors]
    amounts = tuple(
        ElementAmount(
            element,
            lines[j] if j < len(lines) else "",
            atomic[j],
            weight[j],
            counted[j].value if j < len(lines) else None,
            choice.remarks.get(element, ()) if j < len(lines) else _BY_STOICHIOMETRY,
        )
        for j, element in enumerate(elements)
    )
    found = nearest(formulas, by_atoms, elements) if formulas else ()
    return Composition(
        name, kind, amounts, net.n_counts, found, _thickness(net, recipe, choice, level, seed), by_atoms
    )


def _as_drawn(net: NetDraws) -> Drawn:
    return Drawn(
        net.draws, net.draws, net.under, net.under, net.own, net.counting, net.estimate[None], net.is_known
    )


def _thickness(net: NetDraws, recipe: Recipe, choice: Choice, level: float, seed: int) -> Amount | None:
    if recipe.electrons is None:
        return None
    rng = np.random.default_rng([seed, 3])
    error = rng.standard_normal((len(net.draws), choice.sd.size)) * choice.sd
    plain, spread = recipe.thickness(net.draws), recipe.thickness(net.draws, error)
    alone = recipe.thickness(np.broadcast_to(net.estimate, error.shape), error)
    counting = recipe.thickness(net.counting)
    assert plain is not None and spread is not None and alone is not None and counting is not None
    draws, wide = (_UG_PER_G * values[:, None] for values in (plain, spread))
    drawn = Drawn(
        draws,
        wide,
        draws[None],
        wide[None],
        draws.mean(axis=0, keepdims=True),
        _UG_PER_G * counting[..., None],
        _UG_PER_G * alone[:, None],
        net.is_known,
    )
    return amounts_of(drawn, level, most=np.inf)[0]
