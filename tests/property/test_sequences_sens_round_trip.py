"""Whatever is written to a `.sens` file or an exported folder comes back."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sequences import Frame, open_sequence, write_scannet, write_sens
from sequences.camera import intrinsic_matrix, quaternions_to_matrices
from sequences.sens_format import SensHeader


def make_frames(
    seed: int, count: int, depth_size: tuple[int, int], color_size: tuple[int, int], scale: float
) -> list[Frame]:
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(count):
        pose = np.eye(4)
        pose[:3, :3] = quaternions_to_matrices(rng.normal(size=(1, 4)))[0]
        pose[:3, 3] = rng.normal(size=3) * 10
        raw = rng.integers(0, 65535, depth_size)
        frames.append(
            Frame(
                rgb=rng.integers(0, 256, (*color_size, 3), dtype=np.uint8),
                depth=raw.astype(np.float32) / np.float32(scale),
                intrinsics=intrinsic_matrix(*rng.uniform(10, 600, 4)),
                color_intrinsics=intrinsic_matrix(*rng.uniform(10, 600, 4)),
                T_world_camera=pose,
                timestamp=float(rng.integers(0, 1 << 50)) / 1e6,
                index=k,
            )
        )
    return frames


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1 << 30),
    count=st.integers(1, 4),
    depth_size=sizes,
    color_size=sizes,
    scale=st.sampled_from([1000.0, 5000.0, 6553.5]),
    color=st.sampled_from(["jpeg", "png", "raw"]),
    depth=st.sampled_from(["zlib_ushort", "raw_ushort"]),
)
def test_sens_and_its_export_agree_bit_for_bit(
    seed: int,
    count: int,
    depth_size: tuple[int, int],
    color_size: tuple[int, int],
    scale: float,
    color: str,
    depth: str,
) -> None:
    frames = make_frames(seed, count, depth_size, color_size, scale)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert write_sens(folder / "a.sens", frames, color=color, depth=depth, depth_scale=scale) == count
        back = open_sequence(folder / "a.sens")
        write_sens(folder / "b.sens", back)
        assert (folder / "b.sens").stat().st_size > 0
        again = open_sequence(folder / "b.sens")
        write_scannet(folder / "exported", back)
        exported = open_sequence(folder / "exported")
        for k, frame in enumerate(frames):
            for other in (back[k], again[k]):
                np.testing.assert_array_equal(other.depth, frame.depth)
                np.testing.assert_array_equal(other.T_world_camera, frame.T_world_camera.astype(np.float32))
                assert other.timestamp == frame.timestamp
                np.testing.assert_array_equal(other.rgb, back[k].rgb)
            assert exported[k].timestamp == frame.timestamp
            np.testing.assert_array_equal(exported[k].rgb, back[k].rgb)
            np.testing.assert_array_equal(exported[k].T_world_camera, back[k].T_world_camera)
            np.testing.assert_array_equal(exported[k].intrinsics, back[k].intrinsics)
            if scale == 1000:
                np.testing.assert_array_equal(exported[k].depth, frame.depth)


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=600), frames=st.integers(0, 1 << 63))
def test_any_bytes_are_a_header_or_a_value_error(data: bytes, frames: int) -> None:
    for candidate in (data, b"\x04\0\0\0" + data):
        try:
            header, length = SensHeader.unpack(candidate)
        except ValueError:
            continue
        assert header.frames <= 1_000_000
        assert length <= len(candidate)
