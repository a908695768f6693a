"""Growing in place."""

import mmap

import numpy as np
import pytest

from dvemap.bench.map_memory import measure_growth
from mapping.arena import GrowingArray


def test_rows_stay_where_they_are_and_new_ones_are_zero():
    array = GrowingArray((3,), np.int32)
    array.ensure(10)
    view = array.array[:2]
    view[:] = 7
    array.ensure(200_000)
    assert (array.array[:2] == 7).all()
    assert not array.array[2:200_000].any()
    assert np.shares_memory(view, array.array)


def test_without_a_reservation_it_grows_by_copying(monkeypatch):
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", refuse)
    array = GrowingArray((2,), np.int64)
    array.array[:3] = 5
    array.ensure(array.capacity + 1)
    assert (array.array[:3] == 5).all()
    assert not array.array[3:].any()


@pytest.mark.parametrize("shape", [(), (0,), (4, 2)])
def test_any_row_shape(shape):
    array = GrowingArray(shape, np.int16)
    array.ensure(5000)
    assert array.array[:5000].shape == (5000, *shape)


def test_growing_a_map_takes_little_more_than_the_map():
    figures = measure_growth(cells=60_000, code_dim=512)
    assert figures["map_mb"] > 60_000 * (2048 + 128) / 1e6
    assert figures["peak_mb"] < figures["limit_mb"]
