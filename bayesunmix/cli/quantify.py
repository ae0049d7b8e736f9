"""`bayesunmix quantify`: what components, regions and claimed phases are made of, in atomic per cent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayesunmix.cli.asked import Asked, asking
from bayesunmix.cli.assuming import Assume, identified_under, read_assumptions
from bayesunmix.cli.options import (
    Box,
    Image,
    Interval,
    Overwrite,
    RegionMask,
    Result,
    Seed,
    a_folder,
    a_number,
    a_path,
    out,
)
from bayesunmix.cli.outputs import as_csv, as_json, as_npz, as_png, require_writable, write_each
from bayesunmix.cli.places import region_of

if TYPE_CHECKING:
    from bayesunmix.quantification.composition import Quantification

EXAMPLE = """\
Examples:
  bayesunmix quantify first --elements Fe,Pt --k-factors k.csv --out first.csv
  bayesunmix quantify first --beam 300 --thickness 80 --density 3.2 --exclude Cu,C
  bayesunmix quantify first --formula Mg2SiO4 --formula MgSiO3 --out page.html
  bayesunmix quantify sem --msa spectra --live-time 0.01 --current 2"""
_FORMATS = (".csv", ".html", ".json", ".npz", ".png")


def quantify(
    result: Result,
    image: Image = None,
    elements: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Elements or lines, such as Fe,Pt or Fe_Ka,Pt_La; those of the sum spectrum where not given.",
            show_default=False,
        ),
    ] = None,
    k_factors: Annotated[
        Path | None,
        typer.Option(
            parser=a_path,
            metavar="FILE",
            help="A .csv file of k-factors: line, factor, standard deviation, or a vendor's table. Computed where not "
            "given.",
            show_default=False,
        ),
    ] = None,
    beam: Annotated[float | None, a_number("Energy of the electrons in keV; 200 where not given.")] = None,
    thickness: Annotated[float | None, a_number("Thickness of the film in nm, for absorption.")] = None,
    density: Annotated[float | None, a_number("Density of the film in g/cm3, with --thickness.")] = None,
    takeoff: Annotated[float | None, a_number("Take-off angle in degrees; 22 where not given.")] = None,
    oxygen: Annotated[
        Literal["measured", "stoichiometry"],
        typer.Option(help="Whether oxygen is counted, or follows from the valences of the others."),
    ] = "measured",
    exclude: Annotated[
        str | None,
        typer.Option(
            metavar="SYMBOLS",
            help="Elements that are not the specimen's, such as the Cu of a grid: fitted, and left out.",
            show_default=False,
        ),
    ] = None,
    formula: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMULA", help="Compare with this formula; repeat for more.", show_default=False
        ),
    ] = None,
    box: Box = None,
    mask: RegionMask = None,
    claim: Annotated[
        list[Path] | None,
        typer.Option(
            parser=a_path,
            metavar="FILE",
            help="A map of phases to quantify, as `validate` takes it; repeat for its legend.",
            show_default=False,
        ),
    ] = None,
    interval: Interval = 0.9,
    assume: Assume = None,
    seed: Seed = 0,
    outputs: Annotated[list[Path] | None, out(*_FORMATS)] = None,
    msa: Annotated[
        Path | None,
        a_folder("Write the spectrum of each component as .msa to this folder, and do nothing else."),
    ] = None,
    standard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ELEMENT=FILE",
            help="Compare with this standard (.msa) and print k-ratios, which hold for bulk too; repeat for more.",
            show_default=False,
        ),
    ] = None,
    live_time: Annotated[
        float | None, a_number("Live time of a pixel in s, for --msa and --standard.")
    ] = None,
    current: Annotated[float | None, a_number("Beam current in nA, for --msa and --standard.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Quantify a thin film: atomic and weight per cent of each component, with four errors kept apart.

    The errors are those of counting, of the endmembers, of the k-factors, and the range that other solutions leave
    open. A bulk specimen is refused; --msa and --standard hand over what other programs need for it. The .npz file
    holds maps of atomic fractions.
    """
    require_writable(outputs, _FORMATS, overwrite)
    believed = read_assumptions(assume)
    wants_maps = any(file.suffix.lower() == ".npz" for file in outputs or ())
    with asking(result, image) as asked:
        if msa is not None:
            _write_spectra(asked, msa, live_time, current, beam, overwrite)
            return
        if standard:
            _show_k_ratios(asked, standard, live_time, current, interval, seed)
            return
        from bayesunmix.claims.reading import read_claim
        from bayesunmix.quantification.quantify import quantify as infer

        regions = {} if box is None and mask is None else {"region": region_of(asked.image, box, mask)}
        found = infer(
            asked.result,
            asked.image,
            _listed(elements) or None,
            k_factors=k_factors,
            thickness_nm=thickness,
            density=density,
            takeoff_deg=takeoff,
            beam_kev=beam,
            oxygen=oxygen,
            level=interval,
            regions=regions,
            claim=read_claim(*claim) if claim else None,
            exclude=_listed(exclude),
            formulas=formula or (),
            maps=wants_maps,
            identified=identified_under(believed, asked),
            seed=seed,
        )
        print(found)
        _write(asked, found, outputs)


