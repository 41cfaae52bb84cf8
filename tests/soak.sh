#!/bin/sh
# soak.sh: what `make soak` runs: tests/kill.t with 1,000 kills, 1,000 clients of one chat
# server, 1,000 messages through ten relays, and 10,000 introductions and 2,000 groups of the simulator.
set -eu

cd "$(dirname "$0")/.."
MP_KILLS=${MP_KILLS:-1000}
MP_CROWD=${MP_CROWD:-1000 50 100000}
MP_SIMULATE=${MP_SIMULATE:-10000 2000 $(date +%s)}
MP_MESH_MESSAGES=${MP_MESH_MESSAGES:-1000}
export MP_KILLS MP_CROWD MP_SIMULATE MP_MESH_MESSAGES
exec prove -v --exec sh tests/kill.t tests/chat-crowd.t tests/mesh-ten.t tests/simulate.t
