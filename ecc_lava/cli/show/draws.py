"""What several draws of calibration images gave."""

from __future__ import annotations

from ecc_lava.cli.show.output import as_percent, show_lines, show_table
from ecc_lava.conversion import DrawReport

__all__ = ["show_draws"]


def show_draws(report: DrawReport, images: int) -> None:
    """Print the figure of every draw of so many images, their mean and its interval."""
    shares = report.validation_images if report.figure == "agreement" else None
    rows = [
        (f"{draw.seed}{' (kept)' if number == report.best else ''}", draw.error or as_percent(draw.kept, shares))
        for number, draw in enumerate(report.draws)
    ]
    show_table("Draws of calibration images", ("seed", f"{report.figure} with the CNN"), rows)
    sure = report.interval
    told = "" if sure is None else f", 95 % interval over draws {100 * sure[0]:.2f} to {100 * sure[1]:.2f} %"
    show_lines(f"{len(rows)} draws of {images} images, judged on {report.validation_images:,} others: mean {as_percent(report.mean)}{told}")
