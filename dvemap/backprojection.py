"""A map against label images: its labels rendered into the frames of a sequence.

The protocol is PanopticNDT's 2D back-projection: every labelled pixel counts, one that sees no cell is wrong;
means run over the classes that have ground truth; all class names are candidates. Each frame is rendered
twice, with the Gaussians of the cells and with the cells as cubes, to tell what the Gaussians are worth.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap.frame_truth import VOID, Truth, choose_classes, positions
from dvemap.labelling import answers_of, classifier_for
from dvemap.metrics import SegmentationMetrics, metrics_of, pixel_scores
from mapping import ClassList, VoxelMap, label_cells
from mapping.rendering import Scene
from sequences import Frame, FrameError, Sequence, prefetch
from sequences.camera import scale_intrinsics

Int64 = npt.NDArray[np.int64]

SHAPES: Final = {"gaussian": True, "cube": False}


@dataclass(frozen=True)
class ShapeScore:
    """One way to render: its pooled confusion, (K, K + 1) int64, rows truth, and the metrics of it."""

    metrics: SegmentationMetrics
    confusion: Int64


@dataclass(frozen=True)
class BackprojectionScore:
    """How well a map's labels, rendered into frames, fit their label images.

    Attributes
    ----------
    classes : ClassList
    shapes : dict
        "gaussian" and "cube" to their scores.
    frames : int
    skipped : list of str
        Why other frames could not be used.
    """

    classes: ClassList
    shapes: dict[str, ShapeScore]
    frames: int
    skipped: list[str]

    @property
    def gain(self) -> float:
        """What the Gaussians add to the mIoU."""
        return self.shapes["gaussian"].metrics.miou - self.shapes["cube"].metrics.miou

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "class_list": self.classes.name,
            "frames": self.frames,
            "skipped": len(self.skipped),
            "gain": self.gain,
            "shapes": {name: self._plain(score) for name, score in self.shapes.items()},
        }

    def _plain(self, score: ShapeScore) -> dict[str, Any]:
        return {
            **pixel_scores(score.metrics, score.confusion, self.classes.names),
            "confusion": {"ids": self.classes.ids.tolist(), "matrix": score.confusion.tolist()},
        }


def evaluate_backprojection(
    voxel_map: VoxelMap,
    sequence: Sequence,
    *,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    text_encoder: str | None = None,
    threads: int = 2,
    watch: Callable[[int], None] | None = None,
) -> BackprojectionScore:
    """Render a map's labels into frames and compare with their label images.

    Parameters
    ----------
    voxel_map : VoxelMap
    sequence : Sequence
        Opened with `labels=True`.
    classes : str, optional
        See `Truth`.
    probe, means, text_encoder
        See `classifier_for`.
    threads : int
        Threads that render.
    watch : callable, optional
        Told the number of frames that are done.

    Returns
    -------
    BackprojectionScore

    Raises
    ------
    ValueError
        If ids of the label images and of the class list do not belong together, or no pixel is labelled.
    """
    truth = Truth(sequence, choose_classes([sequence], classes, answers_of(probe, means)))
    classifier, _ = classifier_for(
        voxel_map, truth.classes, probe=probe, means=means, text_encoder=text_encoder
    )
    labels = label_cells(voxel_map, classifier).label
    place = np.minimum(positions(truth.classes), len(truth.classes)).astype(np.int64)  # the last: no class
    scene = Scene(voxel_map)
    count = len(truth.classes)
    confusion = {shape: np.zeros((count, count + 1), np.int64) for shape in SHAPES}
    done, skipped = 0, []
    with closing(prefetch(sequence)) as decoded:
        for _, frame in decoded:
            if isinstance(frame, FrameError):
                skipped.append(str(frame))
            else:
                expected = truth.of(frame)
                judged = expected != VOID
                size = expected.shape[0], expected.shape[1]
                K, T = _label_camera(frame, size)
                for shape, gaussian in SHAPES.items():
                    traced = scene.trace(K, T, size, shape=gaussian, threads=threads)
                    predicted = place[traced.vote(labels)]
                    pairs = expected[judged].astype(np.int64) * (count + 1) + predicted[judged]
                    confusion[shape] += np.bincount(pairs, minlength=count * (count + 1)).reshape(count, -1)
            done += 1
            if watch is not None:
                watch(done)
    if not confusion["cube"].any():
        reason = (
            skipped[0] if skipped else f"no pixel of the label images is a class of {truth.classes.name!r}"
        )
        raise ValueError(f"{sequence.path}: nothing to compare with: {reason}")
    shapes = {shape: ShapeScore(metrics_of(matrix), matrix) for shape, matrix in confusion.items()}
    return BackprojectionScore(truth.classes, shapes, done - len(skipped), skipped)


def _label_camera(
    frame: Frame, size: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the camera matrix and the pose of a frame's label image, in the view of the colour camera."""
    K = scale_intrinsics(frame.color_intrinsics, (frame.rgb.shape[0], frame.rgb.shape[1]), size)
    if frame.T_color_depth is None:
        return K, frame.T_world_camera
    return K, frame.T_world_camera @ np.linalg.inv(frame.T_color_depth)
