"""One map in a window: its cells, lines and tags, and its camera."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import open3d as o3d

from viewer.scene.cubes import sides_toward
from viewer.scene.drawing import Drawing, Part
from viewer.scene.lines import Lines
from viewer.scene.orbit import FIELD_OF_VIEW, Stand, between, ray, stand_of
from viewer.scene.picking import pick
from viewer.scene.tags import readable
from viewer.window.theme import Rgb, Theme

gui = o3d.visualization.gui
rendering = o3d.visualization.rendering

RESTING_AFTER: Final = 0.25
"""Seconds without motion after which everything is drawn again."""

_FLIGHT: Final = 0.8  # seconds
_UPLOADED_AFTER: Final = 10.0  # seconds
_CLICK: Final = 4  # pixels a click may slip
_LINES: Final = ("boxes", "best", "trail")


class Pane:
    """A widget that shows one map.

    Parameters
    ----------
    window : open3d.visualization.gui.Window
    picked : callable
        Told which cell of the cloud was clicked on, None for none.
    keyed : callable
        Told the name of a key that was pressed while the map had the focus; says whether it meant anything.
    touched : callable
        Told that the user took hold of this pane's camera.
    """

    def __init__(
        self,
        window: Any,
        *,
        picked: Callable[[Pane, int | None], None],
        keyed: Callable[[str], bool],
        touched: Callable[[Pane], None],
    ) -> None:
        self.widget = gui.SceneWidget()
        self.widget.scene = rendering.Open3DScene(window.renderer)
        self.widget.scene.view.set_post_processing(False)  # colours reach the screen as they are
        self.widget.scene.show_axes(False)
        self.widget.enable_scene_caching(True)  # what the panel does draws no map again
        self.drawing: Drawing | None = None
        self.size_factor = 1.0
        self._picked, self._keyed, self._touched = picked, keyed, touched
        self._pressed_at: tuple[int, int] | None = None
        self._parts: dict[str, Part] = {}
        self._visible: dict[str, bool] = {}
        self._em = float(window.theme.font_size)
        self._tags: list[Any] = []
        self._alive: deque[tuple[float, Any]] = deque()
        self._point_pixels: dict[str, float] = {}
        self._pose: npt.NDArray[Any] | None = None
        self._flight: tuple[Stand, Stand, float] | None = None
        self._moved_at = 0.0
        self._redraws = 0
        self.widget.set_on_mouse(self._on_mouse)
        self.widget.set_on_key(self._on_key)
        window.add_child(self.widget)

    # What is shown ------------------------------------------------------------------------------------

    def show(self, drawing: Drawing, theme: Theme, stand: Stand | None = None) -> None:
        """Replace what is shown, and where the camera stands if `stand` says so."""
        before, self.drawing = self.drawing, drawing
        if stand is not None:
            self._frame(stand)
        if before is not None and before.layout == drawing.layout and drawing.kind == "points":
            for part in drawing.parts:
                self._recolor(part)
        else:
            self._rebuild(drawing.parts)
        self.show_lines(theme)
        self._choose_parts(force=True)
        self._draw_again()

    def _rebuild(self, parts: list[Part]) -> None:
        scene = self.widget.scene
        for name in self._parts:
            scene.remove_geometry(name)
        self._parts = {part.name: part for part in parts}
        self._visible, self._point_pixels = {}, {}
        for part in parts:
            scene.add_geometry(part.name, self._kept(part), self._material(part))
            self._visible[part.name] = True

    def _recolor(self, part: Part) -> None:
        self._parts[part.name] = part
        flag = rendering.Scene.UPDATE_COLORS_FLAG
        self.widget.scene.scene.update_geometry(part.name, self._kept(part), flag)

    def _kept(self, part: Part) -> Any:
        """Make the geometry of a part; the engine reads it later, on a thread of its own, so it is kept."""
        made = _geometry(part)
        self._alive.append((time.monotonic(), made))
        return made

    def show_lines(self, theme: Theme) -> None:
        """Draw lines and tags again, in the colours of a theme."""
        scene = self.widget.scene
        for name in _LINES:
            if scene.has_geometry(name):
                scene.remove_geometry(name)
        for tag in self._tags:
            self.widget.remove_3d_label(tag)
        self._tags = []
        if self.drawing is None:
            return
        drawn = zip(
            _LINES,
            (self.drawing.boxes, self.drawing.best, self.drawing.trail),
            (theme.box, theme.best, theme.trail),
            (1.5, 3.0, 1.5),
            strict=True,
        )
        for name, lines, color, width in drawn:
            if len(lines.segments):
                scene.add_geometry(name, _line_set(lines, color), _line_material(width))
        for place, text in self.drawing.tags:
            tag = self.widget.add_3d_label(np.array(place, np.float32), text)
            tag.color = gui.Color(*theme.ink)
            self._tags.append(tag)
        self._choose_tags()
        self._draw_again()

    def _choose_tags(self) -> None:
        """Show the tags that lie on no better one."""
        if self.drawing is None or not self._tags:
            return
        places, texts = zip(*self.drawing.tags, strict=True)
        frame = self.widget.frame
        pose = np.asarray(self.widget.scene.camera.get_model_matrix())
        shown = readable(places, texts, pose, (frame.width, frame.height), self._em)
        for tag, text, visible in zip(self._tags, texts, shown, strict=True):
            tag.text = text if visible else ""

    def paint_background(self, theme: Theme) -> None:
        """Fill what lies behind the map."""
        displayed = [float(value) ** (1 / 2.2) for value in theme.scene]  # the library darkens it by that
        self.widget.scene.set_background(np.array([*displayed, 1], np.float32))
        self._draw_again()

    def _draw_again(self) -> None:
        """Draw the map in the next frames: in more than one, since the engine may drop one."""
        self._redraws = 2
        self.widget.force_redraw()

    def _material(self, part: Part) -> Any:
        material = rendering.MaterialRecord()
        material.shader = "defaultUnlit"
        material.point_size = self._pixels(part)
        return material

    # The camera ---------------------------------------------------------------------------------------

    @property
    def aspect(self) -> float:
        """Width of the pane over its height."""
        frame = self.widget.frame
        return frame.width / max(frame.height, 1)

    @property
    def stand(self) -> Stand:
        """Where the camera is."""
        return stand_of(self.widget.scene.camera.get_model_matrix(), self.widget.center_of_rotation)

    def stand_at(self, stand: Stand) -> None:
        """Move the camera."""
        self.widget.look_at(*(np.float32(v) for v in (stand.target, stand.eye, stand.up)))

    def _frame(self, stand: Stand) -> None:
        """Move the camera, and set how near and far it sees."""
        assert self.drawing is not None
        box = o3d.geometry.AxisAlignedBoundingBox(self.drawing.low, self.drawing.high)
        self.widget.setup_camera(FIELD_OF_VIEW, box, np.float32(stand.target))
        self.stand_at(stand)

    def fly_to(self, stand: Stand) -> None:
        """Move the camera smoothly."""
        self._flight = self.stand, stand, time.monotonic()

    def tick(self, now: float) -> bool:
        """Follow the camera: hide what it cannot see, draw less while it moves; True if it moved."""
        if self._flight is not None:
            start, end, since = self._flight
            share = (now - since) / _FLIGHT
            self.stand_at(between(start, end, share))
            if share >= 1:
                self._flight = None
        pose = np.asarray(self.widget.scene.camera.get_model_matrix())
        if self._redraws:
            self._redraws -= 1
            self.widget.force_redraw()
        while len(self._alive) > len(self._parts) and now - self._alive[0][0] > _UPLOADED_AFTER:
            self._alive.popleft()
        moved = self._pose is None or not np.array_equal(pose, self._pose)
        if moved:
            self._pose = pose.copy()
            self._moved_at = now
            self._choose_tags()
        self._choose_parts()
        return moved

    @property
    def moving(self) -> bool:
        """Whether the camera moves, or did a moment ago."""
        return self._flight is not None or time.monotonic() - self._moved_at < RESTING_AFTER

    def _choose_parts(self, force: bool = False) -> None:
        if self.drawing is None:
            return
        eye = np.asarray(self.widget.scene.camera.get_model_matrix())[:3, 3]
        toward = sides_toward(eye, self.drawing.low, self.drawing.high)
        coarse = self.moving and any(part.coarse for part in self._parts.values())
        for name, part in self._parts.items():
            visible = part.coarse == coarse and all(toward[side] for side in part.sides)
            if force or visible != self._visible[name]:
                self.widget.scene.show_geometry(name, visible)
                self._draw_again()
                self._visible[name] = visible
            if visible and part.triangles is None:
                self._size_points(part)

    def _size_points(self, part: Part) -> None:
        pixels = self._pixels(part)
        if abs(pixels - self._point_pixels.get(part.name, 0.0)) > 0.4:
            self._point_pixels[part.name] = pixels
            self.widget.scene.modify_geometry_material(part.name, self._material(part))
            self._draw_again()

    def _pixels(self, part: Part) -> float:
        """Edge of a cell on the screen, in the middle of what is seen."""
        if self.drawing is None:
            return 3.0
        stand = self.stand
        far = float(np.linalg.norm(stand.eye - stand.target))
        focal = self.widget.frame.height / 2 / np.tan(np.deg2rad(FIELD_OF_VIEW / 2))
        edge = self.drawing.cloud.cell_size / part.share**0.5
        return float(np.clip(1.35 * self.size_factor * focal * edge / max(far, 0.2), 2.0, 16.0))

    # The user -----------------------------------------------------------------------------------------

    def _on_mouse(self, event: Any) -> Any:
        kind, types = event.type, gui.MouseEvent.Type
        if kind in (types.BUTTON_DOWN, types.WHEEL):
            self._flight = None
            self._touched(self)
        if kind == types.BUTTON_DOWN and event.is_button_down(gui.MouseButton.LEFT) and not event.modifiers:
            self._pressed_at = event.x, event.y
        elif kind == types.BUTTON_UP and self._pressed_at is not None:
            slip = max(abs(event.x - self._pressed_at[0]), abs(event.y - self._pressed_at[1]))
            self._pressed_at = None
            if slip <= _CLICK:
                self._picked(self, self.cell_at(event.x, event.y))
        return gui.SceneWidget.EventCallbackResult.HANDLED

    def _on_key(self, event: Any) -> Any:
        if event.type == gui.KeyEvent.Type.DOWN and self._keyed(_key_names().get(int(event.key), "")):
            return gui.SceneWidget.EventCallbackResult.CONSUMED
        return gui.SceneWidget.EventCallbackResult.IGNORED

    def cell_at(self, x: int, y: int) -> int | None:
        """Which cell of the cloud is drawn at a pixel of the window."""
        if self.drawing is None:
            return None
        frame = self.widget.frame
        pose = np.asarray(self.widget.scene.camera.get_model_matrix())
        origin, direction = ray(pose, x - frame.x, y - frame.y, frame.width, frame.height)
        shown = np.flatnonzero(self.drawing.shown)
        sides = None if self.drawing.sides is None else self.drawing.sides[shown]
        cloud = self.drawing.cloud
        found = pick(cloud.centers[shown], cloud.cell_size, origin, direction, sides)
        return None if found is None else int(shown[found])

    def picture(self, done: Callable[[npt.NDArray[np.uint8]], None]) -> None:
        """Give what the pane shows, (h, w, 3) uint8, once it is drawn."""
        self.widget.scene.scene.render_to_image(lambda image: done(np.asarray(image)[..., :3].copy()))


def take_pictures(panes: Sequence[Pane], done: Callable[[list[npt.NDArray[np.uint8]]], None]) -> None:
    """Give what panes show, in their order, once all of them are drawn."""
    taken: dict[int, npt.NDArray[np.uint8]] = {}

    def take(place: int, picture: npt.NDArray[np.uint8]) -> None:
        taken[place] = picture
        if len(taken) == len(panes):
            done([taken[k] for k in range(len(panes))])

    for place, pane in enumerate(panes):
        pane.picture(partial(take, place))


def _tensor(array: Any) -> Any:
    make: Any = o3d.core.Tensor  # its published types know no arrays
    return make(array)


def _geometry(part: Part) -> Any:
    if part.triangles is None:
        cloud = o3d.t.geometry.PointCloud()
        cloud.point.positions = _tensor(part.positions)
        cloud.point.colors = _tensor(part.colors)
        return cloud
    mesh = o3d.t.geometry.TriangleMesh()
    mesh.vertex.positions = _tensor(part.positions)
    mesh.vertex.colors = _tensor(part.colors)
    mesh.triangle.indices = _tensor(part.triangles)
    return mesh


def _line_set(lines: Lines, color: Rgb) -> Any:
    made: Any = o3d.geometry.LineSet(
        o3d.utility.Vector3dVector(lines.points.astype(np.float64)),
        o3d.utility.Vector2iVector(lines.segments),
    )
    made.paint_uniform_color(color)
    return made


def _line_material(width: float) -> Any:
    material = rendering.MaterialRecord()
    material.shader = "unlitLine"
    material.line_width = width
    return material


@cache
def _key_names() -> dict[int, str]:
    """Names of the keys, as the library spells them, by their codes."""
    return {int(key): name for name, key in gui.KeyName.__members__.items()}
