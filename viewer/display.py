"""Whether a window can be opened here; the graphics library would abort the process where it cannot."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_VK_SUCCESS: Final = 0


class DisplayError(ValueError):
    """There is no display or no graphics driver; the message names what is missing."""


def check_display() -> None:
    """Raise unless a display can be reached and a Vulkan driver draws on it.

    Raises
    ------
    DisplayError
        The message names the missing library.
    """
    if sys.platform != "linux":
        return
    _check_x11()
    _check_vulkan()


def _check_x11() -> None:
    name = os.environ.get("DISPLAY")
    if not name:
        only_wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
        missing = "an X11 display (DISPLAY is not set"
        missing += "; on Wayland start Xwayland)" if only_wayland else ")"
        raise DisplayError(_sentence(missing, "run it on a desktop, or as `xvfb-run dvemap view ...`"))
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        raise DisplayError(_sentence("the library libX11.so.6", "apt-get install libx11-6")) from None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(None)
    if not display:
        raise DisplayError(
            _sentence(f"an X11 display that answers (DISPLAY={name} does not)", "check DISPLAY and xauth")
        )
    x11.XCloseDisplay(display)


class _InstanceCreateInfo(ctypes.Structure):
    """VkInstanceCreateInfo of the Vulkan specification."""

    _fields_ = [
        ("sType", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("pApplicationInfo", ctypes.c_void_p),
        ("enabledLayerCount", ctypes.c_uint32),
        ("ppEnabledLayerNames", ctypes.c_void_p),
        ("enabledExtensionCount", ctypes.c_uint32),
        ("ppEnabledExtensionNames", ctypes.c_void_p),
    ]


def _check_vulkan() -> None:
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        raise DisplayError(
            _sentence("the library libvulkan.so.1", "apt-get install libvulkan1 mesa-vulkan-drivers")
        ) from None
    wanted, instance = _InstanceCreateInfo(sType=1), ctypes.c_void_p()
    vulkan.vkDestroyInstance.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    made = vulkan.vkCreateInstance(ctypes.byref(wanted), None, ctypes.byref(instance))
    devices = ctypes.c_uint32(0)
    if made == _VK_SUCCESS:
        vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(devices), None)
        vulkan.vkDestroyInstance(instance, None)
    if not devices.value:
        raise DisplayError(
            _sentence(
                "a Vulkan driver",
                "install that of the GPU, or the one that needs none: apt-get install mesa-vulkan-drivers",
            )
        )


def _sentence(missing: str, fix: str) -> str:
    return (
        f"no window can be opened: {missing} is missing; {fix}; "
        "or draw the map without a window: dvemap render MAP -o picture.png"
    )
