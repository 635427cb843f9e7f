#!/bin/bash
# Makes sure that programs are there, installing them if that can be done without asking.
#
# usage: need.sh PROGRAM=DEBIAN_PACKAGE...
set -euo pipefail

missing=()
for pair in "$@"; do
    # Tools for the administrator are not on everybody's path.
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing; on Debian, as root: $install" >&2
    exit 1
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A fresh machine has no package lists, an old one has stale ones.
if ! $install >/dev/null 2>&1; then
    apt-get update -qq >/dev/null
    $install >/dev/null
fi
