"""`python -m bench`: measure, print the table, and write it into README.md if asked to."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from bench import report
from bench.measures import FULL, MEASURES, QUICK

if TYPE_CHECKING:
    from bench.figures import Line


#: Processes that want to run besides ours; above it, figures of delay mean little.
_BUSY: Final = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and size, beside a bare loop.")
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"{', '.join(MEASURES)}; all of them by default")
    parser.add_argument("--quick", action="store_true", help="one round of each")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    args = parser.parse_args()
    if unknown := set(args.measures) - set(MEASURES):
        parser.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    if args.write and (args.quick or args.measures):
        parser.error("--write takes all measures at full length")
    if (load := os.getloadavg()[0]) > _BUSY:
        print(
            f"warning: this machine is busy (load {load:.1f}): delays tell more about it than about us", file=sys.stderr
        )
    lines: list[Line] = []
    for name in args.measures or MEASURES:
        began = time.monotonic()
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        lines += MEASURES[name](QUICK if args.quick else FULL)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    report.show(lines)
    if args.write:
        report.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
