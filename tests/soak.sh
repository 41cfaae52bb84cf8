#!/bin/sh
# soak.sh: what `make soak` runs: tests/kill.t with 1,000 kills.
set -eu

cd "$(dirname "$0")/.."
MP_KILLS=${MP_KILLS:-1000}
export MP_KILLS
exec prove -v --exec sh tests/kill.t
