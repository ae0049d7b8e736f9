"""Describe a result in words and tables, for `repr`, notebooks and reports."""

from collections.abc import Sequence

from bayesunmix.data.agreement import MOST_R_HAT
from bayesunmix.data.display.text import MOST_LISTED, brief, columns, say_warnings, wrapped
from bayesunmix.data.factorization import Factorization
from bayesunmix.data.grid import Grid
from bayesunmix.data.info import Info
from bayesunmix.data.posterior import Posterior
from bayesunmix.data.share import VERDICTS, Share, own_percent, percent, say_interval, say_share

DOUBTFUL = (VERDICTS["no"],)  # cells of `share_table` that must catch the eye


#: Stands for a number that other solutions change by more than its error.
NOT_TOLD = "a range"


def as_text(
    estimate: Factorization,
    posterior: Posterior | None,
    info: Info,
    grid: Grid | None,
    names: Sequence[str],
) -> str:
    """Describe a result in at most twelve lines."""
    head, *rows = share_table(estimate, info, names, short=True)
    about = wrapped(say_posterior(posterior, info), 2)
    most = MOST_LISTED + 1 - len(about)
    listed = rows if len(rows) <= most else rows[: most - 1]
    more = [] if len(listed) == len(rows) else [f"... {len(rows) - len(listed)} more components"]
    return brief(
        [
            f"<Unmixing: {', '.join(headline(estimate, info))}>",
            say_size(estimate, grid),
            *about,
            *columns([head, *listed]),
            *more,
            *say_warnings(info.get("warnings", ())),
        ]
    )


def headline(estimate: Factorization, info: Info) -> list[str]:
    """Say by which method, how many components, whether it converged, and how long it took."""
    n = estimate.n_components
    facts = [f"{n} component{'' if n == 1 else 's'}"]
    if "method" in info:
        facts.insert(0, info["method"])
    if info.get("converged") is not None:
        facts.append("converged" if info["converged"] else "NOT converged")
    if "fit_seconds" in info:
        facts.append(f"{info['fit_seconds']:.1f} s + {info.get('compile_seconds', 0.0):.1f} s compiling")
    return facts


def say_doubt(info: Info) -> str:
    """Say what every picture, table and file of a result must say; "" where there is nothing.

    That is: that the fit did not converge, and why; and what its intervals assume.
    """
    assumed = [f"assuming that {one}" for one in info.get("assumptions", ())]
    return "; ".join([*filter(None, [say_not_converged(info)]), *assumed])


def say_not_converged(info: Info) -> str:
    """Say that the fit did not converge, and why; "" where it did."""
    if info.get("converged") is not False:
        return ""
    why, r_hat, modes = [], info.get("r_hat"), info.get("modes")
    if info.get("interrupted"):
        why.append("the run was interrupted")
    if r_hat is not None and not r_hat < MOST_R_HAT:  # nor NaN
        why.append(f"the chains disagree, R-hat {r_hat:.2f}")
    if modes and len(modes["weights"]) > 1:
        why.append(f"intervals are pooled over {len(modes['weights'])} solutions")
    return ": ".join(filter(None, ["not converged", "; ".join(why)]))


def say_size(estimate: Factorization, grid: Grid | None) -> str:
    """Say how many pixels and channels there are, and which."""
    n_pixels, n_channels = len(estimate.abundances), estimate.endmembers.shape[1]
    if grid is None:
        return f"{n_pixels} pixels, {n_channels} channels; the image is not known"
    shape = " x ".join(map(str, grid.shape[:-1]))
    axes = ", ".join(axis.name for axis in grid.axes)
    masked = "" if grid.mask is None else f", {n_pixels - int(grid.mask.sum())} of {n_pixels} masked"
    return f"{shape} pixels ({axes}){masked}; {n_channels} channels, {grid.spectral_axis.say_axis()}"


