"""How a frame is weighed before it is summed into the map."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

WEIGHT_ONE: Final = 256
"""The integer that stands for a pixel weight of 1.0."""

POSITION_ONE: Final = 4096
"""Steps of a cell-local position per cell edge: q = floor((frac - 0.5) * 4096 + 0.5)."""

CODE_LIMIT: Final = (2**31 - 1) // 30_000
"""Largest contribution of one frame to one code element: 30,000 frames on a cell cannot overflow int32."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """What counts, and how much.

    The weight of a pixel is the product of the parts that are switched on, rounded to 1/256; a pixel inside
    the depth limits and away from depth edges never weighs less than 1/256. A pixel of weight 0 contributes
    to nothing, not even to occupancy.

    Attributes
    ----------
    depth_min, depth_max
        Metres; pixels outside (planar depth) are ignored.
    range_weight
        Weigh by min(1, (range_full / z)^2), since the noise of a depth camera grows with range.
    range_full
        Metres; up to here the range weight is 1.
    incidence_weight
        Weigh by the cosine between the viewing ray and the surface normal, which is estimated from depth
        differences over `width // 160` pixels.
    incidence_floor
        Least incidence weight, so that floors seen at a grazing angle still count.
    edge_weight
        Give weight 0 to pixels next to a depth edge: they mix two surfaces and fly between them.
    edge_jump
        Relative depth difference to one of the four neighbours that makes an edge.
    occupancy
        Count hits, and misses of the cells that rays cross. Off saves about a quarter of the time.
    """

    depth_min: float = 0.1
    depth_max: float = 10.0
    range_weight: bool = True
    range_full: float = 1.5
    incidence_weight: bool = True
    incidence_floor: float = 0.1
    edge_weight: bool = True
    edge_jump: float = 0.04
    occupancy: bool = True

    def __post_init__(self) -> None:
        """Reject settings that mean nothing."""
        if not 0 <= self.depth_min < self.depth_max or not math.isfinite(self.depth_max):
            raise ValueError(
                "depth limits must be 0 <= depth_min < depth_max (metres), "
                f"got depth_min {self.depth_min} and depth_max {self.depth_max}"
            )
        if not (self.range_full > 0 and math.isfinite(self.range_full)):
            raise ValueError(f"range_full must be > 0 m, got {self.range_full}")
        if not 0 <= self.incidence_floor <= 1:
            raise ValueError(f"incidence_floor must be in [0, 1], got {self.incidence_floor}")
        if not self.edge_jump > 0:
            raise ValueError(f"edge_jump must be > 0 (relative depth), got {self.edge_jump}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for provenance."""
        return asdict(self)
