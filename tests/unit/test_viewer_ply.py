"""PLY files: what is written comes back, number by number, and bad files say what they lack."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from viewer.ply import PlyError, read_ply, write_ply

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.1, 0.2, 2.5]], np.float32)
COLORS = np.arange(12, dtype=np.uint8).reshape(4, 3) * 20
FACES = np.array([[0, 1, 2], [1, 2, 3]])
PROPERTIES = {
    "label": np.array([0, 1, 40, 65535], np.uint16),
    "instance": np.array([0, 1, 2, 2**31 + 5], np.uint32),
    "score": np.array([-1.5, 0, np.pi, np.nan], np.float32),
}


def test_round_trip_of_a_mesh(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", POINTS, faces=FACES, colors=COLORS, properties=PROPERTIES)
    mesh = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(mesh.vertices, POINTS)
    np.testing.assert_array_equal(mesh.faces, FACES)
    np.testing.assert_array_equal(mesh.colors, COLORS)
    assert list(mesh.properties) == list(PROPERTIES)
    for name, values in PROPERTIES.items():
        np.testing.assert_array_equal(mesh.properties[name], values)
        assert mesh.properties[name].dtype == values.dtype


@pytest.mark.parametrize("count", [0, 4])
def test_round_trip_of_bare_points(tmp_path: Path, count: int) -> None:
    write_ply(tmp_path / "a.ply", POINTS[:count])
    cloud = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(cloud.vertices, POINTS[:count])
    assert (cloud.faces, cloud.colors, cloud.properties) == (None, None, {})


def test_other_software_reads_it(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", POINTS, faces=FACES, colors=COLORS, properties=PROPERTIES)
    mesh = trimesh.load(tmp_path / "a.ply", process=False)
    np.testing.assert_array_equal(mesh.vertices, POINTS)
    np.testing.assert_array_equal(mesh.faces, FACES)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], COLORS)


def scannet_like(order: str) -> bytes:
    """Write a mesh as *_vh_clean_2.labels.ply is laid out: alpha and a ushort label at the vertices."""
    sign = {"binary_little_endian": "<", "binary_big_endian": ">"}.get(order, "<")
    header = f"""ply
format {order} 1.0
comment VCGLIB generated
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property uchar alpha
property ushort label
element face 2
property list uchar int vertex_indices
end_header
"""
    kinds = [("xyz", sign + "f4", 3), ("rgba", "u1", 4), ("label", sign + "u2")]
    rows = np.zeros(4, kinds)
    rows["xyz"], rows["rgba"][:, :3], rows["rgba"][:, 3], rows["label"] = POINTS, COLORS, 255, [1, 2, 0, 39]
    faces = np.zeros(2, [("n", "u1"), ("i", sign + "i4", 3)])
    faces["n"], faces["i"] = 3, FACES
    if order != "ascii":
        return header.encode() + rows.tobytes() + faces.tobytes()
    lines = [" ".join(str(n) for part in row for n in np.ravel(part)) for row in rows]
    lines += [" ".join(str(n) for part in row for n in np.ravel(part)) for row in faces]
    return header.encode() + "\n".join(lines).encode() + b"\n"


@pytest.mark.parametrize("order", ["binary_little_endian", "binary_big_endian", "ascii"])
def test_scannet_labels(tmp_path: Path, order: str) -> None:
    path = tmp_path / "scene_vh_clean_2.labels.ply"
    path.write_bytes(scannet_like(order))
    mesh = read_ply(path)
    np.testing.assert_array_equal(mesh.vertices, POINTS)
    np.testing.assert_array_equal(mesh.colors, COLORS)
    np.testing.assert_array_equal(mesh.faces, FACES)
    np.testing.assert_array_equal(mesh.properties["label"], [1, 2, 0, 39])
    assert mesh.properties["label"].dtype == np.uint16


GOOD = scannet_like("binary_little_endian")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", 'first line must be "ply"'),
        (GOOD.replace(b"ushort", b"string"), "must not hold b'property string label"),
        (GOOD.replace(b"1.0", b"", 1), "must not hold b'format"),
        (GOOD[: GOOD.index(b"end_header")], "must not hold b''"),
        (GOOD.replace(b"float z", b"float w"), "must have vertices with x, y and z"),
        (GOOD[:-1], "truncated: expected 2 rows of face, got 1"),
        (GOOD[:-13] + b"\x04" + GOOD[-12:], "every face must have 3 vertex_indices; triangulate"),
        (GOOD[:-4] + b"\x04\0\0\0", r"faces must name vertices 0\.\.3, got 4"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.ply").write_bytes(content)
    with pytest.raises(PlyError, match=message):
        read_ply(tmp_path / "bad.ply")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"colors": COLORS[:2]}, r"colors must be \(4, 3\) uint8, got \(2, 3\) uint8"),
        ({"faces": FACES + 2}, r"faces must name vertices 0\.\.3, got 2\.\.5"),
        ({"faces": FACES[:, :2]}, r"faces must be \(m, 3\) integers"),
        ({"properties": {"x": POINTS[:, 0]}}, "a property needs a name of its own"),
        ({"properties": {"a b": POINTS[:, 0]}}, "a property needs a name of its own"),
        ({"properties": {"count": np.arange(4)}}, "of a type that PLY has, got .* int64"),
    ],
)
def test_wrong_arguments_leave_the_old_file(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.ply"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        write_ply(path, POINTS, **arguments)
    assert path.read_text() == "old"
