"""The fixed-point scale of a student's codes, the same however it is run, so that its maps can be merged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from student.preprocessing import DEPTH_STATISTICS

if TYPE_CHECKING:
    from student.networks.dveformer import DVEFormer

LARGEST_SUM: Final = 71_582
"""Fixed-point steps that a code may have at most, so that a cell can be seen 30,000 times."""

HEADROOM: Final = 4
"""Times the largest number of the sample's codes that the scale leaves room for."""

FINEST: Final = 65536.0

SAMPLE_SIZE: Final = (96, 128)


def code_scale(student: DVEFormer) -> float:
    """Return the finest power of two that keeps codes within the fixed-point range.

    Parameters
    ----------
    student
        As trained; it encodes one sample of a fixed size, on the CPU.

    Returns
    -------
    Steps of 1.0, 65,536 at most.
    """
    import torch

    from student.inference.codes_network import CodesNetwork

    if not student.config.linear_head:  # codes are unit embeddings, which always fit
        return FINEST
    network = CodesNetwork(student, SAMPLE_SIZE, DEPTH_STATISTICS["nyuv2"])
    rgb, depth = sample_frame(SAMPLE_SIZE)
    with torch.inference_mode():
        largest = float(network(torch.from_numpy(rgb[None]), torch.from_numpy(depth[None])).abs().max())
    return min(FINEST, 2.0 ** math.floor(math.log2(LARGEST_SUM / (HEADROOM * largest))))


def sample_frame(size: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return noise over a slope of depth with holes, (H, W, 3) uint8 and (H, W) float32 metres."""
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    depth = np.linspace(0.5, 5, size[0], dtype=np.float32)[:, None] * np.ones(size[1], np.float32)
    return rgb, np.where(random.random(size) < 0.1, 0, depth).astype(np.float32)
