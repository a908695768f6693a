"""The `dvemap` command: finds the module of a sub-command and turns its errors into one line.

The overview is printed from the table below, so `dvemap --help` imports no sub-command; each of
those imports what it needs inside its function.
"""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

COMMANDS = {
    "Make a map": {
        "fuse": "fuse a posed RGB-D sequence into a map",
        "depth": "estimate depth from colour images, for what brings none",
        "merge": "merge maps exactly",
        "compress": "shrink a finished map to fp16 or int8 codes",
    },
    "Ask it, look at it": {
        "query": "ask a map in free text",
        "label": "label a map by names, a linear probe or visual means",
        "view": "open maps in a window: ask, point, fly",
        "render": "draw pictures and films of a map, without a display",
        "info": "say what a map, sequence or encoder is",
        "export": "write a map for other programs",
    },
    "Judge it": {
        "eval": "compare a map or an encoder with ground truth",
        "predict": "show what an encoder sees in single frames",
        "bench": "measure speed against the memory floor and peers",
    },
    "Networks": {
        "teach": "write what a student learns beside its data",
        "train": "train a student on what a teacher said",
        "probe": "fit a linear probe to a frozen encoder",
        "weights": "list, fetch and import published weights",
        "engine": "export a student for ONNX Runtime or TensorRT",
    },
    "Try it": {
        "synth": "generate furnished flats: sequences to map, or sets to train on",
        "demo": "generate, fuse, ask and label in one go",
    },
}

EXAMPLES = (
    "dvemap fuse scene0000_00.sens -o room.dvm",
    'dvemap query room.dvm "massage chair" --not sofa',
)


def overview() -> str:
    """Return the help screen of the bare command."""
    lines = ["dvemap: posed RGB-D in, a 3D map out that answers questions.", ""]
    lines += ["Usage: dvemap COMMAND ...        dvemap COMMAND --help explains one", ""]
    for group, commands in COMMANDS.items():
        lines.append(f"{group}:")
        lines += [f"  {name:<9} {what}" for name, what in commands.items()]
    lines += ["", "Examples:", *(f"  {example}" for example in EXAMPLES)]
    return "\n".join(lines)


def _fail(message: str, status: int) -> NoReturn:
    lines = [" ".join(line.split()) for line in message.splitlines() if line.strip()]
    one = "; ".join(lines).replace(":; ", ": ").replace(".; ", ". ")
    print(f"dvemap: {one}", file=sys.stderr)  # noqa: T201
    raise SystemExit(status)


def _text_of(error: ValueError | OSError) -> str:
    """Say what the system reports the way we do: `room.dvm: no such file or directory`."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename  # of a rename that failed, the second is the user's
        reason = error.strerror[0].lower() + error.strerror[1:]
        return reason if name is None else f"{name}: {reason}"
    return str(error) or type(error).__name__


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit: 0 done, 1 an error in the input, 2 a misuse of the command, 130 Ctrl-C.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after `dvemap`; by default those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())  # noqa: T201
        raise SystemExit(0)
    if words[0] in ("-V", "--version"):
        from dvemap import __version__

        print(f"dvemap {__version__}")  # noqa: T201
        raise SystemExit(0)
    name, *rest = words
    known = [command for commands in COMMANDS.values() for command in commands]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(known)}"
        _fail(f"no command {name!r}; {hint}", status=2)
    app = import_module(f"dvemap.commands.{name}").app
    try:
        app(rest, prog_name=f"dvemap {name}")
    except (ValueError, OSError) as error:
        if os.environ.get("DVEMAP_TRACEBACK"):
            raise
        _fail(_text_of(error), status=1)
    raise SystemExit(0)
