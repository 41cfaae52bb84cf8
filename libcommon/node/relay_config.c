#include "node/relay_config.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/setting.h"
#include "mesh/field.h"

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define NUMBER(key, type, member, value, least, most) \
	SETTING_NUMBER(relay_config, key, type, member, value, least, most)

static const struct setting keys[] = {
    NUMBER("packet.max", SIZE, packet_max, MESH_PACKET_MAX, 16 * KIB, MESH_PACKET_MAX),
    NUMBER("packet.keep", DURATION, packet_keep, 7 * MP_DAY, MP_MINUTE, 30 * MP_DAY),
    NUMBER("transit.keep", DURATION, transit_keep, MP_DAY, MP_SECOND, 7 * MP_DAY),
    NUMBER("again.first", DURATION, again_first, 10 * MP_MINUTE, MP_SECOND, MP_DAY),
    NUMBER("box.quota", SIZE, box_quota, 64 * MIB, 64 * KIB, 64 * GIB),
    NUMBER("box.count", COUNT, box_count, 100000, 1, 100000000),
    NUMBER("box.devices", COUNT, box_devices, MESH_DEVICES, 1, 64),
    NUMBER("box.tokens", COUNT, box_tokens, 8192, 0, 1000000),
    NUMBER("device.silent", DURATION, device_silent, 7 * MP_DAY, MP_MINUTE, 90 * MP_DAY),
    NUMBER("store.max", SIZE, store_max, 10 * GIB, MIB, 1024 * GIB),
    NUMBER("client.rate", COUNT, client_rate, 6000, 1, 10000000),
    NUMBER("peer.rate", COUNT, peer_rate, 60000, 1, 10000000),
    NUMBER("audit.every", DURATION, audit_every, MP_HOUR, MP_SECOND, 30 * MP_DAY),
    NUMBER("audit.patience", DURATION, audit_patience, 10 * MP_MINUTE, MP_MINUTE, MP_DAY),
    NUMBER("vote.window", DURATION, vote_window, MP_DAY, MP_SECOND, 30 * MP_DAY),
    NUMBER("retry.min", DURATION, retry_min, MP_SECOND, MP_SECOND, MP_HOUR),
    NUMBER("retry.max", DURATION, retry_max, 10 * MP_MINUTE, MP_SECOND, MP_DAY),
    NUMBER("log.keep", DURATION, log_keep, 7 * MP_DAY, MP_MINUTE, 365 * MP_DAY),
    NUMBER("connections", COUNT, connections, 512, 1, 65535),
    NUMBER("room.count", COUNT, room_count, 1000, 0, 1000000),
    NUMBER("room.quota", SIZE, room_quota, MIB, MIB, GIB),
    NUMBER("room.keep", DURATION, room_keep, MP_HOUR, MP_MINUTE, 7 * MP_DAY),
    NUMBER("room.rate", COUNT, room_rate, 6000, 1, 10000000),
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

_Static_assert(KEYS <= SETTINGS_MAX, "as many as a table takes");

static int check(const struct relay_config *c, const char *name)
{
	if (c->retry_max < c->retry_min)
		return err_set(MP_EBAD, "%s: retry.max is less than retry.min", name);
	return 0;
}

int relay_config_parse(struct relay_config *c, const char *text, size_t len, const char *name)
{
	int rc;

	settings_default(c, sizeof(*c), keys, KEYS);
	rc = settings_parse(c, keys, KEYS, text, len, name);
	return rc != 0 ? rc : check(c, name);
}

int relay_config_load(struct relay_config *c)
{
	int rc;

	settings_default(c, sizeof(*c), keys, KEYS);
	rc = settings_read(c, keys, KEYS, home_file("relay.conf"));
	return rc != 0 ? rc : check(c, "relay.conf");
}
