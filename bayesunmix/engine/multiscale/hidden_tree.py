r"""States of the nodes of a pyramid, handed down from parents to halves: a hidden Markov tree with two states [1]_.

Only the ratio of the likelihoods of the two states matters, so a message is one number. What a node and all below it
say of its own state, and then of its parent's, is

.. math::
    b = \frac{p(\text{counts} \mid s = 1)}{p(\text{counts} \mid s = 0)} \prod_\text{halves} m, \qquad
    m = \frac{M_{10} + M_{11} b}{M_{00} + M_{01} b}.

No sum over the tree is in it, so float32 needs no logarithms, which would cost more than all the rest.

References
----------
.. [1] M. S. Crouse, R. D. Nowak and R. G. Baraniuk, "Wavelet-based statistical signal processing using hidden Markov
   models", IEEE Trans. Signal Process. 46, 886 (1998).
"""

import jax.numpy as jnp
from jax import Array

from bayesunmix.engine.multiscale.pyramid import Nodes, Tree

# Of a node's own evidence, and of a message: three factors of one b stay within float32. What is this rare never
# happens.
_MOST_OWN, _MOST_PASSED = 1e18, 1e9


def messages(tree: Tree, evidence: Array, log_moves: Array) -> Array:
    """Go up the tree: what each node and all below it say of its state.

    Parameters
    ----------
    tree : Tree
    evidence : (K, nodes) array
        Likelihood of the second state over that of the first.
    log_moves : (K, levels, 2, 2) array
        From the parent's state (first) to a node's.

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
    """Go down the tree: draw the state of every node given its parent's.

    Parameters
    ----------
    tree : Tree
    uniform : (K, nodes) array
        Random numbers.
    said : (K, nodes) array
        From `messages`. 1 draws from the prior; 0 and a large number decide.
    log_moves : (K, levels, 2, 2) array

    Returns
    -------
    states, of_parents : (K, nodes) arrays of bool
        The uppermost node has no parent: either state is as likely, and the latter False.
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
    """Return the chances of the two states, (2, K, 1), for a quiet parent and for a lively one."""
    quiet, lively = moves[:, level].transpose(1, 2, 0)[..., None]
    return quiet, lively
