"""A segmentation network that labels frames, as the published figures were taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from student.runtimes.threads import on_threads
from student.segmentation.preprocessing import Dataset, input_rule
from student.teacher.device import usable_device

if TYPE_CHECKING:
    import torch

    from student.networks.segmentor import Segmentor

STRIDE: Final = 32
"""Of the coarsest features; the sides that a network sees are multiples of it."""

PUBLISHED_SCALES: Final = (0.5, 0.75, 1.0, 1.25, 1.5)
"""Those of the published figures, which are taken with flip."""

PUBLISHED_WINDOW: Final = (480, 640)
WINDOW_STEP: Final = 2 / 3
"""How far a window moves, in its sides."""

Float32 = npt.NDArray[np.float32]


class Segmenter:
    """Runs a segmentation network on frames of any size; may be called from several threads.

    The Ham decoder begins with the seeded bases of its module, so that the same frame has the same posteriors
    again, bit for bit on the same device; the published code draws other bases for every image.

    Parameters
    ----------
    network
        It is moved to the device.
    dataset
        That it was trained on; decides with the network's version what it takes.
    scales
        Of the image, over which posteriors are averaged. Each size is rounded up to multiples of 32.
    flip
        Whether each scale is seen mirrored too.
    window
        Height and width of a window that slides over the image, pixels, such as `PUBLISHED_WINDOW`; None: the
        network sees the image as a whole.
    device
        See `usable_device`.
    threads
        On the CPU; 0 leaves them as torch has them.

    Attributes
    ----------
    network : Segmentor
    dataset : str
    rule : InputRule
    device : str
    classes : int
        K.

    Raises
    ------
    ValueError
        There is no scale, one is not > 0, the window is too small, or the device cannot be used.
    """

    def __init__(
        self,
        network: Segmentor,
        dataset: Dataset,
        *,
        scales: tuple[float, ...] = (1.0,),
        flip: bool = False,
        window: tuple[int, int] | None = None,
        device: str | None = None,
        threads: int = 0,
    ) -> None:
        if not scales or not all(0 < scale < float("inf") for scale in scales):
            raise ValueError(f"scales must be one or more numbers > 0, got {scales}")
        if window is not None and min(window) < STRIDE:
            raise ValueError(f"window must be at least {STRIDE} pixels wide, got {window[0]}x{window[1]}")
        if threads < 0:
            raise ValueError(f"threads must be >= 0, got {threads}")
        self.dataset, self.scales, self.flip, self.window = dataset, scales, flip, window
        self.rule = input_rule(network.config.network.version, dataset)
        self.device = usable_device(device)
        self.network = network.to(self.device).eval()
        self.classes = network.config.classes
        self._threads = threads
        self._lock = threading.Lock()  # one image at a time: a network takes all processors

    def posteriors(self, rgb: npt.NDArray[np.uint8], depth: Float32 | npt.NDArray[np.uint8]) -> Float32:
        """Return how probable each class is at each pixel.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8.
        depth
            (h, w) float32 metres, 0 = invalid, or uint8 grey; see `InputRule.prepare`.

        Returns
        -------
        (H, W, K) float32, of sum 1 over the classes.

        Raises
        ------
        ValueError
            An image has another shape or type.
        """
        with self._tensors(rgb, depth) as (image, grey):
            total = self._summed(image, grey)[0, :, : rgb.shape[0], : rgb.shape[1]]
            mean = total / (len(self.scales) * (1 + self.flip))
            found: Float32 = mean.permute(1, 2, 0).contiguous().cpu().numpy()
        return found

    def coarse(self, rgb: npt.NDArray[np.uint8], depth: Float32 | npt.NDArray[np.uint8]) -> Float32:
        """Return the posteriors of the network's own grid, seen once, at the first of the scales.

        Parameters
        ----------
        rgb, depth
            As of `posteriors`.

        Returns
        -------
        (h', w', K) float32. The grid covers, edge to edge, the prepared image, which where there is a canvas
        is more than `rgb`.

        Raises
        ------
        ValueError
            An image has another shape or type.
        """
        with self._tensors(rgb, depth) as images:
            pair = self._scaled(images, self.scales[0])
            logits = self.network.decode_head(self.network.backbone(*pair))
            found: Float32 = logits.softmax(dim=1)[0].permute(1, 2, 0).contiguous().cpu().numpy()
        return found

    @contextmanager
    def _tensors(
        self, rgb: npt.NDArray[np.uint8], depth: Float32 | npt.NDArray[np.uint8]
    ) -> Iterator[list[torch.Tensor]]:
        """Give a prepared frame on the device, while nobody else runs the network, and all is repeatable."""
        import torch

        arrays = self.rule.prepare(rgb, depth)
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with self._lock, torch.inference_mode(), on_threads(self._threads), exact:
            yield [torch.from_numpy(array).to(self.device) for array in arrays]

    def _summed(self, image: torch.Tensor, grey: torch.Tensor) -> torch.Tensor:
        """Return the sum of the posteriors of all views, (1, K, H, W)."""
        size = image.shape[2:]
        total = image.new_zeros((1, self.classes, *size))
        for scale in self.scales:
            pair = self._scaled([image, grey], scale)
            total += _resized(self._logits(*pair), size).softmax(dim=1)
            if self.flip:
                mirrored = self._logits(*(x.flip(3) for x in pair)).flip(3)
                total += _resized(mirrored, size).softmax(dim=1)
        return total

    def _scaled(self, images: list[torch.Tensor], scale: float) -> list[torch.Tensor]:
        lengths = (max(1, int(scale * length)) for length in images[0].shape[2:])
        size = [-(-length // STRIDE) * STRIDE for length in lengths]
        return [_resized(x, size) for x in images]

    def _logits(self, image: torch.Tensor, grey: torch.Tensor) -> torch.Tensor:
        """Return logits (1, K, h, w) of a scaled image, through the window where there is one."""
        if self.window is None:
            logits: torch.Tensor = self.network(image, grey)
            return logits
        rows, columns = (
            _spans(length, side) for length, side in zip(image.shape[2:], self.window, strict=True)
        )
        total = image.new_zeros((1, self.classes, *image.shape[2:]))
        seen = total.new_zeros(total[:, :1].shape)
        for row in rows:
            for column in columns:
                total[..., row, column] += self.network(image[..., row, column], grey[..., row, column])
                seen[..., row, column] += 1
        return total / seen


def _spans(length: int, side: int) -> list[slice]:
    """Return where a window of a side stands along an axis; the last one ends with the image."""
    step = int(side * WINDOW_STEP)
    count = -(-max(length - side, 0) // step) + 1
    ends = [min(k * step + side, length) for k in range(count)]
    return [slice(max(end - side, 0), end) for end in ends]


def _resized(images: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bring (N, C, h, w) to a size, bilinearly, corner pixels on each other."""
    from torch.nn import functional

    return functional.interpolate(images, size=tuple(size), mode="bilinear", align_corners=True)
