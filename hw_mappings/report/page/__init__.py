"""A mapping as one self-contained web page. The room imports `jinja2` when it makes a page."""

from hw_mappings.report.page.render import chip_page

__all__ = ["chip_page"]
