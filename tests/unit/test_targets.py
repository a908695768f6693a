"""Panoptic merge and targets, rule by rule."""

import numpy as np
import pytest

from student.targets import build_targets, panoptic_segments, segment_class

WALL, CHAIR, FLOOR = 1, 2, 3
THINGS = (False, True, False)
STEP = 65536


def merge(semantic: list[list[int]], instance: list[list[int]]) -> tuple[list[list[int]], list[int]]:
    ids, segments = panoptic_segments(np.array(semantic, np.uint16), np.array(instance, np.uint16), THINGS)
    assert ids.dtype == np.int64
    return ids.tolist(), segments


def test_stuff_and_things_and_void() -> None:
    ids, segments = merge([[WALL, WALL, CHAIR, CHAIR, 0]], [[0, 0, 7, 0, 7]])
    assert ids == [[STEP, STEP, 2 * STEP + 1, 0, 0]]  # a thing without instance has no segment, nor has void
    assert segments == [STEP, 2 * STEP + 1]


def test_instances_count_per_class_by_ascending_instance() -> None:
    ids, segments = merge([[CHAIR, CHAIR, WALL, CHAIR]], [[300, 4, 5, 9]])
    assert ids == [[2 * STEP + 3, 2 * STEP + 1, STEP + 1, 2 * STEP + 2]]
    assert segments == [STEP + 1, 2 * STEP + 1, 2 * STEP + 2, 2 * STEP + 3]


def test_an_instance_that_spans_classes_is_split() -> None:
    ids, _ = merge([[CHAIR, WALL, FLOOR, WALL]], [[1, 1, 2, 0]])
    assert ids == [[2 * STEP + 1, STEP + 1, 3 * STEP + 1, STEP]]


def test_an_image_of_void_has_no_segments() -> None:
    assert merge([[0, 0]], [[0, 3]]) == ([[0, 0]], [])
    targets = build_targets(np.zeros((1, 2), np.int64), {}, np.ones(3, np.float32))
    assert targets.lut.shape == (0, 3)
    assert targets.index.tolist() == [[0, 0]]


def test_large_numbers() -> None:
    semantic, instance = np.array([[894]], np.uint16), np.array([[65535]], np.uint16)
    ids, _ = panoptic_segments(semantic, instance, (True,) * 894)
    assert ids.item() == 894 * STEP + 1
    assert segment_class(ids.item()) == 894


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="semantic has class 4, but there are 3 classes"):
        merge([[4]], [[0]])
    with pytest.raises(ValueError, match=r"of one size, got \(1, 2\) and \(1, 1\)"):
        merge([[1, 1]], [[0]])


def test_target_is_the_segment_less_its_share_of_the_image() -> None:
    segment, image = np.array([0, 3.0], np.float32), np.array([5.0, 0], np.float32)
    targets = build_targets(np.array([[0, 9], [9, 9]]), {4: -segment, 9: segment}, image, alpha=0.75)
    np.testing.assert_allclose(targets.lut, [[-0.6, -0.8], [-0.6, 0.8]], atol=1e-7)
    assert (targets.lut.dtype, targets.index.dtype) == (np.float32, np.int32)
    assert targets.index.tolist() == [[0, 2], [2, 2]]


def test_rows_are_in_stored_order_whatever_the_ids() -> None:
    vectors = np.eye(3, dtype=np.float32)
    targets = build_targets(
        np.array([[5, 7, 6]]), {7: vectors[0], 5: vectors[1], 6: vectors[2]}, vectors[0] * 0
    )
    assert targets.index.tolist() == [[2, 1, 3]]
    np.testing.assert_array_equal(targets.lut, vectors)


def test_what_has_no_target_is_named() -> None:
    one = np.ones(2, np.float32)
    with pytest.raises(
        ValueError, match=r"segment 131073 \(class 2\) has no embedding; the teacher saw other"
    ):
        build_targets(np.array([[131073]]), {65536: one}, one)
    with pytest.raises(ValueError, match="segment 8: its embedding is zero, not finite or that of the image"):
        build_targets(np.array([[8]]), {8: one * 0}, one * 0)
    with pytest.raises(ValueError, match="segment 8: its embedding is zero, not finite or that of the image"):
        build_targets(np.array([[8]]), {8: one * np.nan}, one)
    with pytest.raises(ValueError, match=r"segment 8: embedding must be \(2,\), got \(3,\)"):
        build_targets(np.array([[8]]), {8: np.ones(3)}, one)
