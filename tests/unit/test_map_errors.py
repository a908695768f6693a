"""Wrong input is refused in one sentence, and leaves the map as it was."""

import numpy as np
import pytest

from mapping import FusionSettings, VoxelMap, merge
from mapping.fields import Fields
from mapping.occupancy import OccupancyRows

K = np.array([[40.0, 0, 20], [0, 40, 15], [0, 0, 1]])
GOOD = {
    "depth": np.full((30, 40), 1.5, np.float32),
    "intrinsics": K,
    "T_world_camera": np.eye(4),
    "codes": np.ones((15, 20, 4), np.float16),
}


def scaled_pose():
    return np.diag([2.0, 2, 2, 1])


def far_pose():
    pose = np.eye(4)
    pose[0, 3] = 1e6
    return pose


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth": [[1.0]]}, "depth must be a NumPy array, got list"),
        ({"depth": np.ones((30, 40))}, "depth must be float32, got float64"),
        ({"depth": np.ones((30, 40, 1), np.float32)}, "depth must have shape"),
        ({"depth": np.ones((0, 40), np.float32)}, "not be empty"),
        ({"intrinsics": np.eye(4)}, "intrinsics must be a finite"),
        ({"intrinsics": -K}, "positive focal lengths"),
        ({"intrinsics": K + np.eye(3, k=1)}, r"intrinsics must be \[fx 0 cx; 0 fy cy; 0 0 1\] \(no skew\)"),
        ({"depth": np.full((30, 40), 1.5, ">f4")}, "depth must be float32, got >f4"),
        ({"codes": np.ones((15, 20, 4), ">f2")}, "codes must be float16, got >f2"),
        ({"timestamp_ns": 2**63}, "timestamp_ns must be an integer of 64 bits, got 9223372036854775808"),
        ({"timestamp_ns": np.nan}, "timestamp_ns must be an integer of 64 bits, got nan"),
        ({"T_world_camera": np.full((4, 4), np.nan)}, "T_world_camera must be a finite"),
        ({"T_world_camera": scaled_pose()}, "T_world_camera must be rigid"),
        ({"T_world_camera": np.diag([1.0, 1, -1, 1])}, "T_world_camera must be rigid"),
        ({"T_world_camera": far_pose()}, "within 52428.7 m of the world's origin"),
        ({"rgb": np.zeros((30, 40, 3))}, "rgb must be uint8, got float64"),
        ({"rgb": np.zeros((15, 20, 3), np.uint8)}, r"rgb must have shape \(30, 40, 3\)"),
        ({"codes": np.ones((15, 20, 4), np.float32)}, "codes must be float16, got float32"),
        (
            {"codes": np.ones((15, 20, 3), np.float16)},
            "codes must have 4 numbers a pixel as the map has, got 3",
        ),
        ({"codes": np.ones((7, 20, 4), np.float16)}, "must divide those of depth, got 7 x 20 and 30 x 40"),
        ({"confidence": np.ones((30, 40))}, r"confidence must have shape \(15, 20\)"),
        ({"confidence": np.full((15, 20), 1.5)}, r"confidence must be in \[0, 1\]"),
        ({"codes": None, "confidence": np.ones((15, 20))}, "no codes were given"),
        ({"threads": 0}, "threads must be >= 1, got 0"),
    ],
)
def test_a_bad_frame_is_refused(wrong, message):
    room = VoxelMap(0.05, 4)
    room.integrate(**GOOD)
    before = room.digest()
    for change in (room.integrate, room.subtract_frame):
        with pytest.raises(ValueError, match=message):
            change(**{**GOOD, **wrong})
    assert room.digest() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cell_size": -1}, "cell_size must be > 0 m, got -1"),
        ({"cell_size": np.nan}, "cell_size must be > 0 m"),
        ({"code_dim": -2}, "code_dim must be >= 0, got -2"),
        ({"code_scale": 0}, "code_scale must be > 0, got 0"),
        ({"code_dim": 3, "head": np.ones((5, 4), np.float32)}, r"head must be \(D, 3\)"),
    ],
)
def test_a_bad_map_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        VoxelMap(**wrong)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (VoxelMap(0.1, 4), "different cell_size: 0.05 and 0.1"),
        (VoxelMap(0.05, 5), "different code_dim: 4 and 5"),
        (VoxelMap(0.05, 4, code_scale=1.0), "different code_scale"),
        (VoxelMap(0.05, 4, space={"name": "b"}), "different embedding spaces: None and 'b'"),
        (VoxelMap(0.05, 4, head=np.ones((2, 4), np.float32)), "different heads"),
    ],
)
def test_maps_that_do_not_fit_are_not_merged(other, message):
    room = VoxelMap(0.05, 4)
    for change in (room.merge, room.subtract):
        with pytest.raises(ValueError, match=message):
            change(other)


