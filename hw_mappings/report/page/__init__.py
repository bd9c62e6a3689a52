"""A mapping as one self-contained web page.

`data` computes what the page draws, `words` names it, and `render` fills the template.
"""
