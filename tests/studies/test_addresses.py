"""Addresses of storages are paths or URLs, of regular files, and no message shows a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecc_lava.errors import FileError, InvalidInput, MissingDependency
from ecc_lava.studies.trials.addresses import address_of
from ecc_lava.studies.trials.optuna_storage import open_storage
from ecc_lava.studies.trials.store import TrialStore


@pytest.mark.parametrize("name", ["q?a=b#c%20{SCHEMA_VERSION}", "journal:x\ny"])
def test_a_path_is_a_path_whatever_is_in_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    TrialStore(open_storage(Path(name) / "trials.db"), "c")
    assert (tmp_path / name / "trials.db").read_bytes().startswith(b"SQLite format 3")
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("given", ["pipe.journal", "journal:pipe", "pipe", "sqlite:///pipe", "journal:/dev/full", "/dev/null", "broken"])
def test_what_is_no_regular_file_is_refused(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pipe", "pipe.journal"):
        os.mkfifo(name)
    Path("broken").symlink_to("nowhere/at/all")
    with pytest.raises(FileError, match="is not a regular file"):
        open_storage(given)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///x.db?mode=memory", "sqlite+pysqlite:///x.db?uri=true"])
def test_an_sqlite_address_is_a_file_without_options(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///FILE without options"):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://me:s3cret@host/x?sslpassword=t0ken", ("s3cret", "t0ken")),
        ("mysql://me:s3cr%2Fet@host/x", ("s3cr%2Fet", "s3cr/et")),
        ("nonsense://me:s3cret@host:port:9/x", ("s3cret",)),
        ("postgresql://me:s3cret@host:99999999/x", ("s3cret",)),
    ],
)
def test_no_secret_of_a_url_is_shown(url: str, secrets: tuple[str, ...]) -> None:
    with pytest.raises((InvalidInput, MissingDependency, FileError)) as caught:
        open_storage(url)
    address = address_of(url)
    said = ValueError(f"cannot connect to {url} with {secrets}")
    for text in (str(caught.value), str(address), repr(address), address.reason(said)):
        assert not [secret for secret in secrets if secret in text]
