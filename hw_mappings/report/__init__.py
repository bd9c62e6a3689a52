"""What a mapping says to a person: rows for tables, and a page of the chip."""

from hw_mappings.report.page.render import chip_page
from hw_mappings.report.rows import layer_rows, misfit_summary, summary

__all__ = ["chip_page", "layer_rows", "misfit_summary", "summary"]
