#!/bin/sh
# Trains a run on a machine that has a GPU, a pack and a built fovea-train, and
# nothing else; leaves a bundle, and what is to be carried home in small parts.
#
#   plan.sh [--program FILE] [--config FILE] [--pack FOLDER] [--minutes N]
#           [--ship STAGE] [--teachers] [--part-mib N] [--results FOLDER]
#
# --program   fovea-train; target/release/fovea-train unless said otherwise. Where
#             the system's Python has torch, its libtorch (2.11.0) is used.
# --config    the run file (trainer/configs/student-384.toml); its results must go
#             to runs/. Where its `weights`, ImageNet's (data/weights), hold a folder
#             NAME.safetensors.parts made by parts.sh, it is joined first
# --pack      what `fovea-train pack` wrote (data/pack)
# --minutes   for everything (10): seven eighths of them train
# --ship      the stage that the run ships (student)
# --teachers  carry the other stages' networks home too
# --part-mib  largest part (15)
# --results   a new folder for the parts (results); parts.sh joins them
#
# A plan that was stopped goes on where it was when it is called again.
set -eu

program=target/release/fovea-train config=trainer/configs/student-384.toml
pack=data/pack results=results
minutes=10 ship=student part=15 teachers=

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case "$1" in
    --teachers)
        teachers=yes
        shift
        continue
        ;;
    --program | --config | --pack | --minutes | --ship | --part-mib | --results) ;;
    *) usage ;;
    esac
    [ $# -gt 1 ] || usage
    case "$1" in
    --program) program=$2 ;;
    --config) config=$2 ;;
    --pack) pack=$2 ;;
    --minutes) minutes=$2 ;;
    --ship) ship=$2 ;;
    --part-mib) part=$2 ;;
    --results) results=${2%/} ;;
    esac
    shift 2
done
here=$(dirname "$0")
setting() { # the first of that key, which is a text
    sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$config" | head -n 1
}
name=$(setting name) bundle=$(setting bundle) calibration=$(setting calibration)
weights=$(setting weights)
began=$(date +%s)
left() { # a share of the minutes, less what has passed
    awk -v m="$minutes" -v s="$1" -v t="$(($(date +%s) - began))" 'BEGIN { print m * s - t / 60 }'
}
[ ! -e "$results" ] || {
    echo "plan.sh: $results is there already; delete it, or name another folder" >&2
    exit 1
}

if torch=$(python3 -c 'import torch; print(torch.__path__[0])' 2> /dev/null); then
    LD_LIBRARY_PATH="$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export LD_LIBRARY_PATH
fi
for parts in "${weights:-data/weights}"/*.safetensors.parts; do
    [ ! -d "$parts" ] || [ -f "${parts%.parts}" ] || "$here/parts.sh" join "$parts" "${parts%.parts}"
done

"$program" train "$config" --packed "$pack" --minutes "$(left 0.875)"
"$program" calibrate "$config" --packed "$pack"
"$program" export "$config" --packed "$pack"

# The checkpoints hold what only training on needs.
set -- --exclude='epoch-*.safetensors'
if [ -z "$teachers" ]; then
    for stage in "runs/$name"/*/final.safetensors; do
        [ "$stage" = "runs/$name/$ship/final.safetensors" ] || set -- "$@" --exclude="$stage"
    done
fi
set -- "$@" "runs/$name"
for made in "${bundle:-models/student}" "${calibration:-calibration}"; do
    case $made in
    "runs/$name"/*) ;; # is in it
    *) set -- "$@" "$made" ;;
    esac
done
tar -c -f "runs/$name.tar" "$@"
"$here/parts.sh" split "runs/$name.tar" "$results" "$part"
echo "the results are in $results; elsewhere: parts.sh join $results run.tar && tar -xf run.tar"
