#!/bin/sh
# Sets dvemap up in .venv: the Python packages pinned in constraints.txt and the system libraries that
# Open3D needs. Safe to run again; does only what is missing.
set -eu
cd "$(dirname "$0")/.."

# Open3D loads these; the Vulkan ones let it draw on machines without a GPU. The last three are for the tests of
# the window.
LIBRARIES="libgl1 libegl1 libgomp1 libusb-1.0-0 libx11-6 libvulkan1 mesa-vulkan-drivers xvfb xdotool imagemagick"

missing=""
if command -v dpkg-query >/dev/null 2>&1; then
  for name in $LIBRARIES; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing="$missing $name"
  done
fi
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root="none"; fi
  if [ "$as_root" = none ]; then
    echo "setup: system libraries are missing and this user may not install them. Please run:" >&2
    echo "  sudo apt-get install$missing" >&2
  else
    echo "setup: installing system libraries:$missing"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
  fi
fi

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3; do
  [ -n "$candidate" ] || continue
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
    python="$candidate"
    break
  fi
done
if [ -z "$python" ]; then
  echo "setup: Python 3.11 or 3.12 is needed and was not found; install it, or name it: make setup PYTHON=/path/to/python3.11" >&2
  exit 1
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
if command -v uv >/dev/null 2>&1; then
  uv=uv
else
  uv=.venv/bin/uv
  [ -x "$uv" ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
fi
echo "setup: installing the pinned Python packages into .venv"
"$uv" pip install --quiet --python .venv/bin/python --constraints constraints.txt -e '.[all]' --group dev
touch .venv/.ready
