"""The teacher that looks: Alpha-CLIP is shown the whole image, and each of its segments by a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from student.data.sample import Sample
from student.disk_cache import file_sha256
from student.teacher.alpha_clip_files import OPENAI_TAG, load_alpha_clip, released_name
from student.teacher.device import usable_device
from student.teacher.preprocessing import prepare_image, prepare_masks, whole_image
from student.teacher.teacher import SegmentEmbeddings

if TYPE_CHECKING:
    import torch

    from student.teacher.alpha_clip import AlphaClip

PRECISIONS: Final = ("fp32", "bf16", "fp16")
_TEXTS_AT_ONCE: Final = 256


class ImageTeacher:
    """Alpha-CLIP as a teacher. All of an image is shown every time: nothing is cropped or blacked out.

    Parameters
    ----------
    network
        In eval mode; moved to the device.
    estimator
        Name of its files' folders, such as alpha_clip__l14-336-grit-20m.
    identity
        Hashes of its weights.
    device
        Such as "cpu" or "cuda:1"; the GPU, where there is one, if absent.
    precision
        "fp32", as DVEFormer was taught; "bf16" or "fp16" for matrix products in half precision.
    batch
        Segments that pass through the network at once.

    Raises
    ------
    ValueError
        The precision is unknown, or the batch is empty.
    """

    def __init__(
        self,
        network: AlphaClip,
        estimator: str,
        identity: Mapping[str, str] | None = None,
        *,
        device: str | None = None,
        precision: str = "fp32",
        batch: int = 16,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if batch < 1:
            raise ValueError(f"batch must be >= 1, got {batch}")
        self.device = usable_device(device)
        self.network = network.to(self.device)
        self.estimator = estimator
        self.identity = {**(identity or {}), "precision": precision}
        self.precision, self.batch = precision, batch

    @classmethod
    def load(
        cls,
        alpha: str | Path,
        base: str | Path = OPENAI_TAG,
        *,
        device: str | None = None,
        precision: str = "fp32",
        batch: int = 16,
    ) -> ImageTeacher:
        """Load it from its two files; see `load_alpha_clip`.

        A released file names it as the NICR tools do. Another is named by the first digits of its hash.
        """
        device = usable_device(device)  # before the weights are read
        network = load_alpha_clip(alpha, base)
        sha256 = file_sha256(Path(alpha))
        base_name = file_sha256(Path(base)) if Path(base).is_file() else f"tag {base}"
        name = f"alpha_clip__{released_name(alpha) or sha256[:8]}"
        identity = {"alpha": sha256, "base": base_name}
        return cls(network, name, identity, device=device, precision=precision, batch=batch)

    def embed(
        self, name: str, sample: Sample, ids: npt.NDArray[np.int64], segments: Sequence[int]
    ) -> SegmentEmbeddings:
        """Embed an image and its segments: one pass for each mask, and one for a mask of everything.

        Raises
        ------
        ValueError
            The device has too little memory for the batch, or the precision is too low for the weights.
        """
        import torch

        try:
            vectors = self._embed(sample.rgb, ids, segments)
        except torch.OutOfMemoryError:
            raise ValueError(
                f"{self.device} has too little memory for {self.batch} segments at once; take a smaller batch"
            ) from None
        if not np.isfinite(vectors).all():
            raise ValueError(f"{name}: embeddings in {self.precision} are not finite; take fp32")
        return SegmentEmbeddings(vectors[0], dict(zip(segments, vectors[1:], strict=True)))

    def _embed(
        self, rgb: npt.NDArray[np.uint8], ids: npt.NDArray[np.int64], segments: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """Return the embeddings (1 + n, D) of the whole image and of n segments."""
        import torch

        side = self.network.shape.side
        with torch.inference_mode():
            image = prepare_image(rgb, side, self.device)
            masks = prepare_masks(ids, segments, side, self.device)
            alphas = torch.cat([whole_image(side, self.device), masks])
            with self._casting():
                patches = self.network.rgb_patches(image)
                parts = [self.network(patches, some) for some in torch.split(alphas, self.batch)]
            vectors: npt.NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts: (n, D) float32, of any length. What exceeds 77 tokens is cut off."""
        import open_clip
        import torch

        with torch.inference_mode(), self._casting():
            tokens = open_clip.tokenize(list(texts)).to(self.device)
            parts = [self.network.embed_texts(some) for some in torch.split(tokens, _TEXTS_AT_ONCE)]
            vectors: npt.NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        return vectors

    def _casting(self) -> torch.autocast:
        import torch

        kind = torch.float16 if self.precision == "fp16" else torch.bfloat16
        return torch.autocast(torch.device(self.device).type, dtype=kind, enabled=self.precision != "fp32")
