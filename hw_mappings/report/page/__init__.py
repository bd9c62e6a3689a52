"""A mapping as one self-contained web page. `jinja2` is imported when a page is made."""

from hw_mappings.report.page.render import chip_page

__all__ = ["chip_page"]
