"""A process that goes through a capture once: ours replays it, bare only decodes every line and every input."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from bench.wires import Parent, order
from hotdesk_daemon.app.recordings import recorded_files
from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.captures.blocks import blocks
from hotdesk_daemon.captures.lines import InputLine, line_decoder
from hotdesk_daemon.journal import codec


def replay(file: Path) -> int:
    """How many inputs were replayed; all of them must come out as they are recorded."""
    with recorded_files([file]) as recording:
        run = Replay(recording)
        assert {"same"} == {one.verdict for one in run.run()}
        return run.met


def decode(file: Path) -> int:
    """How many inputs there are."""
    inputs = 0
    with file.open("rb") as stream:
        for block in blocks(stream):
            for line in line_decoder.decode_lines(block.data or b""):
                if type(line) is InputLine:
                    codec.decode_input(line.kind, line.input)
                    inputs += 1
    return inputs


def main() -> None:
    """Do it, and tell what it took."""
    given = order()
    began_s = time.process_time()
    inputs = (decode if given["side"] == "bare" else replay)(Path(given["file"]))
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Parent.say(inputs=inputs, cpu_s=time.process_time() - began_s, kib=kib)


if __name__ == "__main__":
    main()
