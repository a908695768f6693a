"""`dvemap view` and `fuse --live` as a user sees them: a real window on a display without a screen."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import mapping
from viewer.display import DisplayError, check_display

BARE = ("--encoder", "none")  # no network: shape, colour and occupancy alone

Cli = Callable[..., Any]
WIDTH, HEIGHT, PANEL = 1000, 640, 320
PATIENCE = 240  # seconds: machines that draw in software may be busy


@dataclass(frozen=True)
class Screen:
    """A display, and a user before it."""

    name: str

    def tool(self, *words: object, check: bool = True) -> str:
        done = subprocess.run(
            [str(word) for word in words],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
            env=os.environ | {"DISPLAY": self.name},
        )
        return done.stdout

    def until(self, met: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if (value := met()) is not None:
                return value
            time.sleep(0.2)
        pytest.fail(f"waited {PATIENCE} s for {what}")

    def window(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the window; the keyboard is its own from then on."""

        def find() -> int | None:
            assert process.poll() is None, "the process ended without a window"
            ids = self.tool("xdotool", "search", "--name", "^dvemap: ", check=False).split()
            return int(ids[-1]) if ids else None

        found = int(self.until(find, "a window"))
        self.tool("xdotool", "windowfocus", found)
        return found

    def picture(self, window: int) -> npt.NDArray[np.int64]:
        """Take what the window shows, (h, w, 3) RGB."""
        raw = subprocess.run(
            ["import", "-window", str(window), "png:-"],
            capture_output=True,
            check=True,
            timeout=60,
            env=os.environ | {"DISPLAY": self.name},
        ).stdout
        image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return image[..., ::-1].astype(np.int64)

    def click(self, window: int, x: int, y: int) -> None:
        self.tool("xdotool", "mousemove", "--window", window, x, y)
        time.sleep(0.3)
        self.tool("xdotool", "mousedown", 1)
        time.sleep(0.5)
        self.tool("xdotool", "mouseup", 1)
        time.sleep(0.3)

    def press(self, key: str) -> None:
        self.tool("xdotool", "keydown", key)
        time.sleep(0.4)
        self.tool("xdotool", "keyup", key)

    def type(self, text: str) -> None:
        self.tool("xdotool", "type", "--delay", 120, text)
        time.sleep(0.5)
        self.press("Return")


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """Start a display without a screen."""
    missing = [tool for tool in ("Xvfb", "xdotool", "import") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (apt-get install xvfb xdotool imagemagick)")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as announced:
        name = f":{announced.readline().strip()}"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", name)
            try:
                check_display()
            except DisplayError as error:
                pytest.skip(str(error))
        yield Screen(name)
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def open_view(screen: Screen, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], int]]]:
    """Open a window with a command line; it is closed after the test."""
    opened: list[subprocess.Popen[bytes]] = []

    def run(*words: object) -> tuple[subprocess.Popen[bytes], int]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvemap", *map(str, words)],
            cwd=tmp_path,
            env=os.environ | {"DISPLAY": screen.name, "LP_NUM_THREADS": "2"},
        )
        opened.append(process)
        return process, screen.window(process)

    yield run
    for process in opened:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def scene_of(picture: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return picture[:, : WIDTH - PANEL]


def hot(picture: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark the yellow of the hottest cells."""
    scene = scene_of(picture)
    return (scene[..., 0] > 190) & (scene[..., 1] > 140) & (scene[..., 2] < 150)


def drawn(picture: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark what is not background."""
    scene = scene_of(picture)
    return (np.abs(scene - scene[-5, 5]) > 12).any(axis=-1)


def on_screen(voxel_map: mapping.VoxelMap, up: Any, place: Any) -> tuple[float, float]:
    """Return the pixel (x, y) of a place in the first view of a map."""
    from viewer.scene.cloud import cloud_of
    from viewer.scene.orbit import FIELD_OF_VIEW, home

    width = WIDTH - PANEL
    stand = home(cloud_of(voxel_map, up), width / HEIGHT)
    back = (stand.eye - stand.target) / np.linalg.norm(stand.eye - stand.target)
    right = np.cross(stand.up, back)
    right /= np.linalg.norm(right)
    offset = np.asarray(place) - stand.eye
    focal = HEIGHT / 2 / np.tan(np.deg2rad(FIELD_OF_VIEW / 2)) / -(offset @ back)
    return width / 2 + focal * (offset @ right), HEIGHT / 2 - focal * (offset @ np.cross(back, right))


def test_a_typed_question_makes_the_massage_chair_hot_where_it_stands(
    screen: Screen, open_view: Any, labelled: Path, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    process, window = open_view("view", labelled, "--size", f"{HEIGHT}x{WIDTH}")
    before = screen.until(
        lambda: p if drawn(p := screen.picture(window)).mean() > 0.1 else None, "the map in the window"
    )
    assert hot(before).mean() < 0.005
    screen.click(window, WIDTH - 150, 82)
    screen.type("massage chair")
    after = screen.until(
        lambda: p if hot(p := screen.picture(window)).mean() > 0.008 else None, "hot cells in the window"
    )
    chair = next(thing for thing in things if thing["kind"] == "massage chair")
    up = mapping.read_header(labelled).provenance["up"]
    x, y = on_screen(mapping.load(labelled), up, chair["center"])
    rows, columns = np.nonzero(hot(after))
    assert abs(np.median(columns) - x) < 60
    assert abs(np.median(rows) - y) < 60
    near = (np.abs(columns - x) < 150) & (np.abs(rows - y) < 150)
    assert near.mean() > 0.9
    grey = scene_of(after)[drawn(after) & ~hot(after)]
    assert np.median(np.ptp(grey, axis=1)) < np.median(np.ptp(scene_of(before)[drawn(before)], axis=1))

    screen.click(window, 30, HEIGHT // 2)  # the keyboard back to the map
    screen.press("p")
    saved = screen.until(lambda: next(iter(tmp_path.glob("dvemap-*.png")), None), "the screenshot")
    picture = screen.until(lambda: cv2.imread(str(saved)), "a whole screenshot")
    assert picture.shape == (HEIGHT, WIDTH - PANEL, 3)
    assert hot(picture[..., ::-1].astype(np.int64)).mean() == pytest.approx(hot(after).mean(), rel=0.3)
    screen.press("q")
    assert process.wait(timeout=PATIENCE) == 0


def test_a_map_grows_in_the_window_while_it_is_fused(
    screen: Screen, open_view: Any, room: Path, tmp_path: Path
) -> None:
    output = tmp_path / "live.dvm"
    process, window = open_view("fuse", room, "-o", output, "--encoder", "labels", "--live", "--trust")
    screen.until(lambda: output.exists() or None, "the map file")
    screen.until(lambda: drawn(screen.picture(window)).mean() > 0.1 or None, "the map in the window")
    assert process.poll() is None  # it waits for the user
    screen.press("q")
    assert process.wait(timeout=PATIENCE) == 0


def test_a_map_that_has_no_labels_is_shown_in_its_colours(
    screen: Screen, open_view: Any, plain: Path
) -> None:
    process, window = open_view("view", plain, "--mode", "labels", "--size", f"{HEIGHT}x{WIDTH}")
    screen.until(lambda: drawn(screen.picture(window)).mean() > 0.1 or None, "the map in the window")
    assert process.poll() is None


def test_without_a_display_one_line_says_what_to_do(process: Cli, labelled: Path) -> None:
    ran = process("view", labelled, DISPLAY="", WAYLAND_DISPLAY="")
    assert "no window can be opened: an X11 display (DISPLAY is not set) is missing" in ran.error
    assert "dvemap render MAP" in ran.error
    ran = process("fuse", labelled.parent, "-o", labelled.parent / "x.dvm", *BARE, "--live", DISPLAY="")
    assert ran.status == 1


def test_without_a_driver_the_missing_package_is_named(screen: Screen, process: Cli, labelled: Path) -> None:
    nowhere = {"VK_ICD_FILENAMES": "/nonexistent.json", "VK_DRIVER_FILES": "/nonexistent.json"}
    ran = process("view", labelled, DISPLAY=screen.name, **nowhere)
    assert "a Vulkan driver is missing" in ran.error
    assert "apt-get install mesa-vulkan-drivers" in ran.error
