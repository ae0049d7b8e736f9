"""Hold what `bayesunmix.validate` found."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from bayesunmix.claims.claim import Claim
from bayesunmix.data.result import Unmixing
from bayesunmix.validation.case import Case
from bayesunmix.validation.details import Details
from bayesunmix.validation.finding import WORST_FIRST, Finding, Judgement, headline, overall

STATUS: Mapping[Judgement, int] = {"supported": 0, "contradicted": 1, "undecidable": 3}


@dataclass(frozen=True, eq=False, repr=False)
class Validation:
    """Hold the verdicts on a claim; `print` shows them as sentences.

    Parameters
    ----------
    claim : Claim
    findings : tuple of Finding
        One for each part of the claim that was tested.
    case : Case or None
        The counts, and the labels as they lie on them; None where the claim has no labels.
    details : Details
        What each test found in detail.
    result : Unmixing or None
        The unmixing that the claim was held against; None with ``quick=True``.
    level : float
        Probability that the report on a right claim contradicts any part of it.
    seed : int
    quick : bool
    notes : tuple of str
        What was left out or thinned, and why.

    Examples
    --------
    >>> import numpy as np
    >>> import bayesunmix as bu
    >>> spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    >>> layers = np.repeat([[0, 1]], 16, axis=0).repeat(8, axis=1)
    >>> counts = np.random.default_rng(0).poisson(5 * spectra[layers])
    >>> image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
    >>> found = bu.validate(image, bu.Claim(layers, ("a", "b")), quick=True)
    >>> found.verdict in ("supported", "contradicted", "undecidable")
    True
    """

    claim: Claim
    findings: tuple[Finding, ...]
    case: Case | None
    details: Details
    result: Unmixing | None
    level: float
    seed: int
    quick: bool
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Judgement:
        """Return the verdict on the whole: contradicted if any part is, supported if every part is."""
        return overall(self.findings)

    @property
    def labels(self) -> np.ndarray | None:
        """Return the claimed phases as they lie on the counts, (H, W)."""
        return None if self.case is None else self.case.labels

    def summary(self) -> str:
        """Return the verdicts as plain text, what is contradicted first."""
        lines = [f"The claim is {self.verdict}: {headline(self.findings)}."]
        if self.result is not None and self.result.doubt:
            lines.append(f"What rests on the unmixing is no surer than it: {self.result.doubt}.")
        for verdict in WORST_FIRST:
            chosen = [one for one in self.findings if one.verdict == verdict]
            if chosen:
                lines += ["", f"{verdict.capitalize()}", *(f"- {one.sentence}" for one in chosen)]
        if self.notes:
            lines += ["", "Notes", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)

    __repr__ = summary

    def report(self, folder: str | Path, *, source: str | Path | Mapping[str, Any] | None = None) -> None:
        """Write report.html, tables (CSV) and summary.json into a new folder.

        Parameters
        ----------
        folder : str or Path
            Made here; it appears whole or not at all.
        source : str, Path or mapping, optional
            The file that the image was read from, or its `name` and `sha256`.

        Raises
        ------
        ValueError
            If the folder is there already and not empty.
        """
        from bayesunmix.io.folder import new_folder
        from bayesunmix.running.home import at_home

        with new_folder(at_home(folder)) as temporary:
            self.write(temporary, source)

    def write(
        self, folder: Path, source: str | Path | Mapping[str, Any] | None = None, command: str = ""
    ) -> None:
        """Write the files of a report into a folder that is there; `command` is the command line that made it."""
        from bayesunmix.validation.report.page import Contents, write_validation

        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        write_validation(folder, Contents(verdict=self.verdict, **shown), source, command)
