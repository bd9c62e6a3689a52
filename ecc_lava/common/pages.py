"""Joins a template, styles and a script into one HTML file that loads nothing.

The template escapes text from files. Data reaches the script as JSON that cannot end its element. The page's own policy lets a browser
use this script and these styles, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecc_lava.common.text import printable

__all__ = ["rendered"]


def rendered(folder: Path, scripts: Sequence[str], filters: Mapping[str, Callable[..., str]], **values: Any) -> str:
    """Return a page.

    Parameters
    ----------
    folder : Path
        Folder of `page.html.jinja`, `page.css` and the scripts.
    scripts : names of files, joined in this order
    filters : name -> function
        Functions through which the template shows values.
    **values
        What the template shows. Values that pass through `tojson` are JSON values.
    """
    import jinja2
    from markupsafe import Markup

    script = "".join((folder / name).read_text(encoding="utf-8") for name in scripts)
    style = (folder / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.filters |= filters
    return environment.get_template("page.html.jinja").render(
        policy=f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        script=Markup(script),
        style=Markup(style),
        **values,
    )


def _shown(value: Any) -> Any:
    """Return what a page shows of a value: text without control characters; what is markup already is ours."""
    return printable(value) if type(value) is str else value


def _digest(text: str) -> str:
    """Return a text's digest as a content security policy writes it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
