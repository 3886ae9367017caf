"""The table, on the screen and in README.md, with the machine that it was measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.figures import Line

README: Final = Path(__file__).parent / "README.md"
_BEGIN, _END = "<!-- figures: written by python -m bench --write -->", "<!-- end of figures -->"
_HEAD: Final = ("measure", "ours", "bare", "ratio", "target", "met")
_LIBRARIES: Final = ("websockets", "uvloop", "msgspec", "attrs", "SQLAlchemy", "structlog")


def show(lines: Iterable[Line]) -> None:
    """Print the table."""
    table = Table(*_HEAD)
    for line in lines:
        table.add_row(*(cell.replace("*", "") for cell in line.cells()))
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    console.print(machine())


def machine() -> str:
    """The machine and the libraries, in one sentence each."""
    mem_kib = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {mem_kib / 2**20:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, loopback. Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}; {libraries}."
    )


def _processor() -> str:
    for row in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if row.startswith("model name"):
            return row.partition(":")[2].strip()
    return platform.machine()


def write(lines: Iterable[Line]) -> None:
    """Put the table into README.md, in place of the one there."""
    rows = [_HEAD, ("---", "---:", "---:", "---:", "---:", "---"), *(line.cells() for line in lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    head, _, rest = README.read_text(encoding="utf-8").partition(_BEGIN)
    tail = rest.partition(_END)[2]
    README.write_text(f"{head}{_BEGIN}\n\n{table}\n\n{machine()}\n\n{_END}{tail}", encoding="utf-8")
