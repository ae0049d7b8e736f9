"""Measure the error of a recording's line maps against the counts of its reference.

The reference is another recording of the same field, or the photons that thinning left over. Nobody knows the truth,
but the reference has more photons, and they are independent of the image. In pixel p it holds N_p counts, Y_p of them
in the window of a line (`bayesunmix.line_map`). The estimate expects a share f_p there, so N_p f_p counts. Since Y_p is
binomial,

    E^2 = sum_p [(N_p f_p - Y_p)^2 - Y_p (N_p - Y_p) / (N_p - 1)] / P

is on average what the maps would differ by without the reference's noise. Reported is E, 0 where noise makes E^2
negative, over the mean of Y; then the mean over the lines. Shares are compared, not counts, because the exposure of a
second recording may differ from pixel to pixel.

NaN for a phantom, whose truth `line_intensity_error` has. f is taken between 0 and 1, whatever a signed method expects.
"""

import numpy as np

from bayesunmix import line_map
from bayesunmix.data.result import Unmixing
from benchmarks.metric import metric
from benchmarks.recording import RecordedTrial
from simulations.trial import Trial


@metric(label="Line map error", unit="of the mean", best="low", needs_truth=False)
def line_map_error(trial: Trial | RecordedTrial, unmixing: Unmixing) -> float:
    """Return the mean over lines of the RMS error of the map / its mean, without the noise of the reference."""
    if not isinstance(trial, RecordedTrial):
        return float("nan")
    n = trial.reference.total_map().astype(np.float64)
    expected = unmixing.estimate.abundances @ unmixing.estimate.endmembers.sum(axis=1)
    expected = np.maximum(expected, 1e-300).reshape(n.shape)
    errors = []
    for line in trial.lines:
        y = line_map(trial.reference, line).astype(np.float64)
        share = np.clip(line_map(trial.image, line, unmixing.estimate) / expected, 0, 1)
        noise = y * (n - y) / np.maximum(n - 1, 1)
        errors.append(np.sqrt(max(float(((n * share - y) ** 2 - noise).mean()), 0.0)) / y.mean())
    return float(np.mean(errors))
