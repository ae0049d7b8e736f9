r"""Draw the states of the nodes of a pyramid, a hidden Markov tree with two states [1]_.

The state of a node depends on the state of its parent through a transition matrix M. Only the ratio of the likelihoods
of the two states matters, so a message is one number. What a node and all below it say about its own state, and then
about its parent's, is

.. math::
    b = \frac{p(\text{counts} \mid s = 1)}{p(\text{counts} \mid s = 0)} \prod_\text{halves} m, \qquad
    m = \frac{M_{10} + M_{11} b}{M_{00} + M_{01} b}.

No sum over the tree is needed, so float32 works without logarithms, which would be slow.

References
----------
.. [1] M. S. Crouse, R. D. Nowak and R. G. Baraniuk, "Wavelet-based statistical signal processing using hidden Markov
   models", IEEE Trans. Signal Process. 46, 886 (1998).
"""

import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.multiscale.pyramid import Nodes, Tree

# Limits of a node's own evidence and of a message, so that the product of three factors stays within float32.
_MOST_OWN, _MOST_PASSED = 1e18, 1e9


def messages(tree: Tree, evidence: Array, log_moves: Array) -> Array:
    """Go up the tree, and collect what each node and all below it say about its state.

    Parameters
    ----------
    tree : Tree
    evidence : (K, nodes) array
        Likelihood ratio of the second state to the first.
    log_moves : (K, levels, 2, 2) array
        Logarithms of the transition matrices, from the parent's state (first) to the node's.

    Returns
    -------
    (K, nodes) array
    """
    own, moves = jnp.clip(evidence, 1 / _MOST_OWN, _MOST_OWN), jnp.exp(log_moves)

    def say(level: Array | int, halves: Nodes, own: Array) -> tuple[Array, Array]:
        said = own * halves.first * halves.second
        quiet, lively = _chances(moves, level)
        passed = (lively[0] + lively[1] * said) / (quiet[0] + quiet[1] * said)
        return jnp.clip(passed, 1 / _MOST_PASSED, _MOST_PASSED), said

    nothing = jnp.ones((len(own), *tree.shapes[0]), own.dtype)
    return tree.up(say, nothing, own, outside=1)[1]


def draw_states(tree: Tree, uniform: Array, said: Array, log_moves: Array) -> tuple[Array, Array]:
    """Go down the tree, and draw the state of every node given its parent's.

    Parameters
    ----------
    tree : Tree
    uniform : (K, nodes) array
        Random numbers.
    said : (K, nodes) array
        What `messages` returned. 1 draws from the prior; 0 and a very large number fix the state.
    log_moves : (K, levels, 2, 2) array
        Logarithms of the transition matrices.

    Returns
    -------
    states, of_parents : (K, nodes) arrays of bool
        The uppermost node has no parent: both states are equally likely, and its entry of `of_parents` is False.
    """
    moves = jnp.exp(log_moves).at[:, -1].set(0.5)

    def draw(
        level: Array | int, parent: Array, given: tuple[Array, Array]
    ) -> tuple[Nodes, tuple[Array, Array]]:
        uniform, said = given
        quiet, lively = _chances(moves, level)
        to_lively = jnp.where(parent, lively[1], quiet[1]) * said
        state = uniform * (jnp.where(parent, lively[0], quiet[0]) + to_lively) < to_lively
        return Nodes(state, state), (state, parent)

    return tree.down(draw, jnp.zeros(len(said), bool), (uniform, said))[1]


def _chances(moves: Array, level: Array | int) -> tuple[Array, Array]:
    """Return the probabilities of the two states, (2, K, 1), for a quiet parent and for a lively one."""
    quiet, lively = moves[:, level].transpose(1, 2, 0)[..., None]
    return quiet, lively
