"""The window on Open3D: a thin layer over `viewer.scene`, and the only place that knows the library."""

from viewer.window.application import show as show