def say_posterior(posterior: Posterior | None, info: Info) -> str:
    """Say what the error bars rest on, or that there are none."""
    if posterior is None:
        return "a single estimate, without error bars"
    diagnosed = []
    if info.get("r_hat") is not None:
        diagnosed.append(f"R-hat {info['r_hat']:.3f}")
    if info.get("ess") is not None:
        diagnosed.append(f"{info['ess']:.0f} effective draws")
    if info.get("abundance_prior_scores"):
        names, weights = info["abundance_prior"], info["abundance_prior_weights"]
        chosen = [f"{name} ({weight:.0%})" for name, weight in zip(names, weights, strict=True)]
        diagnosed.append(f"photons kept apart chose {' and '.join(chosen if len(names) > 1 else names)}")
    return posterior.say_draws(diagnosed)


def share_table(
    estimate: Factorization, info: Info, names: Sequence[str], short: bool = False
) -> list[tuple[str, ...]]:
    """Lay out the share of all counts that each component makes, with its three errors in columns of their own.

    Parameters
    ----------
    estimate : Factorization
    info : Info
        With `fractions`, shares have errors and verdicts.
    names : sequence of str
        K.
    short : bool
        Leave out the three columns of errors.

    Returns
    -------
    list of tuple of str
        A heading, then a row for each component. Signed results (PCA, ICA) have no shares; PCA's explain variance.
    """
    totals = estimate.abundances.sum(axis=0)
    fractions = info.get("fractions", {})
    if not estimate.is_nonnegative or totals.sum() == 0:
        variances = info.get("explained_variance_ratio", ())
        if len(variances) != len(names):
            return [("component",), *((name,) for name in names)]
        explained = zip(names, variances, strict=True)
        return [("component", "explained variance"), *((name, f"{100 * v:.1f} %") for name, v in explained)]
    if not set(names) <= set(fractions):
        shares = zip(names, totals / totals.sum(), strict=True)
        return [("component", "share of counts"), *((name, f"{100 * share:.1f} %") for name, share in shares)]
    more = () if short else ("error of counting", "error of endmembers", "feasible range")
    return [
        ("component", "share of counts", "identified" if short else "verdict", "90 % interval", *more),
        *((name, *_cells(fractions[name], short)) for name in names),
    ]


def _cells(share: Share, short: bool) -> tuple[str, ...]:
    told = share["identified"] != "no"
    mean, interval = f"{percent(share['mean'], share)} %" if told else NOT_TOLD, say_interval(share)
    if short:
        return mean, share["identified"], interval
    half_width = share["feasible_half_width"]
    errors = [own_percent(share["counting_sd"]), own_percent(share["endmember_sd"])]
    feasible = "spectra given" if half_width is None else f"± {own_percent(half_width)}"
    return mean, VERDICTS[share["identified"]], interval, *(f"± {error}" for error in errors), feasible


def remarks(estimate: Factorization, info: Info, names: Sequence[str], known: Sequence[bool]) -> list[str]:
    """Say beside each component's name what its share is, and whether its spectrum was given."""
    shares = say_shares(estimate, info, names)
    given = ["spectrum given" if one else "" for one in known]
    return [" · ".join(filter(None, both)) for both in zip(shares, given, strict=True)]


def say_shares(estimate: Factorization, info: Info, names: Sequence[str], separator: str = " ") -> list[str]:
    """Write each component's share of the counts, with what is known of its error; "" for signed results."""
    fractions = info.get("fractions", {})
    totals = estimate.abundances.sum(axis=0)
    if not estimate.is_nonnegative or totals.sum() == 0:
        return [""] * len(names)
    return [
        say_share(fractions[name], separator)
        if name in fractions
        else f"{100 * share:.1f} % of counts (no error bar)"
        for name, share in zip(names, totals / totals.sum(), strict=True)
    ]


def say_how(info: Info) -> list[tuple[str, str]]:
    """List how a result was made: settings, seed, how its number of components was found, versions, device."""
    said = {
        "settings": ", ".join(f"{name}={_short(value)}" for name, value in info.get("settings", {}).items()),
        "seed": str(info.get("seed", "")),
        "number of components": info.get("rank", ""),
        "versions": ", ".join(f"{name} {version}" for name, version in info.get("versions", {}).items()),
        "device": info.get("device", ""),
    }
    return [(name, text) for name, text in said.items() if text]


def _short(value: object) -> str:
    """Write a setting; spectra would fill pages."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
