#!/bin/sh
# soak.sh: what `make soak` runs: tests/kill.t with 1,000 kills, and 1,000 clients of one chat server.
set -eu

cd "$(dirname "$0")/.."
MP_KILLS=${MP_KILLS:-1000}
MP_CROWD=${MP_CROWD:-1000 50 100000}
export MP_KILLS MP_CROWD
exec prove -v --exec sh tests/kill.t tests/chat-crowd.t
