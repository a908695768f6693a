"""The panel beside the maps: what to ask, how to colour, what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import open3d as o3d

from mapping import Hit
from viewer.colors import heat_colors
from viewer.scene.drawing import Drawing, Entry
from viewer.scene.paint import Scale
from viewer.scene.state import MODES, Mode, ViewState
from viewer.window.controls import Button, Controls, Grid, image

gui = o3d.visualization.gui

WIDTH: Final = 20
"""Width of the panel in letters' heights."""

_SIDE: Final = 0.9
_SWATCH: Final = 14


class Actions(Protocol):
    """What the panel asks the window to do."""

    def ask(self, text: str) -> None:
        """Ask all maps."""

    def avoid(self, text: str) -> None:
        """Change what a hit must not rather be."""

    def set_threshold(self, value: float) -> None:
        """Change from which relevancy on a cell counts."""

    def set_mode(self, mode: Mode) -> None:
        """Change what the maps are coloured by."""

    def set_cut(self, share: float) -> None:
        """Change the height above which nothing is drawn."""

    def toggle_class(self, id: int) -> None:
        """Draw a class, or not."""

    def show_all_classes(self, shown: bool) -> None:
        """Draw all classes, or none."""

    def fly_to(self, hit: Hit) -> None:
        """Move the camera to a hit."""

    def press(self, key: str) -> bool:
        """Do what a key does."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the panel says of the map that the user looks at.

    Attributes
    ----------
    title, about : str
        Its name, and its size.
    drawing : Drawing or None
        What is shown of it.
    elsewhere : str
        What was found in the other maps, in a line.
    selected : int or None
        Rank of the hit that the camera went to.
    """

    title: str
    about: str
    drawing: Drawing | None
    elsewhere: str = ""
    selected: int | None = None


