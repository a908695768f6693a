#!/bin/sh
# Draws the pictures of README.md into docs/pictures, of the flat that `make demo` leaves behind:
#   sh scripts/pictures.sh [MAP [FLAT]]
set -eu
cd "$(dirname "$0")/.."

map=${1:-demo/flat-6.dvm}
flat=${2:-${map%.dvm}}
out=docs/pictures
[ -f "$map" ] || .venv/bin/dvemap demo demo
mkdir -p "$out"

draw() {
  name=$1 size=$2
  shift 2
  .venv/bin/dvemap render "$map" --size "$size" -o "$out/$name.png" "$@"
}
draw color 450x600 --show color
draw labels 450x600 --show labels --classes "$flat/label_names.txt"
draw heat 420x600 --text "massage chair" --boxes # its scale takes 30 pixels above
draw pca 450x600 --show pca

bytes=$(cat "$out"/*.png | wc -c)
echo "$out: $bytes bytes"
[ "$bytes" -lt 1000000 ] || { echo "pictures: they must stay below 1 MB together; lower --size" >&2; exit 1; }
