/*
 * servers: which servers somebody knows, and how busy one is (mp-mesh-protocol(7), SERVER LISTS):
 *
 *     {"type": "server_list_request", "requester_id": ID, "timestamp": TIME}
 *     {"type": "server_list_response", "known_servers": [SERVER, ...], "timestamp": TIME}
 *     {"type": "load", "load": 0 to 100 in tens, "timestamp": TIME}
 *
 * A server's name is its onion address, which holds the key that it must prove: a list can leave a
 * server out, but not put another in its place.
 */
#ifndef MP_MESH_SERVERS_H
#define MP_MESH_SERVERS_H

#include "mesh/report.h"

#define SERVERS_MAX 1000

struct servers {
	int64_t time;
	size_t n;
	uint8_t server[SERVERS_MAX][ONION_KEY];
};

int servers_request_read(const json_t *o);
int servers_request_write(json_t **out, const char *requester, int64_t now);
int servers_read(struct servers *s, const json_t *o);
int servers_write(json_t **out, const struct servers *s);
int load_read(int64_t *load, const json_t *o);
int load_write(json_t **out, int64_t load, int64_t now);

#endif
