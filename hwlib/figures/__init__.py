"""Every figure of the report, drawn from a record and nothing else.

`rows` gives the panels of an artefact, each at the size at which it is shown; `draw` puts them on one matplotlib sheet
for notebooks and files. Neither uses pyplot, so nothing is shown twice and nothing is kept. The style is
`workbook.mplstyle`.
"""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from hwlib.figures.curves import adaptation_curves, gan_curve, vae_curve
from hwlib.figures.errors import confusions, surest_errors
from hwlib.figures.faces import gan_grid, gan_row, mosaic, side_by_side, vae_grid, vae_row
from hwlib.figures.maps import attribute_map, domain_maps, maps_before
from hwlib.figures.panel import Panel, Picture, Row, compose, png

__all__ = ["DRAWINGS", "Panel", "Picture", "Row", "alt", "draw", "mosaic", "png", "rows"]

DRAWINGS: dict[str, Callable[..., list[Row]]] = {
    "fig1_2": vae_curve,
    "fig1_4": vae_grid,
    "fig1_4b": vae_row,
    "fig1_5": attribute_map,
    "fig2_1": gan_curve,
    "fig2_2": gan_grid,
    "fig2_2b": gan_row,
    "fig2_4": side_by_side,
    "fig3_0": adaptation_curves,
    "fig3_1b": confusions,
    "fig3_1c": surest_errors,
    "fig3_4": domain_maps,
    "fig3_4b": maps_before,
    "fig4_0": adaptation_curves,
    "fig4_1b": confusions,
    "fig4_1c": surest_errors,
    "fig4_2": domain_maps,
}


def rows(name: str, *records: Any) -> list[Row]:
    """Return the panels of the artefact `name` (`fig1_2` … `fig4_2`), row by row.

    Takes one record (or a `Run` in the making, which reads alike); `fig2_4` takes problem 1's and problem 2's, and
    the figures of problems 3 and 4 one for each scenario.
    """
    return DRAWINGS[name](*records)


def draw(name: str, *records: Any) -> Figure:
    """Draw the whole artefact on one sheet; its records as in `rows`."""
    return compose(rows(name, *records))


def alt(name: str, language: str, *records: Any) -> str:
    """Return the alternative text of the whole artefact, in `zh` or `en`."""
    texts = [getattr(part, language) for row in rows(name, *records) for part in row.panels or (row,)]
    return ("；" if language == "zh" else "; ").join(texts)
