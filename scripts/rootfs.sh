#!/usr/bin/env bash
# Lays out the file system of an image: programs, and the shared libraries that they need.
#
#   scripts/rootfs.sh FOLDER PROGRAM...
#
# FOLDER is made anew. The libraries are those that the compiler CC (default cc) links against, so
# that a program for another architecture gets that architecture's.
set -euo pipefail

[ $# -ge 2 ] || {
    echo "usage: $0 FOLDER PROGRAM..." >&2
    exit 2
}
folder=$1 programs=("${@:2}")
compiler=${CC:-cc}

# library NAME: its path, as the compiler finds it.
library() {
    local path
    path=$("$compiler" -print-file-name="$1")
    if [ ! -e "$path" ]; then
        echo "rootfs: $compiler does not know the library $1, which is needed by ${programs[*]}" >&2
        return 1
    fi
    readlink -f -- "$path"
}

needed_by() {
    LC_ALL=C readelf --dynamic --wide "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'
}

rm -rf "$folder"
mkdir -p "$folder/lib" "$folder/etc"
for program in "${programs[@]}"; do
    install -m 755 "$program" "$folder/$(basename "$program")"
done

# The loader of one system looks in /lib, that of another in /lib64.
ln -s lib "$folder/lib64"

loader=$(LC_ALL=C readelf --program-headers --wide "${programs[0]}" |
    sed -n 's/.*program interpreter: \(.*\)\]$/\1/p')
if [ -n "$loader" ]; then
    install -m 755 "$(library "$(basename "$loader")")" "$folder/lib/$(basename "$loader")"
fi

queue=("${programs[@]}")
while [ ${#queue[@]} -gt 0 ]; do
    current=${queue[0]} queue=("${queue[@]:1}")
    while IFS= read -r name; do
        if [ -e "$folder/lib/$name" ]; then continue; fi
        path=$(library "$name")
        install -m 755 "$path" "$folder/lib/$name"
        queue+=("$path")
    done < <(needed_by "$current")
done

# Names are looked up in /etc/hosts, which the kubelet writes, and by DNS.
echo 'hosts: files dns' >"$folder/etc/nsswitch.conf"
