"""A student as an encoder: frames of any size in, codes on the depth image out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from student.encoder import check_frame
from student.errors import EncoderError
from student.placement import place_codes
from student.preprocessing import Preprocessing
from student.runtimes import Runtime
from student.space import EmbeddingSpace


class StudentEncoder:
    """Resizes a frame, runs a student on it, and puts the codes onto the depth image.

    Parameters
    ----------
    runtime
        Runs the student.
    preprocessing
        Resizes to the size of the runtime.
    space
        Embedding space of the codes.
    fingerprint
        SHA-256 of everything that the codes depend on besides the images.
    weights
        Where they lie and how many there are, for people.

    Raises
    ------
    ValueError
        The parts do not fit each other.
    """

    def __init__(
        self,
        runtime: Runtime,
        preprocessing: Preprocessing,
        space: EmbeddingSpace,
        fingerprint: str,
        weights: str = "",
    ) -> None:
        if preprocessing.size != runtime.size:
            raise ValueError(f"preprocessing must resize to {runtime.size}, got {preprocessing.size}")
        if space.code_dim != runtime.code_dim:
            raise ValueError(f"the space must have codes of {runtime.code_dim} numbers, got {space.code_dim}")
        self.runtime = runtime
        self.preprocessing = preprocessing
        self.space = space
        self.fingerprint = fingerprint
        self.weights = weights

    @property
    def code_dim(self) -> int:
        """Length C of a code."""
        return self.space.code_dim

    def encode(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode one frame, as `student.encoder.Encoder` says.

        Raises
        ------
        ValueError
            An image has the wrong shape or type.
        EncoderError
            The runtime failed, or returned numbers that are not finite.
        """
        check_frame(rgb, depth)
        small_rgb, small_depth = self.preprocessing.resize(rgb, depth)
        codes = self.runtime.run(small_rgb[None], small_depth[None])[0]
        if not _is_finite(codes):
            raise EncoderError(
                f"runtime {self.runtime.name} returned codes that are not finite; the weights may be "
                "damaged, or need fp32"
            )
        return place_codes(codes, depth.shape)


def _is_finite(codes: npt.NDArray[np.float16]) -> bool:
    """Say whether no number is infinite or NaN; NumPy's own look at half floats takes ten times as long."""
    infinity = np.float16(np.inf).view(np.uint16)
    return bool((codes.view(np.uint16) & 0x7FFF).max() < infinity)
