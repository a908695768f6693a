"""The published networks that estimate depth: Depth Anything V2 and DPT.

Names and addresses are those of the projects' READMEs, as are the ranges of the metric networks (20 m:
Hypersim, rooms; 80 m: Virtual KITTI 2, streets). They state neither sizes nor digests.
"""

from __future__ import annotations

from typing import Final

from student.checkpoints.kind import Kind
from student.weights.official import Licence, OfficialFile

_HUB: Final = "https://huggingface.co/depth-anything"
_HOMEPAGE: Final = "https://github.com/DepthAnything/Depth-Anything-V2"
APACHE: Final = Licence("Apache-2.0", "Depth Anything V2 Small, relative and metric: Apache-2.0", _HOMEPAGE)
NON_COMMERCIAL: Final = Licence(
    "CC-BY-NC-4.0",
    "Depth Anything V2 Base and Large, relative and metric: CC-BY-NC-4.0, not for commercial use",
    _HOMEPAGE,
)
MIT: Final = Licence("MIT", "DPT: MIT", "https://github.com/isl-org/DPT")

_SIZES: Final = {"small": ("s", APACHE), "base": ("b", NON_COMMERCIAL), "large": ("l", NON_COMMERCIAL)}
_RANGES: Final = {"indoor": ("hypersim", "Hypersim", 20.0), "outdoor": ("vkitti", "VKITTI", 80.0)}
_DPT: Final = {
    "dpt-large": ("relative depth, ViT-L", "dpt_large-midas-2f21e586.pt"),
    "dpt-hybrid": ("relative depth, ResNet-50 and ViT-B", "dpt_hybrid-midas-501f0c75.pt"),
    "dpt-hybrid-nyu": ("depth of rooms", "dpt_hybrid_nyu-2ce69ec7.pt"),
    "dpt-hybrid-kitti": ("depth of streets", "dpt_hybrid_kitti-cb926ef4.pt"),
}


def _files() -> list[OfficialFile]:
    files = []
    for size, (letter, licence) in _SIZES.items():
        member = f"depth_anything_v2_vit{letter}.pth"
        files.append(
            OfficialFile(
                name=f"depth-anything-v2-{size}",
                what=f"relative depth, ViT-{letter.upper()}",
                kind=Kind.DEPTH,
                variant=f"depth-anything-v2-{size}",
                source=f"{_HUB}/Depth-Anything-V2-{size.capitalize()}/resolve/main/{member}",
                member=member,
                licence=licence,
            )
        )
    for place, (data, shown, reach) in _RANGES.items():
        for size, (letter, licence) in _SIZES.items():
            member = f"depth_anything_v2_metric_{data}_vit{letter}.pth"
            files.append(
                OfficialFile(
                    name=f"depth-anything-v2-metric-{place}-{size}",
                    what=f"depth up to {reach:g} m, ViT-{letter.upper()}",
                    kind=Kind.DEPTH,
                    variant=f"depth-anything-v2-{size}",
                    source=f"{_HUB}/Depth-Anything-V2-Metric-{shown}-{size.capitalize()}/resolve/main/{member}",
                    member=member,
                    licence=licence,
                    max_depth=reach,
                )
            )
    for name, (what, member) in _DPT.items():
        files.append(
            OfficialFile(
                name=name,
                what=what,
                kind=Kind.DEPTH,
                variant="dpt-large" if name == "dpt-large" else "dpt-hybrid",
                source=f"https://github.com/intel-isl/DPT/releases/download/1_0/{member}",
                member=member,
                licence=MIT,
            )
        )
    return files


FILES: Final = _files()
