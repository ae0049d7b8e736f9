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

from bayesunmix.engine.pyramid import Nodes, Tree

# Of a node's own evidence, and of a message: three factors of one b stay within float32. What is this rare never
# happens.
_MOST_OWN, _MOST_PASSED = 1e18, 1e9


def messages(tree: Tree, evidence: list[Array], log_moves: Array) -> list[Array]:
    """Go up the tree: what each node and all below it say of its state.

    Parameters
    ----------
    tree : Tree
    evidence : list of (K, *nodes of a level) arrays
        Likelihood of the second state over that of the first, finest level first.
    log_moves : (K, levels, 2, 2) array
        From the parent's state (first) to a node's.

    Returns
    -------
    list of (K, *nodes of a level) arrays
    """
    own = [jnp.clip(part, 1 / _MOST_OWN, _MOST_OWN) for part in evidence]
    said = [own[0]]
    for i in range(1, len(own)):
        quiet, lively = (_chances(log_moves[:, i - 1, state], own[0].ndim) for state in (0, 1))
        passed = (lively[0] + lively[1] * said[-1]) / (quiet[0] + quiet[1] * said[-1])
        halves = tree.halves(jnp.clip(passed, 1 / _MOST_PASSED, _MOST_PASSED), i, outside=1)
        said.append(own[i] * halves.first * halves.second)
    return said


def draw_states(tree: Tree, uniform: list[Array], said: list[Array], log_moves: Array) -> tuple[Array, Array]:
    """Go down the tree: draw the state of every node given its parent's.

    Parameters
    ----------
    tree : Tree
    uniform : list of (K, *nodes of a level) arrays
        Random numbers.
    said : list of (K, *nodes of a level) arrays
        From `messages`. 1 draws from the prior; 0 and a large number decide.
    log_moves : (K, levels, 2, 2) array

    Returns
    -------
    states, of_parents : (K, nodes) arrays of bool
        The uppermost node has no parent: either state is as likely, and the latter False.
    """
    states = [uniform[-1] * (1 + said[-1]) < said[-1]]
    of_parents = [jnp.zeros_like(states[0])]
    for i in reversed(range(len(said) - 1)):
        parent = tree.cells(Nodes(states[-1], states[-1]), i + 1)
        quiet, lively = (_chances(log_moves[:, i, state], parent.ndim) for state in (0, 1))
        to_lively = jnp.where(parent, lively[1], quiet[1]) * said[i]
        states.append(uniform[i] * (jnp.where(parent, lively[0], quiet[0]) + to_lively) < to_lively)
        of_parents.append(parent)
    return _flat(states), _flat(of_parents)


def _chances(log_moves: Array, n_dim: int) -> tuple[Array, Array]:
    """Return the chances of the two states, (K, 2), each as an array like those of a level."""
    quiet, lively = jnp.exp(log_moves).reshape(-1, 2, *(1,) * (n_dim - 1)).swapaxes(0, 1)
    return quiet, lively


def _flat(by_level: list[Array]) -> Array:
    """Join levels that were gone through downwards."""
    return jnp.concatenate([part.reshape(len(part), -1) for part in reversed(by_level)], axis=1)
