"""The files that the authors of DVEFormer publish, and what must be in each.

Google Drive ids, member names and numbers of classes are those of the project's README (15 October 2025),
which states neither sizes nor digests.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from student.checkpoints.kind import Kind
from student.shipped import shipped

LICENCE: Final = (
    "DVEFormer's code is Apache-2.0; its authors state no licence for the weights. They were trained on "
    "NYUv2, Hypersim, SUN RGB-D, ScanNet and ADE20K (backbone: ImageNet), which have terms of their own"
)
HOMEPAGE: Final = "https://github.com/TUI-NICR/DVEFormer"
EMBEDDING_DIM: Final = 768


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """A published file.

    Attributes
    ----------
    name : str
        What users call it.
    what : str
        One line about it.
    kind : Kind
    variant : str or None
        The student that it is, or whose embeddings it reads.
    drive_id : str
        Of the archive on Google Drive.
    member : str
        The file of weights in that archive.
    classes : int or None
        Of a probe.
    sha256 : str or None
        Of the file of weights, where it is known.
    """

    name: str
    what: str
    kind: Kind
    variant: str | None
    drive_id: str
    member: str
    classes: int | None = None
    sha256: str | None = None

    @property
    def source(self) -> str:
        """Where it is published."""
        return f"https://drive.google.com/uc?id={self.drive_id}"


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
            drive_id=drive_id,
            member=f"mixed/dveformer_{resolution}_mixed.pth",
        )
        for resolution, drive_id in _STUDENTS.items()
    ]
    probes = [
        OfficialFile(
            name=f"dveformer-{resolution}-probe-{data}",
            what=f"linear probe: {_CLASSES[data]} classes of {data}",
            kind=Kind.PROBE,
            variant=f"dveformer-{resolution}",
            drive_id=drive_id,
            member=f"{data.removesuffix('20')}/dveformer_{resolution}_linear_probing_{data}.pth",
            classes=_CLASSES[data],
        )
        for (resolution, data), drive_id in _PROBES.items()
    ]
    backbone = OfficialFile(
        name="swin-multi-t-v2-128-imagenet",
        what="pretrained encoder, to train students from",
        kind=Kind.BACKBONE,
        variant=None,
        drive_id="1YzwHYuKfyBX4AD6f8snFKYtId3shvDx3",
        member="imagenet/dveformer_swin_multi_t_v2_128.pth",
    )
    return [*students, *probes, backbone]


CATALOGUE: Final[dict[str, OfficialFile]] = {file.name: file for file in _files()}


def official(name: str) -> OfficialFile:
    """Return a published file by its name.

    Raises
    ------
    ValueError
        There is none of that name; the message says what was probably meant.
    """
    if name in shipped():
        raise ValueError(f"{name} comes with dvemap: there is nothing to fetch or import; use it by its name")
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.5)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no published weights {name!r}{hint}; `dvemap weights list` names them all")
    return CATALOGUE[name]
