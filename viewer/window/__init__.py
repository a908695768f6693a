"""The window on Open3D: a thin layer over `viewer.scene`, and the only place that knows the library."""

import sys
from types import ModuleType

_NOTEBOOKS = "open3d.visualization.draw_plotly"
if "open3d" not in sys.modules:  # its pictures in notebooks load dash, which takes as long as all the rest
    stub = ModuleType(_NOTEBOOKS)
    stub.__dict__.update(dict.fromkeys(("get_plotly_fig", "draw_plotly", "draw_plotly_server")))
    sys.modules[_NOTEBOOKS] = stub

from viewer.window.application import show as show  # noqa: E402
