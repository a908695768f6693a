"""What Alpha-CLIP is shown of an image, by the rules of DVEFormer's teacher.

Image and masks are squashed to the network's square without regard for their aspect, so that they stay
aligned: colour bicubically with antialiasing and without rounding, masks by nearest pixel. A mask too small
for that grid vanishes, as it did when DVEFormer was taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
ALPHA_MEAN: Final = 0.5
ALPHA_STD: Final = 0.26


def prepare_image(rgb: npt.NDArray[np.uint8], side: int, device: str = "cpu") -> Tensor:
    """Return the image (1, 3, side, side) float32 that the network takes.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.
    side
        Of the network's square input.
    device
        Where to work and leave it.
    """
    import torch

    image = torch.from_numpy(np.ascontiguousarray(rgb)).to(device).permute(2, 0, 1)[None].float()
    image = torch.nn.functional.interpolate(
        image, (side, side), mode="bicubic", align_corners=False, antialias=True
    )
    mean, std = (
        torch.tensor([255 * value for value in values], device=device).view(3, 1, 1)
        for values in (CLIP_MEAN, CLIP_STD)
    )
    return (image - mean) / std


def prepare_masks(
    ids: npt.NDArray[np.int64], segments: Sequence[int], side: int, device: str = "cpu"
) -> Tensor:
    """Return the alphas (n, 1, side, side) float32 of segments: inside 1.923, outside -1.923.

    Parameters
    ----------
    ids
        (H, W), which segment each pixel is in. To resize it is to resize every mask by nearest pixel.
    segments
        Those to show, n ids.
    side, device
        See `prepare_image`.
    """
    import torch

    rows, columns = (_nearest(length, side) for length in ids.shape)
    small = torch.from_numpy(ids[rows[:, None], columns]).to(device)
    wanted = torch.tensor(list(segments), dtype=torch.int64, device=device)
    return _alpha((small == wanted.view(-1, 1, 1)).float()[:, None])


def whole_image(side: int, device: str = "cpu") -> Tensor:
    """Return the alpha (1, 1, side, side) float32 that shows all of an image."""
    import torch

    return _alpha(torch.ones(1, 1, side, side, device=device))


def _alpha(mask: Tensor) -> Tensor:
    return (mask - ALPHA_MEAN) / ALPHA_STD


def _nearest(length: int, side: int) -> npt.NDArray[Any]:
    """Return the pixels that torch's nearest interpolation takes, whose scale is a float32."""
    scale = np.float32(length) / np.float32(side)
    places: npt.NDArray[Any] = np.floor(np.arange(side, dtype=np.float32) * scale).astype(np.int64)
    return places.clip(max=length - 1)
