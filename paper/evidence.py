"""Sum up the published results for the claims, tables and figures of the paper: one place that reads the CSV files."""

from functools import cached_property
from pathlib import Path

import pandas as pd

from benchmarks.calibrations.real import HALF_OF
from benchmarks.provenance import code_digest
from benchmarks.published import read_about, read_rows
from benchmarks.reporting.coverage_table import MODELS
from benchmarks.reporting.evidence import SUITES, SUMMED, Evidence, read_evidence
from benchmarks.reporting.ranking import first_components
from benchmarks.reporting.speed_targets import speed_findings

OURS = "bayes"
ALL = (*MODELS, *SUMMED, "sbc", "speed")  # files that targets are set for


class Results:
    """Read a folder of published results.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, pd.DataFrame] = {}

    def rows_of(self, name: str) -> pd.DataFrame:
        """Return the rows of a CSV file, such as "main.csv", or of a table of this class, such as "cells".

        Raises
        ------
        ValueError
            If there is no such file or table.
        """
        if not name.endswith(".csv"):
            if name not in TABLES:
                raise ValueError(f"{name} is none of the tables {', '.join(TABLES)}")
            return getattr(self, name)
        if name not in self._files:
            path = self.folder / name
            if not path.is_file():
                raise ValueError(f"there is no file {name} among the results")
            self._files[name] = read_rows(path)
        return self._files[name]

    def finished(self, suite: str) -> pd.DataFrame:
        """Return the rows of a suite that ended, with the number of components that is shown where one can be."""
        rows = self.rows_of(f"{suite}.csv")
        return rows[(rows["status"] == "ok") & (rows["components"] == first_components(rows))]

    @cached_property
    def evidence(self) -> Evidence:
        """Sums of all files, as the site shows them."""
        return read_evidence(self.folder)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """A row a target: `subject`, `met` and `sentence`."""
        for name in ALL:
            self.rows_of(f"{name}.csv")  # none may be lost unseen
        speeds = speed_findings(self.rows_of("speed.csv"))
        return pd.DataFrame([*self.evidence.findings, *speeds])

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """A row a case: how often intervals cover the truth, the target, and whether it is met."""
        for name in (*SUITES, "pipeline"):
            self.rows_of(f"{name}.csv")
        table = self.evidence.tables["coverage"]
        return table.assign(met=table["verdict"] == "met")

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Coverage of the 90 % intervals of pixels by `bayes` with nothing known of its spectra, a row a case."""
        table = self.coverage
        asked = (table["quantity"] == "abundances") & (table["level"] == 90)
        whole = table["source"].isin(SUITES) & (table["model"] == OURS)
        blind = (table["source"] == "pipeline") & (table["model"] == "smooth")
        return table[asked & (whole | blind)].reset_index(drop=True)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """A row a suite, phantom and dose: map errors of `bayes`, of the best peer and of the best other method."""
        found = []
        for suite in SUITES:
            rows = self.finished(suite)
            for (phantom, dose), cell in rows.groupby(["phantom", "dose"]):
                means = cell.groupby(["role", "method"])[["abundance_rmse", "spectral_angle"]].mean()
                if ("method", OURS) not in means.index or "peer" not in means.index:
                    continue
                ours = means.loc[("method", OURS)]
                peers = means.loc["peer"]
                others = means.drop(("method", OURS)).loc[["method", "peer"]]
                seeds = cell.groupby("method")["seed"].nunique()
                best = peers["abundance_rmse"].idxmin()
                found.append(
                    {
                        "suite": suite,
                        "phantom": phantom,
                        "dose": dose,
                        "error": ours["abundance_rmse"],
                        "angle": ours["spectral_angle"],
                        "coverage": cell.loc[cell["method"] == OURS, "coverage_90"].mean(),
                        "peer": best,
                        "peer_error": peers["abundance_rmse"].min(),
                        "peer_angle": peers["spectral_angle"].min(),
                        "ratio": peers["abundance_rmse"].min() / ours["abundance_rmse"],
                        "angle_ratio": peers["spectral_angle"].min() / ours["spectral_angle"],
                        "other_ratio": others["abundance_rmse"].min() / ours["abundance_rmse"],
                        "seeds": seeds[OURS],
                        "peer_seeds": seeds[best],
                        "better": ours["abundance_rmse"] < peers["abundance_rmse"].min(),
                        "better_angle": ours["spectral_angle"] < peers["spectral_angle"].min(),
                    }
                )
        return pd.DataFrame(found)

    @cached_property
    def choices(self) -> pd.DataFrame:
        """A row a phantom and dose at which maps were drawn with and without the choice of a prior."""
        rows = self.rows_of("maps.csv")
        of_prior = {
            prior: rows[rows["prior"] == prior].groupby(["phantom", "dose"])
            for prior in ("chosen", "multiscale")
        }
        scores = {prior: some["interval_score"].mean() for prior, some in of_prior.items()}
        ratio = (scores["chosen"] / scores["multiscale"]).dropna()
        coverage = of_prior["chosen"]["coverage_90"].mean()[ratio.index]
        return pd.DataFrame({"coverage": coverage, "ratio": ratio, "better": ratio < 1}).reset_index()

    @cached_property
    def checks(self) -> pd.DataFrame:
        """A row a case and dose: trials and alarms of `bayesunmix.check`, and whether the model is right."""
        table = self._summary("checks")
        return table.assign(right=table["case"].str.startswith("right_"))

    @cached_property
    def validation(self) -> pd.DataFrame:
        """A row a claimed map and dose: reports, contradictions, and whether the claim is right."""
        table = self._summary("validate")
        return table.assign(right=table["least_found"].isna())

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """A row a sampler and quantity of simulation-based calibration."""
        return self._summary("sbc")

    @cached_property
    def materials(self) -> pd.DataFrame:
        """A row a phantom and dose: in how many trials the recommended number of components is right."""
        table = self._summary("rank")
        return table.assign(share=table["recommended"] / table["trials"])

    @cached_property
    def known(self) -> pd.DataFrame:
        """A row a fact that is known of a recording, or of a phantom in which an assumption is false."""
        table = self._summary("real")
        return table.assign(
            missed=table["trials"] - table["holds"], predicted=table["fact"].str.startswith("counts of ")
        )

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """A row a recording of which half of the photons were left out: how well `bayes` predicts these."""
        rows = self.rows_of("real.csv")
        rows = rows[(rows["method"] == OURS) & rows["case"].str.startswith(HALF_OF)]
        found = []
        for case, some in rows.groupby("case", sort=False):
            lines = some.loc[some["fact"].str.startswith("counts of "), "value"]
            gain = some.loc[some["fact"].str.startswith("held-out deviance, over that"), "value"].mean()
            found.append(
                {"case": case, "lines": lines.size, "low": lines.min(), "high": lines.max()}
                | {"better": gain < 0, "no_worse": gain <= 0}
            )
        return pd.DataFrame(found)

    @cached_property
    def made_by(self) -> pd.DataFrame:
        """A row a published trial of `bayes`: whether the code that this paper describes made it (`current`).

        Rows of the calibration name no code. Those in which photons chose the prior have a column that says so.
        """
        parts = []
        now = code_digest("method", OURS)
        for suite in SUITES:
            rows = self.rows_of(f"{suite}.csv")
            mine = rows[rows["method"] == OURS]
            stands = (
                read_about(self.folder / f"{suite}.csv").get("stands", {}).get("methods", {}).get(OURS, {})
            )
            same = {now, *(stands.get("made_under", ()) if stands.get("after") == now else ())}
            parts.append(pd.DataFrame({"suite": suite, "current": mine["code"].isin(same).to_numpy()}))
        rows = self.rows_of("pipeline.csv")
        parts.append(pd.DataFrame({"suite": "pipeline", "current": "priors" in rows}, index=rows.index))
        return pd.concat(parts, ignore_index=True)

    def _summary(self, name: str) -> pd.DataFrame:
        """Return the summary of a calibration, which is there if its file is."""
        self.rows_of(f"{name}.csv")
        return self.evidence.tables[name]


TABLES = (
    "findings",
    "coverage",
    "intervals",
    "cells",
    "choices",
    "checks",
    "validation",
    "ranks",
    "materials",
    "known",
    "left_out",
    "made_by",
)
