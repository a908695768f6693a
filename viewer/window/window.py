"""The window: maps side by side, the panel, and what keys and clicks do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import open3d as o3d

from mapping import Hit
from viewer.picture import save_picture
from viewer.scene.drawing import Drawing
from viewer.scene.facts import facts
from viewer.scene.growth import Follow, Growth
from viewer.scene.model import MapModel
from viewer.scene.orbit import Stand, home, toward
from viewer.scene.state import MODES, Mode, ViewState, phrases
from viewer.scene.subject import Subject
from viewer.window.cards import HELP, Card, place_side_by_side
from viewer.window.controls import Controls, Fonts
from viewer.window.pane import Pane, take_pictures
from viewer.window.panel import WIDTH, Found, Panel
from viewer.window.theme import DARK, LIGHT
from viewer.window.worker import Worker

gui = o3d.visualization.gui

_CUT_STEP: Final = 0.04
_DRAWN_AGAIN: Final = 0.6  # seconds: the engine may drop single frames, so one is not enough,
_TICKS: Final = 6  # and on a busy machine no second passes with one
_SETTLED: Final = 1.2  # seconds after the first picture, which needs the processors
_TYPING: Final = 5.0  # seconds of drawing after a key
_NUMBERS: Final = ("ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT")


class MapWindow:
    """A window on one or more maps.

    Parameters
    ----------
    subjects : sequence of Subject
        The maps, side by side from the left.
    fonts : Fonts
    state : ViewState
        What to show first.
    light : bool
        Whether to begin in the light theme.
    size : (int, int)
        Width and height, pixels.
    follow : callable, optional
        Gives a newer state of the first map whenever there is one, else None; called on the worker.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        fonts: Fonts,
        *,
        state: ViewState,
        light: bool = False,
        size: tuple[int, int] = (1280, 800),
        follow: Follow | None = None,
    ) -> None:
        title = "dvemap: " + ", ".join(subject.name for subject in subjects)
        self.window = gui.Application.instance.create_window(title, *size)
        self.state = state
        self._changed_at, self._ticks_due = time.monotonic(), _TICKS
        self._models = [MapModel(subject) for subject in subjects]
        self._growth = None if follow is None else Growth(follow, self._models[0])
        self._worker = Worker(self._post, self._refused)
        self._controls = Controls(LIGHT if light else DARK, fonts, self._focus_map, self._typing)
        self._panes = [
            Pane(self.window, picked=self._pick, keyed=self.press, touched=self._touch) for _ in subjects
        ]
        self._active = self._panes[0]
        self._names = [Card(self.window, self._controls) for _ in subjects] if len(subjects) > 1 else []
        self._facts, self._help = Card(self.window, self._controls), Card(self.window, self._controls)
        self._panel = Panel(self.window, self._controls, self)
        self._panel.set_text(state.text, state.negatives)
        self._selected: int | None = None
        self._framed = self._held = self._panel_due = self._looking = self._warmed = False
        self._settled = self._growth is not None
        self._shown_mode: Mode = "color"
        for card, subject in zip(self._names, subjects, strict=False):
            card.show(subject.name, ())
        self._paint()
        self.window.set_on_layout(self._place)
        self.window.set_on_tick_event(self._tick)
        self.window.set_on_close(self._close)
        self._focus_map()
        self._refresh()

    # Drawing ------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Show a state that the user changed; what was said of the last one is over."""
        self._panel.say("")
        self._draw()

    def _draw(self) -> None:
        """Show the state: the slow part on the worker, then the panes."""
        state = self.state
        self._show_panel()
        for pane, model in zip(self._panes, self._models, strict=True):
            work, done = partial(model.drawing, state), partial(self._show, pane, state)
            self._worker.submit(f"draw {id(pane)}", work, done)

    def _show(self, pane: Pane, state: ViewState, drawing: Drawing) -> None:
        stand, growth = None, self._growth
        grown = growth is not None and not self._held and growth.outgrown(drawing.low, drawing.high)
        if not self._held and len(drawing.cloud) and (not self._framed or grown):
            self._framed = pane is self._panes[-1]
            stand = home(drawing.cloud, pane.aspect)
        pane.show(drawing, self._controls.theme, stand)
        self._shown_mode = state.mode
        if self._looking and state.text == self.state.text:
            self._looking = False
            self._panel.say("")
        self._show_panel()

    def _show_panel(self) -> None:
        """Show the state in the panel, soon: the control that asked for it may be one that is replaced."""
        if not self._panel_due:
            self._panel_due = True
            self._post(self._show_panel_now)

    def _show_panel_now(self) -> None:
        self._panel_due = False
        place = self._panes.index(self._active)
        subject, drawing = self._models[place].subject, self._active.drawing
        others = [
            f"{model.subject.name}: {len(pane.drawing.hits)}"
            for pane, model in zip(self._panes, self._models, strict=True)
            if pane is not self._active and pane.drawing is not None
        ]
        found = Found(
            subject.name,
            subject.about,
            drawing,
            f"Hits in {', '.join(others)}" if others else "",
            self._selected,
        )
        light = self._controls.theme is LIGHT
        self._panel.show(self.state, found, light=light, helping=self._help.widget.visible)
        self._redraw()

    def _redraw(self) -> None:
        self._changed_at, self._ticks_due = max(self._changed_at, time.monotonic()), _TICKS
        self.window.set_needs_layout()

    def _typing(self) -> None:
        """Keep drawing: keys are noticed only while something is drawn."""
        self._changed_at = time.monotonic() + _TYPING
        self._warm()

    def _settle(self) -> None:
        """Do what can wait until the first picture is drawn."""
        self._settled = True
        self._warm()
        for model in self._models:
            self._worker.submit(f"refine {id(model)}", model.refine, self._again)

    def _warm(self) -> None:
        """Get ready for questions; of a map that grows, when somebody begins to type."""
        if not self._warmed and any(model.map.space for model in self._models):
            self._warmed = True
            for model in self._models:
                self._worker.submit(f"warm {id(model)}", model.warm, lambda _: None)

    def _refused(self, message: str) -> None:
        """Say why something could not be shown, and go back to what could."""
        if self._worker.error is not None:
            self.window.close()
            return
        asked, self._looking = self.state.mode, False
        self.state = replace(self.state, mode=self._shown_mode)
        if asked != self._shown_mode:
            self._draw()  # nothing may have been shown yet, or only in another pane
        self._show_panel()
        self._panel.say(message)
        self._redraw()

    def _paint(self) -> None:
        theme = self._controls.theme
        self._controls.paint(theme)
        for pane in self._panes:
            pane.paint_background(theme)
            pane.show_lines(theme)
        for card in (*self._names, self._facts, self._help):
            card.repaint()

    def _place(self, context: Any) -> None:
        area, em = self.window.content_rect, self.window.theme.font_size
        panel = min(round(WIDTH * em), area.width // 2)
        room = gui.Rect(area.x, area.y, area.width - panel, area.height)
        place_side_by_side(room, [pane.widget for pane in self._panes])
        for card, pane in zip(self._names, self._panes, strict=False):
            card.place(context, pane.widget.frame, 0, 0)
        self._panel.place(gui.Rect(area.x + room.width, area.y, panel, area.height), context)
        self._facts.place(context, room, 0, 1)
        self._help.place(context, room, 0.5, 0.5)

    # Time ---------------------------------------------------------------------------------------------

    def _tick(self) -> bool:
        now = time.monotonic()
        moved = self._active.tick(now)
        if moved and len(self._panes) > 1 and self._framed:
            stand = self._active.stand
            for pane in self._panes:
                if pane is not self._active:
                    pane.stand_at(stand)
                    pane.tick(now)
        if self._growth is not None and not self._worker.busy and self._growth.due():
            self._worker.submit("follow", self._growth.look, self._again)
        if moved or self._active.moving:
            self._changed_at, self._ticks_due = now, _TICKS
        if self._framed and not self._settled and now - self._changed_at > _SETTLED:
            self._settle()
        self._ticks_due -= 1
        return self._ticks_due > 0 or now - self._changed_at < _DRAWN_AGAIN

    def _again(self, changed: bool) -> None:
        if changed:
            self._draw()

    def _fly(self, stand: Stand) -> None:
        self._held = True
        self._active.fly_to(stand)
        self._redraw()

    # What the user does -------------------------------------------------------------------------------

    def ask(self, text: str) -> None:
        """Ask all maps."""
        if text.strip() and (text.strip() != self.state.text or self.state.mode != "text"):
            self._selected = None
            self.state = replace(self.state, text=text.strip(), mode="text")
            self._refresh()
            self._looking = True
            self._panel.say("looking ...")

    def avoid(self, text: str) -> None:
        """Change what a hit must not rather be."""
        if phrases(text) != self.state.negatives:
            self._selected = None
            self._change(negatives=phrases(text))

    def set_threshold(self, value: float) -> None:
        """Change from which relevancy on a cell counts."""
        if value != self.state.threshold:
            self._change(threshold=value)

    def set_mode(self, mode: Mode) -> None:
        """Change what the maps are coloured by."""
        self._change(mode=mode)

    def set_cut(self, share: float) -> None:
        """Change the height above which nothing is drawn."""
        share = float(np.clip(share, 0.02, 1.0))
        if share != self.state.cut:
            self._change(cut=share)

    def toggle_class(self, id: int) -> None:
        """Draw a class, or not."""
        self._change(hidden=self.state.hidden ^ {id})

    def show_all_classes(self, shown: bool) -> None:
        """Draw all classes, or none."""
        drawing = self._active.drawing
        hidden = () if shown or drawing is None else (entry.id for entry in drawing.legend)
        self._change(hidden=frozenset(hidden))

    def fly_to(self, hit: Hit) -> None:
        """Move the camera to a hit."""
        self._selected = hit.rank
        self._fly(toward(self._active.stand, hit.center, hit.extent, self._active.aspect))
        self._show_panel()

    def press(self, key: str) -> bool:
        """Do what a key does; False if it means nothing."""
        if key in _NUMBERS:
            self.set_mode(list(MODES)[_NUMBERS.index(key)])
            return True
        actions: dict[str, Callable[[], None]] = {
            "B": lambda: self._change(boxes=not self.state.boxes),
            "C": self._toggle_trail,
            "H": self._toggle_help,
            "L": self._toggle_theme,
            "P": self._save_picture,
            "Q": self.window.close,
            "R": self._reset_view,
            "N": self._next_hit,
            "SLASH": lambda: self._panel.focus(self.window),
            "LEFT_BRACKET": lambda: self.set_cut(self.state.cut - _CUT_STEP),
            "RIGHT_BRACKET": lambda: self.set_cut(self.state.cut + _CUT_STEP),
            "PLUS": lambda: self._scale_points(1.25),
            "EQUALS": lambda: self._scale_points(1.25),
            "MINUS": lambda: self._scale_points(0.8),
        }
        if key not in actions:
            return False
        actions[key]()
        return True

    def _change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self._refresh()

    def _toggle_trail(self) -> None:
        known = any(model.subject.trajectory is not None for model in self._models)
        self._change(trail=known and not self.state.trail)
        if not known:
            self._panel.say("the way of the camera is not known: its sequence was not found")

    def _toggle_help(self) -> None:
        if self._help.widget.visible:
            self._help.hide()
        else:
            self._facts.hide()
            self._help.show("Mouse and keys", HELP)
        self._show_panel()

    def _toggle_theme(self) -> None:
        self._controls.theme = DARK if self._controls.theme is LIGHT else LIGHT
        self._paint()
        self._show_panel()

    def _reset_view(self) -> None:
        if self._active.drawing is not None and len(self._active.drawing.cloud):
            self._fly(home(self._active.drawing.cloud, self._active.aspect))

    def _next_hit(self) -> None:
        drawing = self._active.drawing
        if drawing is not None and drawing.hits:
            self.fly_to(drawing.hits[(self._selected or 0) % len(drawing.hits)])

    def _scale_points(self, factor: float) -> None:
        for pane in self._panes:
            pane.size_factor = float(np.clip(pane.size_factor * factor, 0.2, 5))
        self._refresh()

    def _pick(self, pane: Pane, cell: int | None) -> None:
        self._touch(pane)
        if cell is None or pane.drawing is None:
            self._facts.hide()
            self._show_panel()
            return
        model, cloud = self._models[self._panes.index(pane)], pane.drawing.cloud
        row = int(cloud.rows[cell])  # of the map that was drawn; a growing one may be newer by now

        def look() -> list[tuple[str, str]]:
            try:
                classes = model.classes
            except ValueError:  # a map without words: the cell stays unnamed
                classes = None
            return facts(cloud.map, row, classes)

        self._worker.submit("facts", look, self._show_facts)

    def _show_facts(self, rows: list[tuple[str, str]]) -> None:
        self._facts.show("", rows)
        self._redraw()

    def _touch(self, pane: Pane) -> None:
        self._held = True
        if pane is not self._active:
            self._active, self._selected = pane, None
            self._show_panel()

    def _save_picture(self) -> None:
        path = Path(f"dvemap-{datetime.now():%Y%m%d-%H%M%S}.png")

        def save(pictures: list[npt.NDArray[np.uint8]]) -> None:
            work = partial(save_picture, path, np.hstack(pictures))
            self._worker.submit("picture", work, lambda _: self._panel.say(f"wrote {path}"))

        take_pictures(self._panes, save)

    def _focus_map(self) -> None:
        self.window.set_focus_widget(self._active.widget)

    def _post(self, call: Callable[[], None]) -> None:
        gui.Application.instance.post_to_main_thread(self.window, call)

    def _close(self) -> bool:
        self._worker.close()
        return True

    @property
    def error(self) -> BaseException | None:
        """What went wrong on the worker, if anything that is a bug did."""
        return self._worker.error
