from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.captures.keys import KEY_FILE, fresh_key, kept_key, key_name
from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    key = kept_key(tmp_path)

    assert (32, key) == (len(key), kept_key(tmp_path))
    assert [(KEY_FILE, 0o600)] == [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()]
    assert tmp_path.stat().st_uid == (tmp_path / KEY_FILE).stat().st_uid


def test_a_fresh_key_is_nobody_elses() -> None:
    assert 3 == len({fresh_key() for _ in range(3)})


def test_its_name_tells_keys_apart_and_nothing_of_them() -> None:
    key, other = fresh_key(), fresh_key()

    assert key_name(key) == key_name(key) != key_name(other)
    assert key.hex()[:8] not in key_name(key)


def test_what_is_no_key_or_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(ConfigError, match="is no key of pseudonyms, which has 32 bytes"):
        kept_key(tmp_path)
    with pytest.raises(ConfigError, match="cannot be kept here: No such file"):
        kept_key(tmp_path / "nowhere")
