#!/bin/bash
# sealnote-parent beside other proxies, from TCP to a Unix socket.
#
# usage: run.sh BENCH PARENT ARGUMENT...   (those of BENCH run --help)
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
bench="$1" parent="$2"
shift 2

"$here/../need.sh" socat=socat haproxy=haproxy nginx=nginx-light
# A module, not a program: where nginx has no such file it is asked for by a name that nothing has.
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] ||
    "$here/../need.sh" the-stream-module-of-nginx=libnginx-mod-stream

# Where a user who is not root has no daemons on the path.
PATH="$PATH:/usr/sbin:/sbin" exec "$bench" run "$parent" "$@"
