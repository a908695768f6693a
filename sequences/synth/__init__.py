"""Synthetic sequences: furnished rooms and flats from primitives, rendered with ground truth.

    from sequences.synth import generate
    summary = generate("flat1", seed=1)

`plan` draws rooms and `structure` builds their walls; `kinds` and `things` hold what they are furnished
with, and `layout` says where; `compose` puts a scene together, `lighting` bakes its light; `camera_path`
walks through it, `render` takes the pictures, `depth_noise` spoils the depth and `generator` writes all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generator import SynthSummary as SynthSummary
    from .generator import generate as generate
    from .kinds import vocabulary as vocabulary
else:

    def __getattr__(name: str) -> Any:
        """Load the renderer and its compiled kernels on first use."""
        import importlib

        home = {"generate": "generator", "SynthSummary": "generator", "vocabulary": "kinds"}
        if name not in home:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{home[name]}"), name)
        globals()[name] = value
        return value
