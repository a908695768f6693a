"""Synthetic sequences: furnished rooms and flats from primitives, rendered with ground truth.

    from sequences.synth import TrainingSet, generate, generate_training_set
    summary = generate("flat1", seed=1)
    generate_training_set("data", TrainingSet(scenes=400, seed=1000, vary=1.0))

`plan` draws rooms and `structure` builds their walls; `kinds` and `things` hold what they are furnished
with, `layout` says where, and `crowd` adds more; `compose` puts a scene together, `lighting` bakes its light.
`generator` writes a walk of `camera_path` through it, `training_set` many scenes of random `views`; `render`
takes the pictures, `depth_sensors` measure depth. `variation` says how far a scene departs from the usual
look; `restyle` (things), `surroundings` (walls, floors), `illumination` and `palette` do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generator import SynthSummary as SynthSummary
    from .generator import generate as generate
    from .kinds import vocabulary as vocabulary
    from .training_set import TrainingSet as TrainingSet
    from .training_set import generate_training_set as generate_training_set
else:

    def __getattr__(name: str) -> Any:
        """Load the renderer and its compiled kernels on first use."""
        import importlib

        home = {
            "generate": "generator",
            "SynthSummary": "generator",
            "TrainingSet": "training_set",
            "generate_training_set": "training_set",
            "vocabulary": "kinds",
        }
        if name not in home:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{home[name]}"), name)
        globals()[name] = value
        return value
