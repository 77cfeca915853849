#!/bin/sh
# Large files through small doors: a file becomes a folder of parts with their
# sums, and a folder of parts the file again.
#
#   parts.sh split FILE FOLDER MIB   FOLDER is new; each part has at most MIB MiB
#   parts.sh join FOLDER FILE        refuses parts that are missing or altered
set -eu

fail() {
    echo "parts.sh: $*" >&2
    exit 1
}

case "${1-} $#" in
'split 4')
    set -- "$1" "$2" "${3%/}" "$4"
    [ -f "$2" ] || fail "there is no file $2"
    [ ! -e "$3" ] || fail "$3 is there already; delete it, or name another folder"
    rm -rf "$3.new"
    mkdir -p "$3.new"
    split -b "$4m" -d -a 3 "$2" "$3.new/part-"
    sha256sum < "$2" | cut -d ' ' -f 1 > "$3.new/WHOLE"
    (cd "$3.new" && sha256sum part-* WHOLE > SHA256SUMS)
    mv "$3.new" "$3"
    ;;
'join 3')
    [ -f "$2/SHA256SUMS" ] || fail "$2 holds no SHA256SUMS; give a folder that \`parts.sh split\` made"
    (cd "$2" && sha256sum --quiet -c SHA256SUMS >&2) || fail "copy what is named above to $2 again"
    (cd "$2" && sed 's/^[0-9a-f]*  //' SHA256SUMS | grep '^part-' | sort | xargs cat) > "$3.new"
    [ "$(sha256sum < "$3.new" | cut -d ' ' -f 1)" = "$(cat "$2/WHOLE")" ] ||
        fail "$3.new is not the file that was split; split it again"
    mv "$3.new" "$3"
    ;;
*)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
