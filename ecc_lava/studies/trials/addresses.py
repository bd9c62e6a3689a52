"""Addresses of storages: a path, a file behind a prefix or a URL of SQLite, or the URL of a database server; never two of these at once.

What this module shows of an address holds no password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ecc_lava.errors import FileError, InvalidInput

__all__ = ["StorageAddress", "address_of"]

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD = re.compile(r"://[^:/@]*:(.*)@")
_JOURNAL, _ENDINGS = "journal:", (".log", ".journal")


@dataclass(frozen=True)
class StorageAddress:
    """Where trials are kept: in a file, which is a journal or an SQLite database, or on a server.

    Attributes
    ----------
    path : Path or None
    is_journal : bool
    url : str or None
        Of a server; it may hold a password.
    """

    path: Path | None = None
    is_journal: bool = False
    url: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.url is None else _without_secrets(self.url)

    def __repr__(self) -> str:
        return f"StorageAddress({self})"

    def reason(self, error: BaseException) -> str:
        """Return the first line of the innermost reason for an error, without what the URL keeps secret."""
        while (inner := getattr(error, "orig", None) or error.__cause__) is not None:
            error = inner
        text = (str(error).splitlines() or [""])[0].strip() or type(error).__name__
        if self.url is None:
            return text
        for secret in sorted(_secrets(self.url), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def address_of(given: str | Path) -> StorageAddress:
    """Return the address that a user gave; a path is a path, whatever is in it, and only text can be a URL.

    Raises
    ------
    FileError
        If a file cannot be one of trials: its folder is missing, or it is a folder, a device or a pipe.
    InvalidInput
        If the text is no address.
    """
    if isinstance(given, Path):
        return _file(given, given.suffix in _ENDINGS)
    if given.startswith(_JOURNAL):
        return _file(Path(given.removeprefix(_JOURNAL)), is_journal=True)
    scheme = _URL.match(given)
    if scheme is None:
        return _file(Path(given), given.endswith(_ENDINGS))
    if scheme[1].lower().split("+")[0] != "sqlite":
        return StorageAddress(url=given)
    path = given[scheme.end() :].removeprefix("/")
    if not path or "?" in path:
        raise InvalidInput(f"{given}: an SQLite address is sqlite:///FILE without options; a path alone does as well")
    return _file(Path(path), is_journal=False)


def _file(path: Path, is_journal: bool) -> StorageAddress:
    try:
        if path.is_dir():
            reason = "is a folder"
        elif not path.parent.is_dir():
            reason = f"there is no folder {path.parent}"
        elif (path.exists() or path.is_symlink()) and not path.is_file():
            reason = "is not a regular file"
        else:
            return StorageAddress(path, is_journal)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
    raise FileError(f"{path}: {reason}; give a file for the trials")


def _parsed(url: str) -> Any:
    import sqlalchemy

    try:
        return sqlalchemy.engine.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return None


def _without_secrets(url: str) -> str:
    """Return a URL without its password and its options, which may hold more of them."""
    parsed = _parsed(url)
    if parsed is None:
        return f"{url.partition('://')[0]}://***"
    return parsed.set(query={}).render_as_string(hide_password=True)


def _secrets(url: str) -> set[str]:
    parsed = _parsed(url)
    found = {url, url.partition("://")[2], *_PASSWORD.findall(url)}
    if parsed is not None:
        options = [value for held in parsed.query.values() for value in ([held] if isinstance(held, str) else held)]
        found |= {str(parsed.password or ""), *options}
    return {secret for part in found for secret in (part, unquote(part), quote(part, safe="")) if secret}
