"""Turn what the tests say into verdicts, with one error rate for the whole report.

A test gives `Evidence`: an effect with its interval, a tolerance, and the probability of what was seen if the claim
were right. A claim is contradicted if that probability is small enough after Holm's correction over all tests of the
report [1]_, *and* the interval of the effect lies beyond the tolerance. It is supported if the interval lies within the
tolerance. Otherwise the counts do not decide, and the finding says how many would.

References
----------
.. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979)
       65-70.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from bayesunmix.analysis.quantity import Quantity
from bayesunmix.validation.words import say_counts, say_number, say_number_of

Judgement = Literal["supported", "contradicted", "undecidable"]
WORST_FIRST: tuple[Judgement, ...] = ("contradicted", "undecidable", "supported")


@dataclass(frozen=True)
class Evidence:
    """Hold what one test says of one part of a claim.

    Parameters
    ----------
    subject : str
        Part of the claim: "phase Cr", "areas", "map Fe K".
    question : str
        What was asked, in words: "Is it one thing?".
    test : str
        Name of the test: "exchange", "confusion", ...
    says : str
        The result in one sentence with its numbers, without full stop and without the verdict.
    effect : Quantity or None
        By how much the claim is off, or whatever is compared with the tolerance.
    tolerance : float or None
    unit : str
        Of effect and tolerance; empty for fractions.
    wrong_side : {"above", "below"}
        Where an effect contradicts the claim: above its tolerance, or below it (two phases that hardly differ).
    p_against : float or None
        Probability of evidence like this, or stronger, against a claim that is right. Where None and there is an
        effect, that of an effect at the tolerance, from its mean and its errors.
    p_for : float or None
        Probability of evidence like this, or stronger, for a claim that is wrong; a small one supports it. None where
        the interval alone decides.
    exact : {"supported", "contradicted", "undecidable"}, optional
        The verdict, where arithmetic decides and no noise is involved, or nothing can.
    counts_needed : float or None
        Mean counts per pixel that would decide; inf where no dose would.
    remedy : str
        What would decide, where no dose does: "a pure area of Cr would".
    """

    subject: str
    question: str
    test: str
    says: str
    effect: Quantity | None = None
    tolerance: float | None = None
    unit: str = ""
    wrong_side: Literal["above", "below"] = "above"
    p_against: float | None = None
    p_for: float | None = None
    exact: Judgement | None = None
    counts_needed: float | None = None
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """Hold the verdict on one part of a claim.

    Parameters
    ----------
    subject, question, test : str
        Part of the claim, what was asked of it, and by which test.
    verdict : {"supported", "contradicted", "undecidable"}
    sentence : str
        The verdict with its numbers.
    effect : Quantity or None
        By how much the claim is off, with its 90 % interval.
    tolerance : float or None
    unit : str
        Of effect and tolerance; empty for fractions.
    p_value : float or None
        Probability of evidence like this against a claim that is right, after Holm's correction over the report.
    counts_needed : float or None
        Mean counts per pixel that would decide; inf where no dose would. None where the question is decided, or where
        it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[0, 1]], 16, axis=0).repeat(8, axis=1)
    >>> counts = np.random.default_rng(0).poisson(5 * spectra[layers])
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> found = bu.validate(image, bu.Claim(layers, ("a", "b")), quick=True)
    >>> found.findings[0].verdict in ("supported", "contradicted", "undecidable")
    True
    """

    subject: str
    question: str
    test: str
    verdict: Judgement
    sentence: str
    effect: Quantity | None = None
    tolerance: float | None = None
    unit: str = ""
    p_value: float | None = None
    counts_needed: float | None = None


def judge(evidence: Sequence[Evidence], level: float) -> tuple[Finding, ...]:
    """Give a verdict on each piece of evidence.

    Parameters
    ----------
    evidence : sequence of Evidence
        All of one report, since the error rate is that of the report.
    level : float
        Probability that a report on a claim that is right contradicts any part of it.
    """
    against = [_p_against(one) for one in evidence]
    adjusted = iter(holm([p for p in against if p is not None]))
    p_values = [None if p is None else next(adjusted) for p in against]
    return tuple(_finding(one, p, level) for one, p in zip(evidence, p_values, strict=True))


def overall(findings: Sequence[Finding]) -> Judgement:
    """Return the verdict on a whole claim: contradicted if any part is, supported if every part is."""
    verdicts = {finding.verdict for finding in findings}
    if "contradicted" in verdicts:
        return "contradicted"
    return "supported" if verdicts == {"supported"} else "undecidable"


def headline(findings: Sequence[Finding]) -> str:
    """Count the verdicts: "1 contradicted, 2 supported of 3 statements"."""
    counted = ((verdict, sum(one.verdict == verdict for one in findings)) for verdict in WORST_FIRST)
    said = ", ".join(f"{n} {verdict}" for verdict, n in counted if n)
    return f"{said} of {say_number_of(len(findings), 'statement')}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number: the family-wise error rate stays below the level under any dependence."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, which in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[which]))
        adjusted[which] = largest
    return [float(p) for p in adjusted]


def _p_against(one: Evidence) -> float | None:
    """Return the p-value of a test; from effect and tolerance where it has none of its own."""
    if one.exact is not None:
        return None
    if one.p_against is not None or one.effect is None or one.tolerance is None:
        return one.p_against
    # The distance from the tolerance to the near end of the interval, in which all errors are included.
    effect, above = one.effect, one.wrong_side == "above"
    near = effect.lower if above else effect.upper
    beyond = effect.mean - one.tolerance if above else one.tolerance - effect.mean
    sd = max(abs(effect.mean - near) / _quantile(effect.interval), 1e-12)
    return float(ndtr(-beyond / sd))


def _quantile(interval: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + interval) / 2))


def _finding(one: Evidence, p_value: float | None, level: float) -> Finding:
    verdict = one.exact or _verdict(one, p_value, level)
    undecided = verdict == "undecidable"
    return Finding(
        one.subject,
        one.question,
        one.test,
        verdict,
        f"{one.says[:1].upper()}{one.says[1:]}; {verdict}{_why(one) if undecided else _within(one)}.",
        one.effect,
        one.tolerance,
        one.unit,
        p_value,
        one.counts_needed if undecided else None,
    )


def _verdict(one: Evidence, p_value: float | None, level: float) -> Judgement:
    wrong, right = True, one.p_for is not None
    if one.effect is not None and one.tolerance is not None:
        above = one.wrong_side == "above"
        wrong = one.effect.lower > one.tolerance if above else one.effect.upper <= one.tolerance
        right = one.effect.upper <= one.tolerance if above else one.effect.lower > one.tolerance
    if wrong and p_value is not None and p_value <= level:
        return "contradicted"
    return "supported" if right and (one.p_for is None or one.p_for <= level) else "undecidable"


def _within(one: Evidence) -> str:
    if not one.tolerance or one.exact is not None:
        return ""
    return f" (tolerance {say_number(one.tolerance, one.unit)})"


def _why(one: Evidence) -> str:
    """Say what would decide a question."""
    if one.counts_needed is None:
        return f": {one.remedy}" if one.remedy else ""
    if math.isinf(one.counts_needed):
        return f": no dose would decide it, with these spectra{'; ' + one.remedy if one.remedy else ''}"
    return f": about {say_counts(one.counts_needed)} counts per pixel would decide it"
