"""Looking at a map: rays of a camera through its cells, and pictures read from what they meet."""

from mapping.rendering.camera import Camera as Camera
from mapping.rendering.camera import look_at as look_at
from mapping.rendering.facing import open_side as open_side
from mapping.rendering.principal import principal_colors as principal_colors
from mapping.rendering.render import CHANNELS as CHANNELS
from mapping.rendering.render import Channel as Channel
from mapping.rendering.render import render as render
from mapping.rendering.scene import Scene as Scene
from mapping.rendering.scene import TraceOptions as TraceOptions
from mapping.rendering.traced import Traced as Traced
