"""The published networks of the DFormer family: trained on NYUv2, on SUN RGB-D, and encoders alone.

Folders, addresses and the names of DFormer's files are those of the project's README and scripts; those of
DFormerv2's are those of its folder on the Hugging Face hub. They state neither sizes nor digests.
"""

from __future__ import annotations

from typing import Final

from student.checkpoints.kind import Kind
from student.weights.official import Licence, OfficialFile

LICENCE: Final = Licence(
    "MIT file, non-commercial README",
    "DFormer and DFormerv2: the LICENSE file says MIT, the README says non-commercial use only; ask their "
    "authors before any other use",
    "https://github.com/VCIP-RGBD/DFormer",
)

_FOLDERS: Final = "https://drive.google.com/drive/folders/"
_HUB: Final = "https://huggingface.co/bbynku/DFormerv2/resolve/main/DFormerv2/"
_SIZES: Final = {1: ("tiny", "small", "base", "large"), 2: ("small", "base", "large")}
_TRAINED: Final = {
    "nyuv2": (40, "NYUv2", "1P5HwnAvifEI6xiTAx6id24FUCt_i7GH8", "NYUv2_DFormer_{}.pth", "NYU"),
    "sunrgbd": (37, "SUN RGB-D", "1b005OUO8QXzh0sJM4iykns_UdlbMNZb8", "SUNRGBD_DFormer_{}.pth", "SUNRGBD"),
}
_PRETRAINED: Final = _FOLDERS + "1YuW7qUtnguUFkhC-sfqGySrerjK0rZJX"


def _files() -> list[OfficialFile]:
    files = []
    for version, sizes in _SIZES.items():
        for size in sizes:
            variant = f"dformer{'v2' if version == 2 else ''}-{size}"
            for data, (classes, shown, folder, member, place) in _TRAINED.items():
                if version == 2:
                    member = f"DFormerv2_{size.capitalize()}_{place}.pth"
                files.append(
                    OfficialFile(
                        name=variant if data == "nyuv2" else f"{variant}-{data}",
                        what=f"segmentation network: {classes} classes of {shown}",
                        kind=Kind.SEGMENTOR,
                        variant=variant,
                        source=f"{_HUB}{place}/{member}" if version == 2 else _FOLDERS + folder,
                        member=member.format(size.capitalize()),
                        licence=LICENCE,
                        classes=classes,
                        by_hand=version == 1,
                    )
                )
            member = (
                f"DFormerv2_{size.capitalize()}_pretrained.pth"
                if version == 2
                else f"DFormer_{size.capitalize()}.pth.tar"
            )
            files.append(
                OfficialFile(
                    name=f"{variant}-imagenet",
                    what="pretrained encoder, to train networks from",
                    kind=Kind.DFORMER,
                    variant=variant,
                    source=f"{_HUB}pretrained/{member}" if version == 2 else _PRETRAINED,
                    member=member,
                    licence=LICENCE,
                    by_hand=version == 1,
                )
            )
    return files


FILES: Final = _files()
