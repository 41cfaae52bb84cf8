/*
 * field: members of the mesh's packets, read strictly and written (mp-mesh-protocol(7), PACKETS).
 *
 * base64 is canonical, a server is its onion address in lower case with ".onion", a time is ISO
 * 8601 (RFC 3339).  Each reader is 0 or MP_EBAD with "bad 'KEY'", for an absent member, too; a
 * member of another name is not looked at.  Writers are 0 or MP_ENOMEM.  json_t is the caller's.
 */
#ifndef MP_MESH_FIELD_H
#define MP_MESH_FIELD_H

#include "base/json.h"
#include "crypto/onion.h"
#include "crypto/rsa.h"

#define MESH_BODY_MAX (1u << 20)     /* bytes of a request or answer, at most */
#define MESH_PACKET_MAX (512u << 10) /* of one client packet as JSON */
#define MESH_HOPS 8
#define MESH_DEVICE 8 /* bytes of a device's name */
#define MESH_DEVICES 8
#define PACKET_ID 32

/* The member "type" is that. */
int field_type(const json_t *o, const char *type);
/* base64 of exactly n bytes; of min to out->max bytes, appended. */
int field_bytes(const json_t *o, const char *key, uint8_t *out, size_t n);
int field_buf(const json_t *o, const char *key, struct buf *out, size_t min);
/* An RSA key of the one form, in base64. */
int field_key(const json_t *o, const char *key, uint8_t der[static RSA_DER]);
int field_server(const json_t *o, const char *key, uint8_t server[static ONION_KEY]);
/* A list of at most `max` servers; *n of them. */
int field_servers(
    const json_t *o, const char *key, uint8_t (*server)[ONION_KEY], size_t max, size_t *n);
int field_time(const json_t *o, const char *key, int64_t *ms);

int field_set_bytes(json_t *o, const char *key, const void *data, size_t n);
int field_set_server(json_t *o, const char *key, const uint8_t server[static ONION_KEY]);
int field_set_servers(json_t *o, const char *key, const uint8_t (*server)[ONION_KEY], size_t n);
int field_set_time(json_t *o, const char *key, int64_t ms);
int field_set_text(json_t *o, const char *key, const char *text);
int field_set_int(json_t *o, const char *key, int64_t v);
/* Takes v, which may be NULL (MP_ENOMEM). */
int field_set(json_t *o, const char *key, json_t *v);

/* The text of a server's name, or MP_EBAD unless it is the one form. */
int server_name_read(uint8_t server[static ONION_KEY], const char *text);

#endif
