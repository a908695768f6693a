"""A growing map on its way to a window, and the machines that have none."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dvemap.live import Following
from dvemap.viewing import Words
from mapping import VoxelMap, confidence, save
from mapping.changes import Follower, Watch
from viewer.display import DisplayError, check_display
from viewer.live import Publisher, Subscriber
from viewer.scene.growth import SHARE, Growth
from viewer.scene.model import MapModel


def fuse(voxel_map: VoxelMap, k: int, room: Any, publish: Callable[..., None] | None = None) -> None:
    codes = np.random.default_rng(k).normal(size=(12, 16, 5)).astype(np.float16)
    depth = room.depth[k].astype(np.float32)
    voxel_map.integrate(depth, room.K, room.poses[k], rgb=room.rgb[k], codes=codes, timestamp_ns=k)
    if publish is not None:
        publish(voxel_map, room.poses[k])


@pytest.mark.parametrize("head", [None, np.eye(7, 5, dtype=np.float32)])
def test_the_follower_has_the_same_map_at_every_step(
    room: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: Any
) -> None:
    monkeypatch.setattr("viewer.live._LEAST_SECONDS", 0.0)
    monkeypatch.setattr("viewer.live.SHARE", 1e9)
    space = {"name": "test", "dimension": 5 if head is None else 7, "text_encoder": None}
    grown = VoxelMap(0.1, 5, space=space, head=head)
    publisher, subscriber = Publisher(tmp_path), Subscriber(tmp_path)
    assert subscriber.next() is None
    for k in (0, 1, 2, 3):
        fuse(grown, k, room, publisher)
        if k == 1:
            continue  # the window need not keep pace
        state = subscriber.next()
        assert state is not None
        assert state.map.digest() == grown.digest()
        assert len(state.poses) == k + 1
        assert state.map.space == space
        rows = state.map.rows_of(grown.key)
        np.testing.assert_allclose(confidence(state.map, rows), confidence(grown), atol=1e-6)
        np.testing.assert_array_equal(state.map.last_seen[rows], grown.last_seen)
    assert not any(tmp_path.glob("*.safetensors"))
    assert not subscriber.finished
    publisher.finish(tmp_path / "room.dvm")
    assert subscriber.finished
    assert subscriber.final_path() == tmp_path / "room.dvm"


def test_a_large_change_comes_in_parts_without_gaps(room: Any) -> None:
    grown, watch, follower = VoxelMap(0.1, 5), Watch(most_bytes=60_000), Follower(0.1, 5, 65536.0, {}, None)
    fuse(grown, 0, room)
    for turn in range(40):
        if turn == 2:
            fuse(grown, 1, room)  # known rows change while others are still to come
        part = watch.changes(grown)
        assert part.sums.nbytes + part.code.nbytes <= 60_000
        follower.apply(part)
        rows = follower.map().rows_of(follower.map().key)
        np.testing.assert_array_equal(rows, np.arange(len(rows)))
    assert follower.map().digest() == grown.digest()
    assert len(watch.changes(grown).rows) == 0


def test_publishing_takes_a_small_share_and_stops_when_nobody_looks(room: Any, tmp_path: Path) -> None:
    grown, looks = VoxelMap(0.1, 5), [True]
    publisher = Publisher(tmp_path, lambda: looks[0])
    fuse(grown, 0, room, publisher)
    fuse(grown, 1, room, publisher)
    assert publisher.published == 1  # not due again
    publisher._due, looks[0] = 0.0, False
    fuse(grown, 2, room, publisher)
    assert publisher.published == 1


def test_what_nobody_reads_does_not_pile_up(
    room: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.live._LEAST_SECONDS", 0.0)
    monkeypatch.setattr("viewer.live.SHARE", 1e9)
    grown, publisher, subscriber = VoxelMap(0.1, 5), Publisher(tmp_path), Subscriber(tmp_path)
    for k in (0, 1, 2, 3):
        fuse(grown, k, room, publisher)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    assert subscriber.next() is not None
    fuse(grown, 4, room, publisher)
    state = subscriber.next()
    assert state is not None
    assert state.map.digest() == grown.digest()  # what had to wait came with the next part
    assert len(state.poses) == 5


def test_the_window_follows_to_the_map_in_the_file(room: Any, tmp_path: Path) -> None:
    following = Following(tmp_path, "room", Words())
    assert len(following.first.map) == 0
    assert following() is None
    grown, publisher = VoxelMap(0.1, 5), Publisher(tmp_path)
    fuse(grown, 0, room, publisher)
    seen = following()
    assert seen is not None
    assert (seen.name, seen.map.digest()) == ("room", grown.digest())
    np.testing.assert_allclose(seen.up, -room.poses[0][:3, 1])
    np.testing.assert_array_equal(seen.trajectory, room.poses[:1])
    assert following() is None
    fuse(grown, 1, room)
    save(grown, tmp_path / "room.dvm")
    publisher.finish(tmp_path / "room.dvm")
    last = following()
    assert last is not None
    assert last.map.digest() == grown.digest()
    assert following() is None


def test_no_display_is_one_error_that_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match=r"DISPLAY is not set.*xvfb-run.*dvemap render MAP"):
        check_display()
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(DisplayError, match=r"DISPLAY=:987 does not|libX11"):
        check_display()


@pytest.mark.parametrize("library", ["libX11.so.6", "libvulkan.so.1"])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    class Present:
        def __getattr__(self, name: str) -> Any:
            return Function()

    class Function:
        def __call__(self, *arguments: Any) -> int:
            return 1

    def load(name: str) -> Any:
        if name == library:
            raise OSError(f"{name}: cannot open shared object file")
        return Present()

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("ctypes.CDLL", load)
    with pytest.raises(DisplayError, match=f"{library} is missing; apt-get install"):
        check_display()


def test_a_window_that_follows_rests_for_what_its_looks_cost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = SimpleNamespace(now=100.0, used=7.0)
    monkeypatch.setattr("viewer.scene.growth.time.monotonic", lambda: clock.now)
    monkeypatch.setattr("viewer.scene.growth.time.process_time", lambda: clock.used)
    monkeypatch.setattr("viewer.scene.growth.os.cpu_count", lambda: 2)
    follow = Following(tmp_path, "x", Words())
    growth = Growth(follow, MapModel(follow.first))

    def rest_after(cost: float) -> float:
        assert growth.due()
        clock.used += cost
        start = clock.now
        while not growth.due():
            clock.now += 0.01
        return clock.now - start

    assert rest_after(0.0) == pytest.approx(0.5, abs=0.02)
    clock.now += 30
    assert rest_after(0.2) == pytest.approx(0.2 / (2 * SHARE), abs=0.02)
    clock.now += 30
    assert rest_after(60.0) == pytest.approx(20.0, abs=0.02)  # who looks around still sees it grow
    assert not growth.look()
    Publisher(tmp_path).finish(None)  # nobody else needs the processors
    clock.now += 30
    assert rest_after(60.0) == pytest.approx(0.5, abs=0.02)


def test_the_view_is_made_anew_when_a_map_outgrows_it(tmp_path: Path) -> None:
    follow = Following(tmp_path, "x", Words())
    growth = Growth(follow, MapModel(follow.first))
    low, high = np.zeros(3), np.array([4.0, 4.0, 2.0])
    assert growth.outgrown(low, high)
    assert not growth.outgrown(low, high + 0.2)
    assert growth.outgrown(low - [2, 0, 0], high)
    assert not growth.outgrown(low, high)


def test_a_window_says_so_when_fusing_was_killed(
    room: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    follow, grown = Following(folder, "x", Words()), VoxelMap(0.1, 5)
    fuse(grown, 0, room, Publisher(folder))
    monkeypatch.setattr("dvemap.live.os.getppid", lambda: 1)
    subject = follow()
    assert subject is not None
    assert len(subject.map) == len(grown)  # what was published is shown first
    with pytest.raises(OSError, match="fusing ended before the map was complete"):
        follow()
    assert not folder.exists()
    assert follow() is None
