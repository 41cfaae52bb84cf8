/*
 * relay_config: $MP_HOME/relay.conf, lines of `key = value` (mp-relay(1), SETTINGS).
 *
 * Plain values, nothing to free.
 */
#ifndef MP_NODE_RELAY_CONFIG_H
#define MP_NODE_RELAY_CONFIG_H

#include <stddef.h>
#include <stdint.h>

struct relay_config {
	int64_t packet_max;     /* packet.max: bytes of a packet's JSON */
	int64_t packet_keep;    /* packet.keep: ms */
	int64_t transit_keep;   /* transit.keep: ms that a packet waits for a peer who is away */
	int64_t again_first;    /* again.first: ms to the second flood of what nobody confirmed */
	int64_t box_quota;      /* box.quota: bytes */
	int64_t box_count;      /* box.count */
	int64_t box_devices;    /* box.devices */
	int64_t box_tokens;     /* box.tokens */
	int64_t device_silent;  /* device.silent: ms after which a device is forgotten */
	int64_t store_max;      /* store.max: bytes of relay.db */
	int64_t client_rate;    /* client.rate: packets a minute from all clients */
	int64_t peer_rate;      /* peer.rate: packets a minute from one peer */
	int64_t audit_every;    /* audit.every: ms, the mean for each peer */
	int64_t audit_patience; /* audit.patience: ms until a packet counts as lost */
	int64_t vote_window;    /* vote.window: ms; the same in a whole mesh */
	int64_t retry_min;      /* retry.min: ms after a peer could not be reached */
	int64_t retry_max;      /* retry.max: ms */
	int64_t log_keep;       /* log.keep: ms */
	int64_t connections;    /* connections: of a listener, at once */
	int64_t room_count;     /* room.count: 0: no rooms */
	int64_t room_quota;     /* room.quota: bytes of one */
	int64_t room_keep;      /* room.keep: ms that a line is kept */
	int64_t room_rate;      /* room.rate: lines a minute in one */
};

/* From bytes, for fuzzing; name stands in messages. */
int relay_config_parse(struct relay_config *c, const char *text, size_t len, const char *name);
int relay_config_load(struct relay_config *c);

#endif
