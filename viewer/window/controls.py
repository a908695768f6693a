"""The controls of the panel, in the colours of a theme that can change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import open3d as o3d

from viewer.window.theme import Rgb, Theme

gui = o3d.visualization.gui


@dataclass
class Fonts:
    """Ids of fonts; they must be made before the first window."""

    title: int
    small: int
    mono: int

    @classmethod
    def load(cls, scaling: float = 1.0) -> Fonts:
        """Add the fonts to the application."""
        app = gui.Application.instance
        bold, normal = gui.FontStyle.BOLD, gui.FontStyle.NORMAL
        sans, mono = gui.FontDescription.SANS_SERIF, gui.FontDescription.MONOSPACE
        return cls(
            app.add_font(gui.FontDescription(sans, bold, 18)),
            app.add_font(gui.FontDescription(sans, normal, 14)),
            app.add_font(gui.FontDescription(mono, normal, 14)),
        )


@dataclass
class Controls:
    """Makes controls and repaints them.

    Attributes
    ----------
    theme : Theme
    fonts : Fonts
    after : callable
        Called after any control did its work; gives the keyboard back to the map.
    typing : callable
        Called while something is being typed, so that it is drawn.
    """

    theme: Theme
    fonts: Fonts
    after: Callable[[], None]
    typing: Callable[[], None]
    _repaint: list[Callable[[Theme], None]] = field(default_factory=list)

    def paint(self, theme: Theme) -> None:
        """Repaint everything that was made here."""
        self.theme = theme
        for repaint in self._repaint:
            repaint(theme)

    def keep(self, repaint: Callable[[Theme], None]) -> None:
        """Paint something now and whenever the theme changes."""
        self._repaint.append(repaint)
        repaint(self.theme)

    def column(self, color: str, margins: tuple[float, float, float, float], spacing: float) -> Any:
        """Make a column with a background; margins left, top, right, bottom in pixels."""
        made = gui.Vert(spacing, gui.Margins(*margins))
        self.keep(lambda theme: _fill(made, getattr(theme, color)))
        return made

    def scrolling(self, color: str, margins: tuple[float, float, float, float], spacing: float) -> Any:
        """Make a column that scrolls where it does not fit."""
        made = gui.ScrollableVert(spacing, gui.Margins(*margins))
        self.keep(lambda theme: _fill(made, getattr(theme, color)))
        return made

    def label(self, text: str = "", ink: str = "ink", font: int | None = None) -> Any:
        """Make a line of text."""
        made = gui.Label(text)
        if font is not None:
            made.font_id = font
        self.keep(lambda theme: _write(made, getattr(theme, ink)))
        return made

    def plain_label(self, text: str, color: Rgb, font: int | None = None) -> Any:
        """Make a line of text that does not outlive the theme."""
        made = gui.Label(text)
        if font is not None:
            made.font_id = font
        _write(made, color)
        return made

    def button(self, text: str, clicked: Callable[[], Any], tooltip: str = "") -> Button:
        """Make a button."""
        made = Button(text, self.then(clicked), tooltip)
        self.keep(made.paint)
        return made

    def plain_button(self, text: str, clicked: Callable[[], Any], *, on: bool = False) -> Button:
        """Make a button that does not outlive the theme."""
        made = Button(text, self.then(clicked))
        made.switch(on, self.theme)
        return made

    def then(self, work: Callable[..., Any]) -> Callable[..., None]:
        """Return a function that does some work, and what is due after any work."""

        def run(*values: Any) -> None:
            work(*values)
            self.after()

        return run

    def text(self, placeholder: str, entered: Callable[[str], None]) -> Any:
        """Make a box to type in; `entered` gets the text on Enter."""
        made = gui.TextEdit()
        made.placeholder_text = placeholder
        made.set_on_text_changed(lambda text: self.typing())
        made.set_on_value_changed(self.then(entered))
        return made

    def slider(self, low: float, high: float, moved: Callable[[float], None]) -> Any:
        """Make a slider."""
        made = gui.Slider(gui.Slider.DOUBLE)
        made.set_limits(low, high)
        made.set_on_value_changed(self.then(moved))
        return made


class Button:
    """A button that can be on.

    Parameters
    ----------
    text : str
    clicked : callable
    tooltip : str
    """

    def __init__(self, text: str, clicked: Callable[[], Any], tooltip: str = "") -> None:
        self.widget = gui.Button(text)
        self.widget.horizontal_padding_em = 0.35
        self.widget.vertical_padding_em = 0.12
        self.widget.set_on_clicked(clicked)
        if tooltip:
            self.widget.tooltip = tooltip
        self.on = False

    def paint(self, theme: Theme) -> None:
        """Colour it."""
        _fill(self.widget, theme.active if self.on else theme.button)

    def switch(self, on: bool, theme: Theme) -> None:
        """Turn it on or off."""
        self.on = on
        self.paint(theme)


class Grid:
    """Buttons of equal size in columns.

    Parameters
    ----------
    buttons : sequence of Button
    columns : int
    em : float
        Height of a letter, pixels.
    """

    def __init__(self, buttons: Sequence[Button], columns: int, em: float) -> None:
        self._buttons, self._columns, self._em = buttons, columns, em
        self._gap = round(0.35 * em)
        self.widget = gui.Vert(self._gap)
        for start in range(0, len(buttons), columns):
            row = gui.Horiz(self._gap)
            for button in buttons[start : start + columns]:
                row.add_child(button.widget)
            self.widget.add_child(row)

    def fit(self, context: Any, width: int) -> None:
        """Make the rows as wide as the panel, by the room beside the words on the buttons."""
        wanted = (width - (self._columns - 1) * self._gap) // self._columns - 1
        for button in self._buttons:
            has = button.widget.calc_preferred_size(context, gui.Widget.Constraints()).width
            padding = button.widget.horizontal_padding_em + (wanted - has) / 2 / self._em
            button.widget.horizontal_padding_em = max(padding, 0.0)


def image(pixels: npt.NDArray[np.uint8]) -> Any:
    """Make a picture (h, w, 3) uint8."""
    array: Any = np.ascontiguousarray(pixels)
    return gui.ImageWidget(o3d.geometry.Image(array))


def _fill(widget: Any, color: Rgb) -> None:
    widget.background_color = gui.Color(*color)


def _write(label: Any, color: Rgb) -> None:
    label.text_color = gui.Color(*color)
