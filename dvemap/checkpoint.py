"""The checkpoint of a run: where it lies, how far the run was, and whether it is of this run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, skipped : int
        Frames behind it, and those of them that could not be used.
    reasons : list of str
        Why the first of the skipped ones could not.
    up : list of float
        Sum of the up directions (3,) of the cameras, world axes.
    """

    done: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)
    up: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])


def partial_path(output: Path) -> Path:
    """Return where the checkpoint of a run lies."""
    return output.with_name(output.name + ".partial")


def progress_of(
    path: Path, provenance: dict[str, Any], identity: dict[str, Any], config: dict[str, Any]
) -> Progress:
    """Return how far the run that wrote a map file was, if it is the same run as this one.

    Parameters
    ----------
    path : Path
        The file, for messages.
    provenance : dict
        What the file says of its making.
    identity : dict
        What must be equal: hashes and settings, by the section of the configuration they come from.
    config : dict
        The configuration of this run.

    Raises
    ------
    ValueError
        If the file is of another run; the message names the settings that differ.
    """
    saved = provenance.get("run")
    if saved is None:
        raise ValueError(f"{path}: --resume needs a map written by dvemap fuse; this one was not")
    other = [name for name, value in identity.items() if saved["identity"].get(name) != value]
    if other:
        former = provenance.get("config", {})
        changed = [
            f"{section}.{name} was {former[section].get(name)!r}, is {value!r}"
            for section in other
            if section in config and section in former
            for name, value in config[section].items()
            if former[section].get(name) != value
        ]
        raise ValueError(
            f"{path}: the interrupted run differs: {', '.join(changed) or f'another {other[0]}'}; "
            "give the same options, or leave --resume out to start anew"
        )
    return Progress(**saved["progress"])
