"""A sequence whose depth is estimated from its colour."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dvemap.frame_depth import FrameDepth
from sequences import Frame, FrameError, Sequence
from sequences.camera import Matrix, scale_intrinsics
from sequences.options import Options
from sequences.recording import to_units
from sequences.reprojection import depth_in_color_view
from sequences.sequence import Rig, Track

_SCALE = 1000.0  # units per metre of depth as it would be stored


class EstimatedSequence(Sequence):
    """Frames of another sequence with estimated depth, from the place of the colour camera.

    Depth images show what the colour images show. Depth that the source brings is what relative estimates are
    fitted to.

    Parameters
    ----------
    source : Sequence
        Whose depth may be missing.
    depth : FrameDepth
        Gives it.

    Attributes
    ----------
    source : Sequence
    depth : FrameDepth

    Raises
    ------
    ValueError
        If the estimator gives relative depth and the source measured none.
    """

    layout = "depth that is estimated"
    estimated = True

    def __init__(self, source: Sequence, depth: FrameDepth) -> None:
        if not source.has_depth:
            depth.refuse_without_scale(str(source.path))
        self.source, self.depth = source, depth
        self._fitted = source.has_depth and depth.needs_measured
        unused = source.has_depth and not self._fitted
        notes = ("its measured depth is not used, estimates in metres replace it",) if unused else ()
        size = depth.size(source.color_size)
        K = scale_intrinsics(source.color_intrinsics, source.color_size, size)
        super().__init__(
            source.path,
            replace(source.options, depth_scale=None, intrinsics=None),
            name=source.name,
            rig=Rig(size, source.color_size, _SCALE, K, source.color_intrinsics),
            track=Track(source._numbers, source._timestamps, source._stored_poses, source._problems),
            notes=(*source.notes, *notes),
        )
        self.format = source.format

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Say no: estimated depth lies nowhere."""
        return False

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Refuse: it is made of a sequence."""
        raise NotImplementedError("an EstimatedSequence is made of another sequence")

    def frame(self, i: int, *, depth: bool = True) -> Frame:
        """The i-th selected frame; `depth` = False estimates none, and leaves it 0 everywhere."""
        i = self._position(i)
        pose = self.pose(i)
        frame = self.source.frame(i, depth=depth and self._fitted)
        measured = depth_in_color_view(frame, self.intrinsics, self.depth_size) if self._fitted else None
        metres = np.zeros(self.depth_size, np.float32)
        try:
            if depth:
                metres = self.depth.metres(frame.rgb, measured)
        except ValueError as error:
            raise FrameError(f"{self.describe(i, 'depth')}: {error}", number=frame.index) from error
        return replace(
            frame,
            depth=metres,
            intrinsics=self.intrinsics,
            T_world_camera=pose,
            T_color_depth=None,
        )

    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame as stored."""
        return self.source.color_bytes(i)

    def depth_raw(self, i: int) -> npt.NDArray[np.uint16]:
        """Estimated depth of the i-th frame, (h, w) uint16 millimetres."""
        return to_units(self[i].depth, _SCALE)

    def label_ids(self, i: int) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """Label and instance image of the i-th frame, None where the source has none."""
        return self.source.label_ids(i)

    @property
    def label_names(self) -> dict[int, str]:
        """Label id -> name, where the source says."""
        return self.source.label_names

    def describe(self, i: int, part: str = "") -> str:
        """What error messages call the i-th frame."""
        return self.source.describe(i, part)

    def poses_as(self, convention: str) -> Matrix:
        """Stored poses read by another convention, of the colour camera: T_world_camera (n, 4, 4)."""
        poses = self.source.poses_as(convention)
        T = self.source.T_color_depth
        return poses if T is None else poses @ np.linalg.inv(T)

    def fingerprint(self) -> str:
        """SHA-256 over what decides the frames except their colours: the source's, and the estimator."""
        words = f"{self.source.fingerprint()} {json.dumps(self.depth.identity, sort_keys=True)}"
        return hashlib.sha256(words.encode()).hexdigest()
