"""dvemap: posed RGB-D sequences in, 3D maps out that can be asked questions.

Everything a user needs is re-exported here and loaded on first use: importing this package costs
nothing and pulls in neither numpy nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_EXPORTS = {
    "FuseResult": "dvemap.pipeline",
    "Hit": "mapping",
    "VoxelMap": "mapping",
    "encoder": "dvemap.encoders",
    "evaluate_map": "dvemap.evaluation",
    "fuse": "dvemap.pipeline",
    "generate": "sequences.synth",
    "inspect_sequence": "sequences",
    "load": "mapping",
    "merge": "mapping",
    "open_sequence": "sequences",
    "query": "dvemap.questions",
    "render": "mapping.rendering",
    "save": "mapping",
    "to_open3d": "viewer",
}

__all__ = [
    "FuseResult",
    "Hit",
    "VoxelMap",
    "encoder",
    "evaluate_map",
    "fuse",
    "generate",
    "inspect_sequence",
    "load",
    "merge",
    "open_sequence",
    "query",
    "render",
    "save",
    "to_open3d",
]

if TYPE_CHECKING:
    from dvemap.encoders import encoder
    from dvemap.evaluation import evaluate_map
    from dvemap.pipeline import FuseResult, fuse
    from dvemap.questions import query
    from mapping import Hit, VoxelMap, load, merge, save
    from mapping.rendering import render
    from sequences import inspect_sequence, open_sequence
    from sequences.synth import generate
    from viewer import to_open3d
else:

    def __getattr__(name: str) -> Any:
        """Load a public name on first use (PEP 562)."""
        if name not in _EXPORTS:
            raise AttributeError(f"module 'dvemap' has no attribute {name!r}")
        value = getattr(import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])
