#!/bin/sh
# soak.sh: what `make soak` runs: tests/kill.t with 1,000 kills, 400 bad clients of mp-serve, mp-keygen and mp-take cut
# off at every point, 1,000 clients of one chat server, 400 bad clients of a relay under socat, two relays killed 25
# times each, 1,000 messages through ten relays, 10,000 introductions and 2,000 groups of the simulator, its 1,000 relays
# with 100,000 people, ten people with 75 texts in a room of a relay, and all commands' tests under the sanitizers.
set -eu

cd "$(dirname "$0")/.."
MP_KILLS=${MP_KILLS:-1000}
MP_STEP=${MP_STEP:-1}
MP_STRANGERS=${MP_STRANGERS:-200}
MP_SANITIZE=${MP_SANITIZE:-all}
MP_CROWD=${MP_CROWD:-1000 50 100000}
MP_RELAY_CROWD=${MP_RELAY_CROWD:-200 200 300}
MP_RELAY_KILLS=${MP_RELAY_KILLS:-25}
MP_MESH_MESSAGES=${MP_MESH_MESSAGES:-1000}
MP_SIMULATE=${MP_SIMULATE:-10000 2000 $(date +%s)}
MP_MESH_SIM=${MP_MESH_SIM:--r 1000 -u 100000 -m 2000 -t 10080 -s $(date +%s)}
MP_ROOM_PEOPLE=${MP_ROOM_PEOPLE:-10}
MP_ROOM_TEXTS=${MP_ROOM_TEXTS:-75}
export MP_KILLS MP_STEP MP_STRANGERS MP_SANITIZE MP_CROWD MP_RELAY_CROWD MP_MESH_MESSAGES MP_SIMULATE MP_MESH_SIM \
	MP_ROOM_PEOPLE MP_ROOM_TEXTS MP_RELAY_KILLS
exec prove -v --exec sh tests/kill.t tests/crowd.t tests/keygen-cut.t tests/fault-take.t tests/chat-crowd.t \
	tests/relay-crowd.t tests/relay-kill.t tests/mesh-ten.t tests/simulate.t tests/mesh-sim.t tests/otr-room.t tests/sanitize.t
