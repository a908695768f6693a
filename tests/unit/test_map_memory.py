"""Growing in place."""

import mmap
import subprocess
import sys

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


@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process from /proc")
def test_a_limit_on_address_space_is_left_to_others():
    """Reserving whatever is left would let the next allocation of anything else fail."""
    script = """
import resource
import numpy as np
from mapping.arena import GrowingArray
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), -1))
arrays = [GrowingArray((16,), np.int64) for _ in range(9)]
np.ones(400 << 20, np.uint8)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("shape", [(), (0,), (4, 2)])
def test_any_row_shape(shape):
    array = GrowingArray(shape, np.int16)
    array.ensure(5000)
    assert array.array[:5000].shape == (5000, *shape)


def test_growing_a_map_takes_little_more_than_the_map():
    figures = measure_growth(cells=60_000, code_dim=512)
    assert figures["map_mb"] > 60_000 * (2048 + 128) / 1e6
    assert figures["peak_mb"] < figures["limit_mb"]
