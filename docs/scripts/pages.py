"""Makes pages of the site that stand elsewhere in the repository: README, changelog, notebooks, linked sources, layers, error messages.

MkDocs calls the functions named `on_`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath

import error_messages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import notebooks

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "tests/benchmarks/README.md": "benchmarks.md",
}
"""File of the repository -> the page it becomes; every file of docs/ is a page under its own name."""
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
LAYERS_PLACE = "<!-- layers -->"
CODE_FENCE = {".py": "python", ".c": "c", ".cff": "yaml", ".json": "json", ".toml": "toml", ".sh": "bash"}


def _page_of(path: str) -> str | None:
    """Return the page that a file of the repository becomes; None for a file that becomes none."""
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path.startswith("docs/") and not path.startswith("docs/scripts/"):
        return path.removeprefix("docs/")
    if path.startswith("notebooks/") and path.endswith(".ipynb"):
        return str(PurePosixPath(path).with_suffix(".md"))
    if (ROOT / path).is_file():
        return f"code/{path}.md"
    return None


def _linked(markdown: str, source: str, page: str) -> tuple[str, set[str]]:
    """Return a text whose links to files of the repository are links between pages, and the sources that it links to.

    `source` is the text's file in the repository, `page` its page. A link that leads nowhere stays, for MkDocs to report.
    """
    sources = set()

    def change(match: re.Match[str]) -> str:
        path = os.path.normpath(PurePosixPath(source).parent / match[1])
        target = _page_of(path)
        if target is None:
            return match[0]
        if target.startswith("code/"):
            sources.add(path)
        return f"]({os.path.relpath(target, PurePosixPath(page).parent)}"

    return LINK.sub(change, markdown), sources


def _layers() -> str:
    """Return what the importer supports, as `ecc-lava layers` has it."""
    sys.path.insert(0, str(ROOT))  # MkDocs runs without this project installed
    from ecc_lava.importers.keras import supported

    lines = []
    for kind in supported():
        lines += [f"**{kind.title}**: {kind.limits}", ""]
        for title, names in (("layers", kind.layers), ("operations", kind.operations)):
            lines += [f"- {title}: {', '.join(f'`{name}`' for name in names)}"] if names else []
        lines.append("")
    return "\n".join(lines)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages whose texts stand outside docs/."""
    sources: set[str] = set()
    for path, page in ELSEWHERE.items():
        text, linked = _linked((ROOT / path).read_text(encoding="utf-8"), path, page)
        sources |= linked
        alone = "---\nhide: [navigation]\n---\n" if page == "index.md" else ""  # no page stands beside the first
        files.append(File.generated(config, page, content=alone + text))
    for file in list(files):
        if file.src_uri.endswith(".md") and file.generated_by is None:
            sources |= _linked(file.content_string, f"docs/{file.src_uri}", file.src_uri)[1]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text, pictures = notebooks.page(path)
        page = f"notebooks/{path.stem}.md"
        files.append(File.generated(config, page, content=_linked(text, f"notebooks/{path.name}", page)[0]))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=picture))
    for path in sorted(sources):
        text = (ROOT / path).read_text(encoding="utf-8")
        content = f"---\nsearch: {{exclude: true}}\n---\n# `{path}`\n\n````{CODE_FENCE.get(Path(path).suffix, 'text')}\n{text}\n````\n"
        files.append(File.generated(config, f"code/{path}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links between pages, and put the error messages in their place."""
    if page.file.generated_by is not None:
        return markdown
    if error_messages.PLACE in markdown:
        markdown = markdown.replace(error_messages.PLACE, error_messages.tables())
    if LAYERS_PLACE in markdown:
        markdown = markdown.replace(LAYERS_PLACE, _layers())
    return _linked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)[0]
