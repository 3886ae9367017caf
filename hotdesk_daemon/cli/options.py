"""
The options that verbs share, and the configuration that they lead to.

Options stand over the environment, which stands over the file; they are handed to the same strict reading as both.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import attrs
import click

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from hotdesk_daemon.cli.door import Door
    from hotdesk_daemon.ops.settings import Loaded, Look, Settings

#: Where a configuration is looked for when nobody names one, after $HOTDESK_CONFIG.
PLACES: Final = (Path("/etc/hotdesk/hotdesk.toml"), Path("config/hotdesk.toml"))
_LEVELS: Final = ("debug", "info", "warning", "error")
_FORMATS: Final = ("auto", "json", "logfmt", "console", "journald")
#: A path as it is: whoever reads it tells what is wrong with it, and with which exit code.
_FILE: Final = click.Path(path_type=Path, readable=False)
_Given: TypeAlias = Any  # whatever click hands to a verb, and the verb returns
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


@attrs.frozen(kw_only=True)
class Config:
    """Where the configuration is, and what the command line sets over it."""

    path: Path | None
    overrides: Mapping[str, str]

    @functools.cached_property
    def origin(self) -> Path:
        """
        The file that is read.

        Raises:
            ConfigError: There is none.
        """
        return self.path or _found()

    def load(self) -> Settings:
        """
        The checked settings.

        Raises:
            ConfigError: They cannot be used.
        """
        from hotdesk_daemon.ops.settings import load_settings

        return load_settings(self.origin, os.environ, options=self.overrides)

    def for_simulation(self, **more: str | None) -> Settings:
        """
        The settings for a site that does not exist: no secret is read, and no file needed unless one is named.

        Args:
            more: further overrides, ``section__key="text"``.

        Raises:
            ConfigError: They cannot be used.
        """
        from hotdesk_daemon.ops.settings import Look, read_settings

        path = self.path or _named() or next(_standing(), None)
        chosen = {f"HOTDESK_{name.upper()}": text for name, text in more.items() if text is not None}
        return read_settings(path, os.environ, options={**self.overrides, **chosen}, look=Look.AT_FILES).settings

    def look(self) -> Settings:
        """
        The settings for a verb that needs no secrets, which are not read: often only the daemon can.

        Raises:
            ConfigError: They cannot be used.
        """
        from hotdesk_daemon.ops.settings import Look

        return self.read(Look.AT_FILES).settings

    def places(self) -> Settings:
        """
        Only where the daemon keeps things and where its door is: mistakes elsewhere keep nobody from it.

        Raises:
            ConfigError: That cannot be told.
        """
        from hotdesk_daemon.ops.settings import read_places

        return read_places(self.origin, os.environ, options=self.overrides)

    def load_again(self) -> Settings:
        """
        The same for a daemon that runs: files that are empty are refused.

        Raises:
            ConfigError: They cannot be used.
        """
        from hotdesk_daemon.ops.settings import read_settings

        return read_settings(self.origin, os.environ, options=self.overrides, again=True).settings

    def read(self, look: Look) -> Loaded:
        """
        The checked settings with where each stands; *look* says what beside the files is looked at.

        Raises:
            ConfigError: They cannot be used.
        """
        from hotdesk_daemon.ops.settings import read_settings

        return read_settings(self.origin, os.environ, options=self.overrides, look=look)


@attrs.frozen(kw_only=True)
class Client:
    """What a verb that talks to the daemon works with."""

    config: Config
    url: str | None
    token_file: Path | None
    as_json: bool

    @functools.cached_property
    def door(self) -> Door:
        """The daemon's door, found by options or configuration; nothing is connected yet."""
        from hotdesk_daemon.cli.door import find_door

        debug = self.config.overrides.get("HOTDESK_LOG__LEVEL") == "debug"
        return find_door(self.config, url=self.url, token_file=self.token_file, talk=debug)


def with_config(verb: _Verb) -> Callable[..., Any]:
    """Give *verb* the options for the configuration, as ``config: Config``."""

    @click.option("--config", "-c", "config_path", type=_FILE, help=_CONFIG_HELP)
    @click.option("--log-level", type=click.Choice(_LEVELS), help="Least level that is logged.")
    @click.option("--log-format", type=click.Choice(_FORMATS), help="How log lines look.")
    @functools.wraps(verb)
    def configured(
        *args: _Given, config_path: Path | None, log_level: str | None, log_format: str | None, **rest: _Given
    ) -> _Given:
        given = {"HOTDESK_LOG__LEVEL": log_level, "HOTDESK_LOG__FORMAT": log_format}
        overrides = {name: text for name, text in given.items() if text is not None}
        return verb(*args, config=Config(path=config_path, overrides=overrides), **rest)

    return configured


def with_format(verb: _Verb) -> Callable[..., Any]:
    """Give *verb* ``as_json: bool``."""

    @click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
    @functools.wraps(verb)
    def formatted(*args: _Given, format_: str, **rest: _Given) -> _Given:
        return verb(*args, as_json=format_ == "json", **rest)

    return formatted


def with_daemon(verb: _Verb) -> Callable[..., Any]:
    """Give *verb*, which talks to a running daemon, ``client: Client``."""

    @with_config
    @with_format
    @click.option("--url", envvar="HOTDESK_URL", help="Address of the daemon, instead of the configured one.")
    @click.option(
        "--token-file",
        envvar="HOTDESK_TOKEN_FILE",
        type=_FILE,
        help="File with the daemon's token, instead of the configured one.",
    )
    @functools.wraps(verb)
    def connected(
        *args: _Given, config: Config, as_json: bool, url: str | None, token_file: Path | None, **rest: _Given
    ) -> _Given:
        client = Client(config=config, url=url, token_file=token_file, as_json=as_json)
        return verb(*args, client=client, **rest)

    return connected


def _named() -> Path | None:
    named = os.environ.get("HOTDESK_CONFIG")
    return Path(named) if named else None


def _standing() -> Iterator[Path]:
    return (place for place in PLACES if place.is_file())


def _found() -> Path:
    found = _named() or next(_standing(), None)
    if found is not None:
        return found
    raise ConfigError(f"no configuration: give --config, or put one at {' or '.join(map(str, PLACES))}")


_CONFIG_HELP: Final = (
    "The configuration file.  [default: $HOTDESK_CONFIG, else /etc/hotdesk/hotdesk.toml, else config/hotdesk.toml]"
)
