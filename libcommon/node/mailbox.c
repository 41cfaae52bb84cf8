#include "node/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/kdf.h"
#include "mesh/address.h"
#include "mesh/token.h"
#include "store/meshserver.h"

#define PEM_MAX 8192
#define TOKENS_EACH 32 /* a contact and day, at most */

static void wipe(struct buf *b)
{
	secret_wipe(b->data, b->len);
	buf_free(b);
}

static int keep(struct store *s, const struct rsa_key *signing, const struct rsa_key *opening,
    const struct address *a, int64_t now, bool replace)
{
	struct buf pem[2] = {BUF_INIT(PEM_MAX), BUF_INIT(PEM_MAX)};
	struct meshself self = {.made = now};
	int rc;

	memcpy(self.address, a->key, sizeof(self.address));
	memcpy(self.encryption, a->encryption, sizeof(self.encryption));
	memcpy(self.certificate, a->certificate, sizeof(self.certificate));
	randombytes_buf(self.device, sizeof(self.device));
	if ((rc = rsa_write(signing, &pem[0])) == 0 && (rc = rsa_write(opening, &pem[1])) == 0)
		rc = replace ? meshself_replace(s, &self, &pem[0], &pem[1])
		             : meshself_make(s, &self, &pem[0], &pem[1]);
	if (rc == 0 && replace)
		rc = meshserver_reset(s);
	wipe(&pem[0]);
	wipe(&pem[1]);
	return rc;
}

static int make(struct store *s, int64_t now, bool replace)
{
	struct rsa_key *signing = NULL, *opening = NULL;
	struct address a = {.n = 0};
	int rc;

	if ((rc = rsa_new(&signing)) == 0 && (rc = rsa_new(&opening)) == 0 &&
	    (rc = address_certify(&a, signing, opening)) == 0)
		rc = keep(s, signing, opening, &a, now, replace);
	rsa_free(signing);
	rsa_free(opening);
	return rc;
}

int mailbox_make(struct store *s, int64_t now)
{
	struct meshself there;
	int rc = meshself_get(s, &there);

	if (rc == 0)
		return err_set(MP_EEXIST, "there are keys of the mesh already");
	return rc == MP_ENONE ? make(s, now, false) : rc;
}

int mailbox_renew(struct store *s, int64_t now)
{
	struct meshself there;
	int rc = meshself_get(s, &there);

	return rc != 0 ? rc : make(s, now, true);
}

int mailbox_adopt(
    struct store *s, const struct buf *signing, const struct buf *opening, int64_t told)
{
	struct rsa_key *k[2] = {NULL, NULL};
	struct meshself there;
	struct address a = {.n = 0};
	bool have;
	int rc = meshself_get(s, &there);

	if (rc != 0 && rc != MP_ENONE)
		return rc;
	have = rc == 0;
	/* A relay may have kept it until after the next one. */
	if (have && there.made >= told)
		return 0;
	if ((rc = rsa_read(&k[0], signing->data, signing->len)) == 0 &&
	    (rc = rsa_read(&k[1], opening->data, opening->len)) == 0 &&
	    (!have || memcmp(there.address, rsa_der(k[0]), RSA_DER) != 0) &&
	    (rc = address_certify(&a, k[0], k[1])) == 0)
		rc = keep(s, k[0], k[1], &a, told, have);
	rsa_free(k[0]);
	rsa_free(k[1]);
	return rc;
}

/* All of a day in one registration, and of eight days half of what a relay holds for one recipient
 * as a rule (mp-relay(1), box.tokens). */
uint32_t mailbox_tokens(int64_t contacts)
{
	int64_t each = TOKENS_MAX / (contacts + MAILBOX_OWN);

	return each < TOKENS_EACH ? (uint32_t)each : TOKENS_EACH;
}

/* Each device of ours comes to the same. */
static int derive_own(struct mailbox *m, const struct buf *signing)
{
	static const char info[] = "mp mesh/1 own tokens";

	return hkdf_sha256(m->own, sizeof(m->own), signing->data, signing->len, (const uint8_t *)"",
	    0, (const uint8_t *)info, sizeof(info) - 1);
}

int mailbox_open(struct mailbox **out, struct store *s)
{
	struct buf pem[2] = {BUF_INIT(PEM_MAX), BUF_INIT(PEM_MAX)};
	struct mailbox *m = calloc(1, sizeof(*m));
	int rc;

	*out = NULL;
	if (m == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	if ((rc = meshself_get(s, &m->self)) == 0 &&
	    (rc = meshself_keys(s, &pem[0], &pem[1])) == 0 && (rc = derive_own(m, &pem[0])) == 0 &&
	    (rc = rsa_read(&m->signing, pem[0].data, pem[0].len)) == 0)
		rc = rsa_read(&m->opening, pem[1].data, pem[1].len);
	wipe(&pem[0]);
	wipe(&pem[1]);
	if (rc != 0)
		mailbox_free(m);
	else
		*out = m;
	return rc;
}

void mailbox_free(struct mailbox *m)
{
	if (m == NULL)
		return;
	rsa_free(m->signing);
	rsa_free(m->opening);
	secret_wipe(m->own, sizeof(m->own));
	free(m);
}
