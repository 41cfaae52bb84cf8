/*
 * config: $MP_HOME/config, lines of `key = value` (mp-config(5)).
 *
 * One table gives each key its type, default and bounds; an unknown key or a bad value
 * is MP_EBAD with file and line.  An absent file is all defaults.  Plain values, nothing to free.
 */
#ifndef MP_BASE_CONFIG_H
#define MP_BASE_CONFIG_H

#include <stdint.h>
#include <stddef.h>

struct config {
	char nickname[65];     /* nickname: sent with an initial-contact, "" none */
	int64_t file_accept;   /* file.accept: offers up to this size are taken unasked; 25 MiB */
	int64_t file_quota;    /* file.quota: bytes of unfinished files per contact; 4 GiB */
	int64_t inbox_quota;   /* inbox.quota: unread messages per contact; 100,000 */
	int64_t offer_expires; /* offer.expires: ms; 7 d */
	int64_t queue_expires; /* queue.expires: ms a record is tried for; 30 d */
	int64_t retry_min;     /* retry.min: ms; 30 s */
	int64_t retry_max;     /* retry.max: ms; 6 h */
	int64_t send_parallel; /* send.parallel: deliveries at once; 16 */
	int64_t send_timeout;  /* send.timeout: ms for one delivery without progress; 60 s */
	int64_t receipt_wait;  /* receipt.wait: ms that a relay keeps our mail before we send it
	                          again; 1 d */
	char route[8];         /* route: onion | mesh | both (the onion at first) */
	int64_t fetch_every;   /* fetch.every: ms between fetches of mp-serve, on average; 15 m */
	int64_t cover_post;   /* cover.post: ms between posts to the mesh, on average; 0 no cover */
	int64_t cover_fetch;  /* cover.fetch: the same for fetches */
	int64_t hook_timeout; /* hook.timeout: ms before a hook is killed; 5 m */
	char introduction_policy[256]; /* introduction.policy: ask | decline | accept NAME ... */
	char group_policy[256];        /* group.policy: the same for groups and additions */
	int64_t rekey_age;      /* rekey.age: ms after which a key is renewed, 0 never; 90 d */
	int64_t rekey_count;    /* rekey.count: envelopes, likewise; 1,000,000 */
	char tor[16];           /* tor: own | system | none */
	char tor_binary[256];   /* tor.binary: default "tor" on PATH */
	char tor_control[256];  /* tor.control: system tor's control port, unix:PATH or HOST:PORT */
	char tor_cookie[256];   /* tor.cookie: its cookie file */
	char tor_include[256];  /* tor.include: more torrc lines (bridges) */
	char serve_bind[64];    /* serve.bind: ADDR:PORT of mp-serve; 127.0.0.1:0 (any free port) */
	int64_t serve_children; /* serve.children: connections at once; 512 */
};

void config_defaults(struct config *c);
/* Defaults, then the file at path. */
int config_read(struct config *c, const char *path);
/* The same from bytes (for tests and fuzzing); name stands in messages. */
int config_parse(struct config *c, const char *text, size_t len, const char *name);
/* $MP_HOME/config. */
int config_load(struct config *c);

#endif