def _write(asked: Asked, found: "Quantification", outputs: list[Path] | None) -> None:
    from bayesunmix.plotting.compositions import plot_compositions
    from bayesunmix.report.composition_page import write_composition_page

    rows, doubt = found.rows(), asked.result.doubt
    content = {
        **asked.origin(),
        "parts": rows,
        "left_out": found.left_out,
        "assumptions": found.assumptions,
        "warnings": found.warnings,
    }
    arrays: dict[str, Any] = {}
    if found.maps is not None:
        maps = found.maps
        arrays = {
            "mean": maps.mean,
            "lower": maps.lower,
            "upper": maps.upper,
            "elements": list(maps.elements),
        }
    write_each(
        outputs,
        {
            ".csv": as_csv(rows, doubt),
            ".html": lambda path: write_composition_page(path, found, asked.image_file.name),
            ".json": as_json(content, doubt),
            ".npz": as_npz(arrays, doubt),
            ".png": as_png(lambda: plot_compositions(found), doubt),
        },
        asked.files,
    )


def _write_spectra(
    asked: Asked,
    folder: Path,
    live_time: float | None,
    current: float | None,
    beam: float | None,
    overwrite: bool,
) -> None:
    from bayesunmix.quantification.exposure import write_msa

    files = write_msa(
        asked.result,
        asked.image,
        folder,
        live_time_s=live_time,
        probe_na=current,
        beam_kev=beam,
        overwrite=overwrite,
    )
    for file in files:
        print(f"written    {file}")


def _show_k_ratios(
    asked: Asked, texts: list[str], live_time: float | None, current: float | None, interval: float, seed: int
) -> None:
    from bayesunmix.analysis.quantity import table
    from bayesunmix.quantification.k_ratios import k_ratios

    standards = {}
    for text in texts:
        element, equals, file = text.partition("=")
        if not (equals and element.strip() and file.strip()):
            raise ValueError(f"--standard must be ELEMENT=FILE, got {text!r}; for example Fe=iron.msa")
        standards[element.strip()] = Path(file.strip())
    if live_time is None or current is None:
        raise ValueError(
            "--standard needs the live time of a pixel and the current; give --live-time and --current"
        )
    found = k_ratios(
        asked.result,
        asked.image,
        standards,
        live_time_s=live_time,
        probe_na=current,
        level=interval,
        seed=seed,
    )
    for name, ratios in found.items():
        print(table({element: amount.value for element, amount in ratios.items()}, f"k-ratio, {name}"))
        for element, amount in ratios.items():
            print(
                f"{element}: standard +- {amount.factor_sd:.2g}, with it {amount.lower:.4g} to {amount.upper:.4g}"
            )


def _listed(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
