"""What a map file says of its making."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap import __version__


def up_of(provenance: dict[str, Any]) -> npt.NDArray[np.float64] | None:
    """Return the mean up direction (3,) of the cameras in world axes, None where it is not known."""
    up = np.asarray(provenance.get("up", [0.0, 0.0, 0.0]), np.float64)
    return up if np.linalg.norm(up) > 0 else None


def merged_provenance(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the provenance of a merged map: all sources, the sum of the frames, the encoder they share."""
    encoders = [part.get("encoder") for part in parts]
    return {
        "software": f"dvemap {__version__}",
        "sources": [source for part in parts for source in part.get("sources", [])],
        "frames": sum(part.get("frames", 0) for part in parts),
        "up": np.sum([part.get("up", [0.0, 0.0, 0.0]) for part in parts], axis=0).tolist(),
        "skipped": sum(part.get("skipped", 0) for part in parts),
        "encoder": encoders[0] if all(encoder == encoders[0] for encoder in encoders) else None,
        "config": [part.get("config") for part in parts],
    }
