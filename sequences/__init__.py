"""Posed RGB-D data: readers of the usual formats, a look at them before use, writers, and a generator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequences.errors import FrameError as FrameError
    from sequences.errors import SequenceError as SequenceError
    from sequences.frame import Frame as Frame
    from sequences.inspection import Finding as Finding
    from sequences.inspection import Inspection as Inspection
    from sequences.inspection import inspect_sequence as inspect_sequence
    from sequences.opening import READERS as READERS
    from sequences.opening import open_sequence as open_sequence
    from sequences.readahead import prefetch as prefetch
    from sequences.sequence import Sequence as Sequence
    from sequences.synth import generate as generate
    from sequences.writers import write_scannet as write_scannet
    from sequences.writers import write_sens as write_sens
else:
    _HOME = {
        "FrameError": "errors",
        "SequenceError": "errors",
        "Frame": "frame",
        "Finding": "inspection",
        "Inspection": "inspection",
        "inspect_sequence": "inspection",
        "READERS": "opening",
        "open_sequence": "opening",
        "prefetch": "readahead",
        "Sequence": "sequence",
        "generate": "synth",
        "write_scannet": "writers",
        "write_sens": "writers",
    }

    def __getattr__(name: str) -> Any:
        """Import the module of a public name on first use."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Public names."""
        return sorted(_HOME)
