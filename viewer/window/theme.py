"""Dark and light: the colours of everything but the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Rgb = tuple[float, float, float]


def _hex(code: str) -> Rgb:
    r, g, b = bytes.fromhex(code)
    return r / 255, g / 255, b / 255


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours in [0, 1].

    Attributes
    ----------
    name : str
    scene : Rgb
        Behind the map.
    panel, card : Rgb
        Behind the controls, and behind what lies over the map.
    ink, faint : Rgb
        Text, and text that matters less.
    button, active : Rgb
        Buttons, and the one that is on; the library writes on them in white.
    warning : Rgb
        Text that must not be missed.
    best, box, trail : Rgb
        Lines: around the best hit, around the others, and along the way of the camera.
    """

    name: str
    scene: Rgb
    panel: Rgb
    card: Rgb
    ink: Rgb
    faint: Rgb
    button: Rgb
    active: Rgb
    warning: Rgb
    best: Rgb
    box: Rgb
    trail: Rgb


DARK: Final = Theme(
    name="dark",
    scene=_hex("17191d"),
    panel=_hex("22252b"),
    card=_hex("2a2e35"),
    ink=_hex("eceef1"),
    faint=_hex("9aa2ad"),
    button=_hex("3a404a"),
    active=_hex("2f6fb5"),
    warning=_hex("f2b25c"),
    best=_hex("5ce1e6"),
    box=_hex("c9d1da"),
    trail=_hex("58b3a5"),
)

LIGHT: Final = Theme(
    name="light",
    scene=_hex("eef0f3"),
    panel=_hex("fafbfc"),
    card=_hex("ffffff"),
    ink=_hex("1d2126"),
    faint=_hex("69717c"),
    button=_hex("5c6674"),
    active=_hex("1f63ad"),
    warning=_hex("a85a00"),
    best=_hex("0077a3"),
    box=_hex("3d4650"),
    trail=_hex("1f7a6d"),
)
