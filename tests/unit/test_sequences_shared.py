"""The readers and the look before fusing on real recordings."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sequences import inspect_sequence, open_sequence, write_scannet, write_sens

pytestmark = pytest.mark.shared
SCENES: dict[str, dict[str, Any]] = {
    "hololens": {"path": "hololens"},
    "7scenes": {"path": "7scenes"},
    "7scenes-registered": {"path": "7scenes", "depth_folder": "depth_registered"},
    "apc_shelf": {"path": "labelled/apc_shelf"},
}


def opened(shared_dir: Path, scene: str, **options: Any) -> Any:
    where = {**SCENES[scene]}
    return open_sequence(shared_dir / "data" / where.pop("path"), **where, **options)


@pytest.mark.parametrize(
    ("scene", "least"),
    [("hololens", 0.9), ("7scenes", 0.85), ("7scenes-registered", 0.85), ("apc_shelf", 0.7)],
)
def test_real_data_pass_without_a_finding(shared_dir: Path, scene: str, least: float) -> None:
    sequence = opened(shared_dir, scene)
    start = time.process_time()
    inspection = inspect_sequence(sequence)
    assert time.process_time() - start < 2.0
    assert [finding for finding in inspection.findings if finding.severity != "note"] == []
    assert inspection.numbers["agreement"]["camera-to-world"] > least


@pytest.mark.parametrize("scene", ["hololens", "7scenes-registered", "apc_shelf"])
@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"pose_convention": "world-to-camera"}, "--pose-convention camera-to-world"),
        ({"pose_convention": "opengl"}, "--pose-convention camera-to-world"),
        ({"depth_scale": 5000}, "--depth-scale 1000"),
        ({"depth_scale": 200}, "--depth-scale 1000"),
        ({"depth_scale": 10000}, "--depth-scale 1000"),
        ({"depth_scale": 100}, "--depth-scale 1000"),
    ],
)
def test_wrong_readings_of_real_data_are_caught(
    shared_dir: Path, scene: str, options: dict[str, Any], fix: str
) -> None:
    inspection = inspect_sequence(opened(shared_dir, scene, **options))
    assert [f.option for f in inspection.findings if f.severity == "error"] == [fix]


@pytest.mark.parametrize("ratio", [0.5, 0.75, 2.025])
@pytest.mark.parametrize("scene", ["hololens", "7scenes"])
def test_intrinsics_of_another_size_are_caught(shared_dir: Path, scene: str, ratio: float) -> None:
    K = opened(shared_dir, scene, stop=1).intrinsics
    numbers = [K[0, 0] * ratio, K[1, 1] * ratio, K[0, 2] * ratio, K[1, 2] * ratio]
    inspection = inspect_sequence(opened(shared_dir, scene, intrinsics=numbers))
    options = [str(f.option) for f in inspection.findings if f.severity == "error"]
    assert len(options) == 1
    assert float(options[0].split()[1].split(",")[0]) == pytest.approx(K[0, 0], rel=0.08)


def test_hololens_to_sens_and_back(shared_dir: Path, tmp_path: Path) -> None:
    original = opened(shared_dir, "hololens", stop=12)
    write_sens(tmp_path / "h.sens", original)
    sens = open_sequence(tmp_path / "h.sens")
    write_scannet(tmp_path / "back", sens)
    back = open_sequence(tmp_path / "back")
    for a, b, c in zip(original, sens, back, strict=True):
        for other in (b, c):
            np.testing.assert_array_equal(a.rgb, other.rgb)
            np.testing.assert_array_equal(a.depth, other.depth)
            assert a.timestamp == other.timestamp
        np.testing.assert_array_equal(b.T_world_camera, c.T_world_camera)
        np.testing.assert_allclose(a.T_world_camera, b.T_world_camera, atol=1e-6)
        np.testing.assert_array_equal(b.intrinsics, c.intrinsics)
    source = (shared_dir / "data" / "hololens" / "color" / "7.jpg").read_bytes()
    assert (tmp_path / "back" / "color" / "7.jpg").read_bytes() == source


def test_apc_shelf_labels(shared_dir: Path) -> None:
    sequence = opened(shared_dir, "apc_shelf", labels=True)
    assert sequence.label_names[2] == "i_am_a_bunny_book"
    assert 0 not in sequence.label_names
    frame = sequence[0]
    assert set(np.unique(frame.label)) <= {0, 1, 2, 3, 4}
    assert frame.label_on_depth() is frame.label


def test_unregistered_colour_lands_where_the_registered_one_is(shared_dir: Path) -> None:
    """Colour fetched through depth agrees with the colour image seen from its own camera."""
    plain, registered = opened(shared_dir, "7scenes")[40], opened(shared_dir, "7scenes-registered")[40]
    on_depth = plain.rgb_on_depth()
    v, u = np.nonzero(plain.depth > 0)
    v, u = v[::97], u[::97]
    z = plain.depth[v, u].astype(float)
    points = np.linalg.inv(plain.intrinsics) @ np.stack([u * z, v * z, z])
    world = plain.T_world_camera @ np.vstack([points, np.ones_like(z)])
    seen = np.linalg.inv(registered.T_world_camera) @ world
    x, y = np.rint((registered.intrinsics @ seen[:3])[:2] / seen[2]).astype(int)
    inside = (x >= 0) & (x < 640) & (y >= 0) & (y < 480)
    difference = on_depth[v, u][inside].astype(int) - registered.rgb[y[inside], x[inside]]
    assert np.median(np.abs(difference)) <= 4
