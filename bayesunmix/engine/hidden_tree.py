r"""States of the nodes of a pyramid, handed down from parents to halves: a hidden Markov tree with two states [1]_.

Only the ratio of the two likelihoods of a node matters, so a message is one number, a difference of logarithms. What a
node and all below it say of its own state, and then of its parent's r, is

.. math::
    b = \log \frac{p(\text{counts} \mid s = 1)}{p(\text{counts} \mid s = 0)} + \sum_\text{halves} m, \qquad
    m = \log \frac{M_{10} + M_{11} e^b}{M_{00} + M_{01} e^b}.

References
----------
.. [1] M. S. Crouse, R. D. Nowak and R. G. Baraniuk, "Wavelet-based statistical signal processing using hidden Markov
   models", IEEE Trans. Signal Process. 46, 886 (1998).
"""

import jax
import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.pyramid import Nodes, Tree


def messages(tree: Tree, evidence: list[Array], log_moves: Array) -> list[Array]:
    """Go up the tree: what each node and all below it say of its state.

    Parameters
    ----------
    tree : Tree
    evidence : list of (K, *nodes of a level) arrays
        Log-likelihood of the second state less that of the first, finest level first.
    log_moves : (K, levels, 2, 2) array
        From the parent's state (first) to a node's.

    Returns
    -------
    list of (K, *nodes of a level) arrays
    """
    said = [evidence[0]]
    for i in range(1, len(evidence)):
        halves = tree.halves(_to_parent(said[-1], jnp.exp(log_moves[:, i - 1])), i)
        said.append(evidence[i] + halves.first + halves.second)
    return said


def draw_states(tree: Tree, uniform: list[Array], said: list[Array], log_moves: Array) -> tuple[Array, Array]:
    """Go down the tree: draw the state of every node given its parent's.

    Parameters
    ----------
    tree : Tree
    uniform : list of (K, *nodes of a level) arrays
        Random numbers.
    said : list of (K, *nodes of a level) arrays
        From `messages`. 0 everywhere draws from the prior.
    log_moves : (K, levels, 2, 2) array

    Returns
    -------
    states, of_parents : (K, nodes) arrays of bool
        The uppermost node has no parent: either state is as likely, and the latter False.
    """
    log_odds = log_moves[..., 1] - log_moves[..., 0]
    states = [uniform[-1] < jax.nn.sigmoid(said[-1])]
    of_parents = [jnp.zeros_like(states[0])]
    for i in reversed(range(len(said) - 1)):
        parent = tree.cells(Nodes(states[-1], states[-1]), i + 1)
        quiet, lively = (_for_maps(log_odds[:, i, state], parent.ndim) for state in (0, 1))
        chance = jax.nn.sigmoid(said[i] + jnp.where(parent, lively, quiet))
        states.append(uniform[i] < chance)
        of_parents.append(parent)
    return _flat(states), _flat(of_parents)


def _to_parent(said: Array, moves: Array) -> Array:
    """Pass on what nodes say of their state as what that says of their parents'."""
    little = jnp.exp(-jnp.abs(said))
    quiet, lively = jnp.where(said > 0, little, 1), jnp.where(said > 0, 1, little)
    likelihood = [
        _for_maps(moves[:, parent, 0], said.ndim) * quiet + _for_maps(moves[:, parent, 1], said.ndim) * lively
        for parent in (0, 1)
    ]
    return jnp.log(likelihood[1] / likelihood[0])


def _for_maps(values: Array, n_dim: int) -> Array:
    return values.reshape(-1, *(1,) * (n_dim - 1))


def _flat(by_level: list[Array]) -> Array:
    """Join levels that were gone through downwards."""
    return jnp.concatenate([part.reshape(len(part), -1) for part in reversed(by_level)], axis=1)