def test_merging_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one map"):
        merge([])


def test_what_was_never_added_cannot_be_subtracted():
    room = VoxelMap(0.05, 4)
    with pytest.raises(ValueError, match="not in the map"):
        room.subtract_frame(**GOOD)
    room.integrate(**GOOD)
    twice = merge([room, room])
    before = room.digest()
    with pytest.raises(ValueError, match="never added"):
        room.subtract(twice)
    assert room.digest() == before
    twice.subtract(room)
    assert twice.digest() == before


def test_codes_that_were_never_added_cannot_be_subtracted():
    room = VoxelMap(0.05, 4)
    room.integrate(**{**GOOD, "codes": None})
    before, stamps = room.digest(), room.last_seen.copy()
    with pytest.raises(ValueError, match=r"not in the map: 300 of its 690 cells .* weight of codes"):
        room.subtract_frame(**GOOD, timestamp_ns=77)
    assert room.digest() == before
    np.testing.assert_array_equal(room.last_seen, stamps)


def test_occupancy_that_was_never_counted_cannot_be_subtracted():
    shape_only = VoxelMap(0.05, 4, settings=FusionSettings(occupancy=False))
    with_rays = VoxelMap(0.05, 4)
    for room in (shape_only, with_rays):
        room.integrate(**GOOD)
    before = shape_only.digest()
    with pytest.raises(ValueError, match="fewer hits or misses"):
        shape_only.subtract(with_rays)
    assert shape_only.digest() == before


def wrapped(compact=None):
    room = VoxelMap(0.05, 4)
    room.integrate(**GOOD)
    order = np.argsort(room.key)
    arrays = {name: getattr(room, name)[order] for name in Fields.__slots__}
    for array in arrays.values():
        array.flags.writeable = False
    return room, VoxelMap.from_fields(
        cell_size=0.05, code_dim=4, code_scale=65536.0, space=None, head=None,
        fields=Fields(**arrays), occupancy=room.occupancy, compact=compact,
    )  # fmt: skip


def test_wrapped_arrays_are_copied_at_the_first_change():
    room, loaded = wrapped()
    assert loaded.digest() == room.digest()
    np.testing.assert_array_equal(loaded.rows_of(loaded.key), np.arange(len(loaded)))
    for some in (room, loaded):
        assert (some.rows_of([[0, 1]]) == [[-1, -1]]).all()
        assert some.rows_of(some.key[3]) == 3
        assert some.rows_of(some.key[3]).shape == ()
    original = loaded.fields
    loaded.integrate(**GOOD)
    room.integrate(**GOOD)
    assert loaded.digest() == room.digest()
    assert not np.shares_memory(original.key, loaded.key)


def test_compact_maps_do_not_change():
    room, compact = wrapped("fp16")
    for change in (
        lambda: compact.integrate(**GOOD),
        lambda: compact.merge(room),
        lambda: room.merge(compact),
        compact.digest,
    ):
        with pytest.raises(ValueError, match="compact maps"):
            change()


def test_fields_of_the_wrong_shape_are_refused():
    n = np.ones(2, np.int64)
    fields = Fields(n, n, n, n, n, n, n, n, n)
    nothing = OccupancyRows(n[:0], np.zeros(0, np.int32), np.zeros(0, np.int32))
    with pytest.raises(ValueError, match=r"field s must have shape \(2, 3\), got \(2,\)"):
        VoxelMap.from_fields(
            cell_size=0.05,
            code_dim=0,
            code_scale=1.0,
            space=None,
            head=None,
            fields=fields,
            occupancy=nothing,
        )


def test_an_empty_frame_and_an_empty_map_are_fine():
    room = VoxelMap(0.05, 4)
    report = room.integrate(**{**GOOD, "depth": np.zeros((30, 40), np.float32)})
    assert (report.pixels, report.cells, len(room), len(room.occupancy)) == (0, 0, 0, 0)
    assert room.embedding_norm.shape == (0,)
    assert room.rows_of([5]).tolist() == [-1]
    assert "0 cells" in repr(room)