class Panel:
    """All controls.

    Parameters
    ----------
    window : open3d.visualization.gui.Window
    controls : Controls
    actions : Actions
    """

    def __init__(self, window: Any, controls: Controls, actions: Actions) -> None:
        self._controls, self._actions = controls, actions
        self._em = em = window.theme.font_size
        side, gap = round(_SIDE * em), round(0.45 * em)
        self._gap, self._hit_grid = gap, Grid([], 1, em)
        self._top = controls.column("panel", (side, side, side, 0), gap)
        self._list = controls.scrolling("panel", (side, gap, side, 0), gap)
        self._bottom = controls.column("panel", (side, gap, side, side), gap)
        self._context, self._rows = gui.WidgetProxy(), gui.WidgetProxy()
        self._build_top(em)
        self._list.add_child(self._rows)
        self._build_bottom(em)
        for part in (self._list, self._top, self._bottom):
            window.add_child(part)

    def _build_top(self, em: float) -> None:
        make, do = self._controls, self._actions
        self._title = make.label(font=make.fonts.title)
        self._about = make.label(ink="faint", font=make.fonts.small)
        self._text = make.text("Ask: massage chair", do.ask)
        self._not = make.text("but not: sofa, armchair", do.avoid)
        self._modes: dict[Mode, Button] = {
            mode: make.button(name, partial(do.set_mode, mode), f"key {number}")
            for number, (mode, name) in enumerate(MODES.items(), start=1)
        }
        self._mode_grid = Grid(list(self._modes.values()), 2, em)
        for part in (self._title, self._about, self._text, self._not, self._mode_grid.widget, self._context):
            self._top.add_child(part)

    def _build_bottom(self, em: float) -> None:
        make, do = self._controls, self._actions
        self._cut_label = make.label("Height cut", font=make.fonts.small)
        self._cut = make.slider(0.02, 1.0, do.set_cut)
        self._cut.double_value = 1.0
        self._toggles = {
            name: make.button(name, partial(do.press, key), tooltip)
            for name, key, tooltip in (
                ("Boxes", "B", "boxes around hits, key B"),
                ("Path", "C", "way of the camera, key C"),
                ("Light", "L", "dark or light, key L"),
                ("Reset view", "R", "look at everything, key R"),
                ("Picture", "P", "save a screenshot, key P"),
                ("Help", "H", "keys and mouse, key H"),
            )
        }
        self._toggle_grid = Grid(list(self._toggles.values()), 3, em)
        self._status = make.label(" ", ink="warning", font=make.fonts.small)
        for part in (self._status, self._cut_label, self._cut, self._toggle_grid.widget):
            self._bottom.add_child(part)

    def place(self, area: Any, context: Any) -> None:
        """Lay the three parts out in a rectangle: the middle takes what the others leave."""
        limits = gui.Widget.Constraints()
        limits.width = area.width
        width = area.width - 2 * round(_SIDE * self._em)
        for grid in (self._mode_grid, self._toggle_grid):
            grid.fit(context, width)
        self._hit_grid.fit(context, width - round(self._em))
        top = round(self._top.calc_preferred_size(context, limits).height)
        bottom = round(self._bottom.calc_preferred_size(context, limits).height)
        rest = max(area.height - top - bottom, 0)
        self._top.frame = gui.Rect(area.x, area.y, area.width, top)
        self._list.frame = gui.Rect(area.x, area.y + top, area.width, rest)
        self._bottom.frame = gui.Rect(area.x, area.y + top + rest, area.width, bottom)

    def say(self, text: str) -> None:
        """Write a line at the bottom; the window breaks it to the width of the panel."""
        self._status.text = _wrapped(text, 44) or " "

    def set_text(self, text: str, negatives: Sequence[str]) -> None:
        """Show a question in the boxes."""
        self._text.text_value = text
        self._not.text_value = ", ".join(negatives)

    def focus(self, window: Any) -> None:
        """Give the keyboard to the box of the question."""
        window.set_focus_widget(self._text)

    def show(self, state: ViewState, found: Found, *, light: bool, helping: bool) -> None:
        """Show a state and what was found; not while one of its own controls is at work."""
        theme = self._controls.theme
        for mode, button in self._modes.items():
            button.switch(mode == state.mode, theme)
        on = {"Boxes": state.boxes, "Path": state.trail, "Light": light, "Help": helping}
        for name, button in self._toggles.items():
            button.switch(on.get(name, False), theme)
        self._title.text, self._about.text = found.title, found.about
        self._cut.double_value = state.cut
        self._cut_label.text = _cut_text(state, found.drawing)
        context, rows = gui.Vert(self._gap), gui.Vert(self._gap)
        self._hit_grid = Grid([], 1, self._em)  # the buttons of the last one are about to go
        self._fill(context, rows, state, found)
        self._context.set_widget(context)
        self._rows.set_widget(rows)

    def _fill(self, context: Any, rows: Any, state: ViewState, found: Found) -> None:
        """Build what belongs to the mode: above, and what may be so long that it scrolls."""
        drawing = found.drawing
        if drawing is None:
            context.add_child(self._faint("reading the map ..."))
            return
        if drawing.mode != state.mode:
            context.add_child(self._faint("drawing ..."))
            return
        if drawing.scale is not None:
            self._add_scale(context, drawing.scale)
        if state.mode == "text":
            self._add_answer(context, state, found, drawing)
            self._add_hits(rows, found, drawing.hits)
        elif state.mode == "labels":
            self._add_legend(context, rows, state, drawing.legend)
        elif hint := _HINTS.get(state.mode):
            context.add_child(self._faint(hint))
        if state.mode != "text" and drawing.note:
            context.add_child(self._faint(drawing.note))

    def _add_scale(self, column: Any, scale: Scale) -> None:
        width = round((WIDTH - 2 * _SIDE) * self._em)
        ramp = np.linspace(0, 1, width)
        if scale.overlay:  # as `overlay_heat` draws it
            grey = np.full((width, 3), 128.0)
            heat = heat_colors((80 + 150 * ramp) / 255, 0, 1).astype(float)
            colors = ((1 - ramp)[:, None] * grey + ramp[:, None] * heat).astype(np.uint8)
        else:
            colors = heat_colors(ramp, 0, 1)
        column.add_child(image(np.repeat(colors[None], round(0.6 * self._em), axis=0)))
        row = gui.Horiz()
        row.add_child(self._faint(f"{scale.low:.2f}"))
        row.add_stretch()
        row.add_child(self._faint(scale.unit))
        row.add_stretch()
        row.add_child(self._faint(f"{scale.high:.2f}"))
        column.add_child(row)

    def _add_answer(self, column: Any, state: ViewState, found: Found, drawing: Drawing) -> None:
        make, do = self._controls, self._actions
        if not state.text:
            column.add_child(self._faint("Type above what to look for, then Enter."))
            return
        threshold = gui.Slider(gui.Slider.DOUBLE)
        threshold.set_limits(0.5, 0.995)
        answer_threshold = state.threshold
        if answer_threshold is None and drawing.scale is not None:
            answer_threshold = (2 * drawing.scale.low + drawing.scale.high) / 3
        threshold.double_value = float(answer_threshold or 0.5)
        threshold.set_on_value_changed(make.then(do.set_threshold))
        column.add_child(self._faint("Threshold of relevancy"))
        column.add_child(threshold)
        cells = sum(hit.cells for hit in drawing.hits)
        count = f"{len(drawing.hits)} hit{'s' * (len(drawing.hits) != 1)}, {cells:,} cells"
        column.add_child(make.plain_label(count, make.theme.ink))
        for line in filter(None, (found.elsewhere, drawing.note)):
            column.add_child(self._faint(_wrapped(line, 44)))

    def _add_hits(self, rows: Any, found: Found, hits: Sequence[Hit]) -> None:
        make, do = self._controls, self._actions
        buttons = [
            make.plain_button(
                f"{hit.rank}     {hit.score:.2f}     {_size(hit)}",
                partial(do.fly_to, hit),
                on=hit.rank == found.selected,
            )
            for hit in hits
        ]
        self._hit_grid = Grid(buttons, 1, self._em)
        rows.add_child(self._hit_grid.widget)

    def _add_legend(self, column: Any, rows: Any, state: ViewState, legend: Sequence[Entry]) -> None:
        make, do = self._controls, self._actions
        row = gui.Horiz(round(0.35 * self._em))
        row.add_child(make.plain_button("Show all", lambda: do.show_all_classes(True)).widget)
        row.add_child(make.plain_button("Hide all", lambda: do.show_all_classes(False)).widget)
        column.add_child(row)
        for entry in legend:
            rows.add_child(self._legend_row(state, entry))

    def _legend_row(self, state: ViewState, entry: Entry) -> Any:
        make, do = self._controls, self._actions
        shown = entry.id not in state.hidden
        row = gui.Horiz(round(0.5 * self._em))
        box = gui.Checkbox("")
        box.checked = shown
        box.set_on_checked(make.then(lambda checked: do.toggle_class(entry.id)))
        ink = make.theme.ink if shown else make.theme.faint
        swatch = np.full((_SWATCH, _SWATCH, 3), entry.color if shown else (128, 128, 128), np.uint8)
        row.add_child(box)
        row.add_child(image(swatch))
        row.add_child(make.plain_label(entry.name, ink))
        row.add_stretch()
        row.add_child(make.plain_label(f"{entry.count:,}", make.theme.faint, make.fonts.small))
        return row

    def _faint(self, text: str) -> Any:
        make = self._controls
        return make.plain_label(text, make.theme.faint, make.fonts.small)


_HINTS: Final[dict[Mode, str]] = {
    "pca": "The three directions in which embeddings\ndiffer most, as colours: like colours,\nlike things.",
    "normals": "x, y and z of the normals\nas red, green and blue.",
    "ellipsoids": "The Gaussian of each cell,\n2 standard deviations around its mean.",
    "color": "Click a cell to learn what is known of it.",
}


def _cut_text(state: ViewState, drawing: Drawing | None) -> str:
    if drawing is None or state.cut >= 1:
        return "Height cut: none"
    return f"Height cut: {state.cut * drawing.cloud.ceiling:.2f} m above the floor"


def _size(hit: Hit) -> str:
    return " × ".join(f"{100 * edge:.0f}" for edge in hit.extent) + " cm"


def _wrapped(text: str, width: int) -> str:
    """Break a text into lines of at most `width` letters, between words where it can be."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines += [word[start : start + width] for start in range(0, len(word), width)]
    return "\n".join(lines)
