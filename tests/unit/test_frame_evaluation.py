"""Judging a student on frames, against the official way written out in torch."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from dvemap.encoders import Network
from dvemap.frame_evaluation import evaluate_frames
from sequences import open_sequence
from sequences.labels import read_nyu40_ids
from student.checkpoints import save_checkpoint
from student.networks.config import StudentConfig
from student.networks.dveformer import build
from student.opening import open_student
from student.preprocessing import DEPTH_STATISTICS, Preprocessing, normalise

SIZE = (64, 96)
CLASSES = 6
TINY = {
    "rgb_channels": 24,
    "depth_channels": 8,
    "depths": (1, 1, 1, 1),
    "head_channels": 8,
    "context_channels": 16,
    "main_channels": 16,
    "skip_channels": (8, 8, 8),
    "fuse_channels": 24,
    "embedding_dim": 20,
}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Return two frames of noise in which colour, depth and labels have sizes of their own."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "scene"
    for part in ("color", "depth", "pose", "intrinsic", "label-filt"):
        (folder / part).mkdir(parents=True)
    for index in range(2):
        rgb = cv2.resize(rng.integers(0, 256, (12, 18, 3), dtype=np.uint8), (144, 96))
        depth = cv2.resize(rng.integers(500, 4000, (8, 12), dtype=np.uint16), (96, 64))
        depth[:4] = 0
        label = rng.integers(0, CLASSES + 1, (10, 15), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        for part, image in (("color", rgb), ("depth", depth), ("label-filt", label)):
            cv2.imwrite(str(folder / part / f"{index}.png"), image)
        np.savetxt(folder / "pose" / f"{index}.txt", np.eye(4))
    matrix = np.diag([100.0, 100.0, 1.0, 1.0])
    matrix[:2, 2] = 48, 32
    for name in ("intrinsic_color", "intrinsic_depth"):
        np.savetxt(folder / "intrinsic" / f"{name}.txt", matrix)
    (folder / "label_names.txt").write_text("".join(f"{k} kind {k}\n" for k in range(1, CLASSES + 1)))
    return folder


@pytest.mark.parametrize(("upsamplings", "stride"), [(0, 4), (2, 1)])
def test_labels_and_confusion_are_those_of_the_official_steps(
    scene: Path, tmp_path: Path, deterministic: SimpleNamespace, upsamplings: int, stride: int
) -> None:
    """Fails if colour is put onto the depth image first, if labels are resized, or codes are shifted."""
    network = deterministic.fill(build(StudentConfig(**TINY, upsamplings=upsamplings))).eval()
    save_checkpoint(network, tmp_path / "tiny.safetensors")
    encoder = open_student(tmp_path / "tiny.safetensors", runtime="torch", size=SIZE, stride=stride)
    weight = np.random.default_rng(1).standard_normal((CLASSES, 20)).astype(np.float32)
    np.savez(tmp_path / "probe.npz", weight=weight)
    sequence = open_sequence(scene, labels=True)
    score = evaluate_frames([sequence], Network(encoder), probe=tmp_path / "probe.npz", text=False)

    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    for frame in sequence:
        images = Preprocessing(SIZE).resize(frame.rgb, frame.depth)
        inputs = (torch.from_numpy(part[None]) for part in normalise(*images, DEPTH_STATISTICS["nyuv2"]))
        with torch.inference_mode():
            unit = torch.nn.functional.normalize(network(*inputs))
            logits = torch.einsum("ndhw,kd->nkhw", unit, torch.from_numpy(weight))
            assert frame.label is not None
            fine = torch.nn.functional.interpolate(logits, size=frame.label.shape, mode="bilinear")
        known = frame.label > 0
        found = fine[0].argmax(dim=0).numpy()[known]
        np.add.at(confusion, (frame.label[known].astype(int) - 1, found), 1)
    assert score.pixels == confusion.sum()
    judged = score.decoders["probe"].confusion
    assert (judged[:, -1] == 0).all()
    # Codes are half floats: a few pixels between two classes fall on the other side.
    assert np.abs(judged[:, :-1] - confusion).sum() <= 0.004 * confusion.sum()
    assert len(np.unique(np.flatnonzero(confusion.sum(axis=0)))) >= 3  # it is no map of one class


def test_the_table_of_scannet_leads_to_nyu40(tmp_path: Path) -> None:
    table = (
        "id\traw_category\tcategory\tnyu40id\n1\twall\twall\t1\n1291\tmassage chair\tchair\t5\n7\tx\tx\t\n"
    )
    scene = tmp_path / "scans" / "scene0000_00"
    scene.mkdir(parents=True)
    assert read_nyu40_ids(scene) == {}
    (tmp_path / "scannetv2-labels.combined.tsv").write_text(table)
    assert read_nyu40_ids(scene) == {1: 1, 1291: 5, 7: 0}
    (scene / "label_names.txt").write_text("wall\n")
    assert read_nyu40_ids(scene) == {}
