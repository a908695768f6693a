#!/bin/sh
# Makes the student that comes with dvemap, from nothing: generated flats, captions, two stages of training, export.
#   sh scripts/home.sh [FOLDER]     (default build/home; 15 GB; about 2 h on 2 cores; goes on where it was stopped)
set -eu
cd "$(dirname "$0")/.."

out=${1:-build/home}
dvemap() { .venv/bin/dvemap "$@"; }
settings="--set data.0.path=$out/train --set validation.data.path=$out/val --set run.cache=$out/cache"

dvemap synth "$out/train" --scenes 500 --frames 40 --seed 1000 --vary 1
dvemap synth "$out/val" --scenes 3 --frames 40 --seed 9001
dvemap teach "$out/train" --text-encoder minilm --name-share 0.5

train() { # config, folder, further settings
  config=$1 folder=$2 resume=""
  shift 2
  [ -f "$folder/state.pt" ] && resume=--resume
  # shellcheck disable=SC2086
  dvemap train "$config" -o "$folder" $settings $resume "$@"
}
train configs/home-half.yaml "$out/half"
train configs/home.yaml "$out/full" --set "start.student=$out/half/last.safetensors"

dvemap engine onnx "$out/full/best.safetensors" -o student/shipped_students/home
dvemap engine onnx "$out/full/best.safetensors" -o student/shipped_students/home-int8 \
  --precision int8 --calibrate "$out/val/00000"
