"""The files that the authors of DVEFormer publish.

Google Drive ids, member names and numbers of classes are those of the project's README (15 October 2025),
which states neither sizes nor digests.
"""

from __future__ import annotations

from typing import Final

from student.checkpoints.kind import Kind
from student.weights.official import DRIVE, Licence, OfficialFile

LICENCE: Final = Licence(
    "none stated",
    "DVEFormer's code is Apache-2.0; its authors state no licence for the weights. They were trained on "
    "NYUv2, Hypersim, SUN RGB-D, ScanNet and ADE20K (backbone: ImageNet), which have terms of their own",
    "https://github.com/TUI-NICR/DVEFormer",
)

_RESOLUTIONS: Final = {"fullres": "an embedding a pixel", "reducedres": "an embedding per 4x4 pixels"}
_CLASSES: Final = {"nyuv2": 40, "sunrgbd": 37, "scannet": 40, "scannet20": 20}
_STUDENTS: Final = {
    "fullres": "1FQzXfP08pYI7RGlYjODPQRpCxDBI2eDX",
    "reducedres": "1tkhkEA6RsvjznY-WlWqL3LtAGYU3wse_",
}
_PROBES: Final = {
    ("fullres", "nyuv2"): "1OGCOq5QDcF8e7UCFF-pK5c2HfOVyxvqX",
    ("fullres", "sunrgbd"): "12mCDbn1s5VQsnMMdf6FZMxLCrl9rKkQy",
    ("fullres", "scannet"): "1BqsVabSwFDNYRMv20eWB4yXu07FazEAO",
    ("fullres", "scannet20"): "1dSnkJh-Ker9CQZNQTjVj3IOcoj1zqmWk",
    ("reducedres", "nyuv2"): "1Pdm1l8YLg7Spy9rEffFOwrfWVJHEwCiY",
    ("reducedres", "sunrgbd"): "19FUiUXhzC1o0CuEcJJwLyDbgp-9ypKD9",
    ("reducedres", "scannet"): "13LplKyltdVLHaALY9NmmFk3Ib1w1veDO",
    ("reducedres", "scannet20"): "1vbg0MnH6VRAg-tiMGaLy1P5uX0blX5sw",
}


def _files() -> list[OfficialFile]:
    students = [
        OfficialFile(
            name=f"dveformer-{resolution}",
            what=f"student: {_RESOLUTIONS[resolution]}",
            kind=Kind.STUDENT,
            variant=f"dveformer-{resolution}",
            source=DRIVE + drive_id,
            member=f"mixed/dveformer_{resolution}_mixed.pth",
            licence=LICENCE,
        )
        for resolution, drive_id in _STUDENTS.items()
    ]
    probes = [
        OfficialFile(
            name=f"dveformer-{resolution}-probe-{data}",
            what=f"linear probe: {_CLASSES[data]} classes of {data}",
            kind=Kind.PROBE,
            variant=f"dveformer-{resolution}",
            source=DRIVE + drive_id,
            member=f"{data.removesuffix('20')}/dveformer_{resolution}_linear_probing_{data}.pth",
            licence=LICENCE,
            classes=_CLASSES[data],
        )
        for (resolution, data), drive_id in _PROBES.items()
    ]
    backbone = OfficialFile(
        name="swin-multi-t-v2-128-imagenet",
        what="pretrained encoder, to train students from",
        kind=Kind.BACKBONE,
        variant=None,
        source=f"{DRIVE}1YzwHYuKfyBX4AD6f8snFKYtId3shvDx3",
        member="imagenet/dveformer_swin_multi_t_v2_128.pth",
        licence=LICENCE,
    )
    return [*students, *probes, backbone]


FILES: Final = _files()
