"""Average over seeds, with intervals: pixels of a map are not independent, so that the seeds are counted."""

import pandas as pd
from scipy import stats


def over_seeds(rows: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Average columns over the seeds of each group.

    Returns
    -------
    DataFrame
        `by`, `seeds`, and for each column its mean and the half-width of Student's 95 % interval of it, `..._pm`.
    """
    grouped = rows.groupby(by, sort=False)
    n = grouped.size()
    table = {"seeds": n}
    for column in columns:
        table[column] = grouped[column].mean()
        table[f"{column}_pm"] = stats.t.ppf(0.975, (n - 1).clip(lower=1)) * grouped[column].std() / n**0.5
    return pd.DataFrame(table).reset_index()
