"""Decide which of many p-values are alarms, so that few images alarm for which the model is right.

References
----------
Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate: a practical and powerful approach to multiple
testing", J. R. Stat. Soc. B 57, 289 (1995).
"""

import numpy as np


def largest_alarm(p_values: np.ndarray, false_alarms: float) -> float:
    """Return the largest p-value that Benjamini and Hochberg's rule rejects, 0 if none."""
    ordered = np.sort(p_values)
    passed = ordered <= false_alarms * np.arange(1, ordered.size + 1) / ordered.size
    # A p-value too small for a float is 0, and an alarm.
    return max(float(ordered[passed].max(initial=0)), 1e-300 * passed.any())
