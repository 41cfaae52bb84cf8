/*
 * fill: a store with many contacts and groups in it, for benchmarks; in $MP_HOME.
 *   fill CONTACTS GROUPS        contacts whom nobody is, and groups of 32 of them
 *   fill -g NAME ADDRESS ...    one group of ourselves and these, the same in whosever home it is
 * made
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "crypto/onion.h"
#include "node/keeper.h"
#include "store/keyring.h"
#include "store/sql.h"
#include "wire/chain.h"

static int add_contacts(struct store *s, int n)
{
	int rc = sql_exec(s,
	    "INSERT INTO contact (name, state, onion, isolation, created)"
	    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
	    " SELECT 'n' || i, 2, randomblob(32), randomblob(16), 1 FROM n",
	    "d", n);

	if (rc == 0)
		rc = sql_exec(s,
		    "INSERT INTO key (contact, epoch, role, cid, secret, send, recv)"
		    " SELECT id, 0, 1, randomblob(32), randomblob(32), randomblob(32),"
		    " randomblob(32) FROM contact WHERE name GLOB 'n[0-9]*'",
		    "");
	return rc == 0 ? keyring_rebuild(s) : rc;
}

static int save(struct keeper *k, struct flow *f, const char *name)
{
	f->u.chat.created = f->u.chat.touched = k->p.now;
	snprintf(f->name, sizeof(f->name), "%s", name);
	flow_set(f, FLOW_CHAT, 0);
	return k->p.save(k, f);
}

static int add_groups(struct keeper *k, int contacts, int n)
{
	struct person who;
	struct contact c;
	struct flow f;
	char name[33];
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		memset(&f, 0, sizeof(f));
		randombytes_buf(f.u.chat.id, GROUP_ID);
		for (int j = 0; rc == 0 && j < PEOPLE_MAX - 1; j++) {
			snprintf(
			    name, sizeof(name), "n%d", 1 + (i * (PEOPLE_MAX - 1) + j) % contacts);
			if ((rc = contact_get(k->s, &c, name)) != 0)
				break;
			person_set(&who, c.onion, name);
			chat_join(&f.u.chat, &who, true);
		}
		snprintf(name, sizeof(name), "g%d", i);
		if (rc == 0)
			rc = save(k, &f, name);
	}
	return rc;
}

static int add_group(struct keeper *k, const char *name, char **address, int n)
{
	uint8_t all[PEOPLE_MAX][32], none[GROUP_ID] = {0};
	struct person who;
	struct flow f;
	int rc;

	if (n >= PEOPLE_MAX)
		return err_set(MP_EUSAGE, "a group has at most %d members", PEOPLE_MAX);
	memset(&f, 0, sizeof(f));
	memcpy(all[n], k->self, 32);
	for (int i = 0; i < n; i++) {
		if ((rc = onion_decode(all[i], address[i])) != 0)
			return rc;
		person_set(&who, all[i], NULL);
		chat_join(&f.u.chat, &who, true);
	}
	chain_members(f.u.chat.id, none, (const uint8_t(*)[32])all, (size_t)n + 1);
	return save(k, &f, name);
}

int main(int argc, char **argv)
{
	bool one = argc > 3 && strcmp(argv[1], "-g") == 0;
	struct store *s = NULL;
	struct config cfg;
	struct keeper k;
	int r;

	cmd_begin("fill", "fill contacts groups | fill -g name address ...");
	if (!one && argc != 3)
		return cmd_usage(0);
	config_defaults(&cfg);
	if ((r = store_open(&s)) != MP_OK || (r = store_begin(s)) != MP_OK ||
	    (r = keeper_open(&k, s, &cfg, clock_now())) != MP_OK)
		return err_print(r);
	if (one)
		r = add_group(&k, argv[2], argv + 3, argc - 3);
	else if ((r = add_contacts(s, atoi(argv[1]))) == MP_OK)
		r = add_groups(&k, atoi(argv[1]), atoi(argv[2]));
	if (r == MP_OK)
		r = store_commit(s);
	if (r != MP_OK)
		err_print(r);
	store_close(s);
	return err_status(r);
}
