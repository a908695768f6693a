"""What is hidden from a network does not reach it."""

from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from dvemap.config import EncoderConfig
from dvemap.encoders import Network, encoder


def seen(hide: Literal["color", "depth"] | None) -> tuple[Any, Any]:
    """Return the colour and depth that a network gets of a frame of random pixels, and its identity."""
    inputs: list[Any] = []
    space = SimpleNamespace(name="toy")
    network: Any = SimpleNamespace(space=space, fingerprint="1", encode=lambda *images: inputs.extend(images))
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (4, 6, 3), np.uint8)
    frame: Any = SimpleNamespace(depth=rng.random((4, 6), np.float32) + 1)
    made = Network(network, hide=hide)
    made.encode_frame(frame, rgb)
    assert (made.identity == Network(network).identity) == (hide is None)
    assert frame.depth.min() >= 1  # the frame itself is left alone
    return np.array_equal(inputs[0], rgb), np.array_equal(inputs[1], frame.depth)


@pytest.mark.parametrize(
    ("hide", "expected"), [(None, (True, True)), ("color", (False, True)), ("depth", (True, False))]
)
def test_one_of_two_is_hidden(hide: Literal["color", "depth"] | None, expected: tuple[bool, bool]) -> None:
    assert seen(hide) == expected


@pytest.mark.parametrize("name", ["none", "labels"])
def test_what_sees_no_images_has_nothing_to_hide(name: str) -> None:
    nothing: Any = None
    with pytest.raises(ValueError, match="sees no images that could be hidden"):
        encoder(EncoderConfig(name=name, hide="depth"), nothing)
