"""What lies over the maps: the facts of a cell, the names of the maps, and the help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import open3d as o3d

from viewer.window.controls import Controls

gui = o3d.visualization.gui

_GAP: Final = 2

HELP: Final = (
    ("Left mouse", "turn around the map"),
    ("Ctrl + left mouse", "move sideways"),
    ("Wheel", "come closer or go back"),
    ("Shift + left mouse", "roll"),
    ("Click", "what is known of a cell"),
    ("", ""),
    ("1 ... 8", "colour, labels, text heat, PCA,"),
    ("", "confidence, normals, occupancy, ellipsoids"),
    ("/", "type a question; Enter asks it"),
    ("N", "fly to the next hit"),
    ("[  ]", "cut lower, cut higher"),
    ("+  -", "larger or smaller points"),
    ("B   C", "boxes around hits, way of the camera"),
    ("R", "look at everything again"),
    ("L", "dark or light"),
    ("P", "save a picture of the maps"),
    ("H", "this help"),
    ("Q", "close"),
)


class Card:
    """A small table over the maps.

    Parameters
    ----------
    window : open3d.visualization.gui.Window
    controls : Controls
    """

    def __init__(self, window: Any, controls: Controls) -> None:
        em = window.theme.font_size
        self._controls, self._em = controls, em
        self.widget = controls.column("card", (em, round(0.8 * em), em, round(0.8 * em)), 0)
        self._proxy = gui.WidgetProxy()
        self.widget.add_child(self._proxy)
        self.widget.visible = False
        self._rows: Sequence[tuple[str, str]] = ()
        self._title = ""
        window.add_child(self.widget)

    def show(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Fill and show it."""
        self._title, self._rows = title, rows
        make, em = self._controls, self._em
        column = gui.Vert(round(0.5 * em))
        if title:
            column.add_child(make.plain_label(title, make.theme.ink, make.fonts.title))
        table = gui.Horiz(round(1.2 * em))
        for place, color in enumerate((make.theme.faint, make.theme.ink)):
            lines = gui.Vert(round(0.25 * em))
            for row in rows:
                lines.add_child(make.plain_label(row[place] or " ", color))
            table.add_child(lines)
        if rows:
            column.add_child(table)
        self._proxy.set_widget(column)
        self.widget.visible = True

    def repaint(self) -> None:
        """Fill it again in the colours of another theme."""
        if self.widget.visible:
            self.show(self._title, self._rows)

    def hide(self) -> None:
        """Take it away."""
        self.widget.visible = False

    def place(self, context: Any, area: Any, across: float, down: float) -> None:
        """Put it into a rectangle: at the left (0) to the right (1), at the top (0) to the bottom (1)."""
        wanted = self.widget.calc_preferred_size(context, gui.Widget.Constraints())
        room_x, room_y = area.width - 2 * self._em, area.height - 2 * self._em
        width, height = min(round(wanted.width), room_x), min(round(wanted.height), room_y)
        x = area.x + self._em + round(across * (room_x - width))
        y = area.y + self._em + round(down * (room_y - height))
        self.widget.frame = gui.Rect(x, y, width, height)


def place_side_by_side(area: Any, widgets: Sequence[Any]) -> None:
    """Share a rectangle out to widgets of equal width, a thin line apart."""
    edges = [area.x + round(area.width * k / len(widgets)) for k in range(len(widgets) + 1)]
    edges[-1] += _GAP  # the last needs none behind it
    for widget, left, right in zip(widgets, edges[:-1], edges[1:], strict=True):
        widget.frame = gui.Rect(left, area.y, right - left - _GAP, area.height)
