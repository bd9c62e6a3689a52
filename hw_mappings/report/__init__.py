"""Reports of a mapping for people: rows of tables, and a web page of the chip. Nothing here is printed."""

from hw_mappings.report.page.render import chip_page, deployed_page
from hw_mappings.report.rows import layer_rows, misfit_summary, summary

__all__ = ["chip_page", "deployed_page", "layer_rows", "misfit_summary", "summary"]
