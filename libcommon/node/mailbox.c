#include "node/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "mesh/address.h"

#define PEM_MAX 8192

static void wipe(struct buf *b)
{
	secret_wipe(b->data, b->len);
	buf_free(b);
}

static int keep(struct store *s, const struct rsa_key *signing, const struct rsa_key *opening,
    const struct address *a, int64_t now)
{
	struct buf pem[2] = {BUF_INIT(PEM_MAX), BUF_INIT(PEM_MAX)};
	struct meshself self = {.made = now};
	int rc;

	memcpy(self.address, a->key, sizeof(self.address));
	memcpy(self.encryption, a->encryption, sizeof(self.encryption));
	memcpy(self.certificate, a->certificate, sizeof(self.certificate));
	randombytes_buf(self.device, sizeof(self.device));
	if ((rc = rsa_write(signing, &pem[0])) == 0 && (rc = rsa_write(opening, &pem[1])) == 0)
		rc = meshself_make(s, &self, &pem[0], &pem[1]);
	wipe(&pem[0]);
	wipe(&pem[1]);
	return rc;
}

int mailbox_make(struct store *s, int64_t now)
{
	struct rsa_key *signing = NULL, *opening = NULL;
	struct meshself there;
	struct address a = {.n = 0};
	int rc = meshself_get(s, &there);

	if (rc == 0)
		return err_set(MP_EEXIST, "there are keys of the mesh already");
	if (rc != MP_ENONE)
		return rc;
	if ((rc = rsa_new(&signing)) == 0 && (rc = rsa_new(&opening)) == 0 &&
	    (rc = address_certify(&a, signing, opening)) == 0)
		rc = keep(s, signing, opening, &a, now);
	rsa_free(signing);
	rsa_free(opening);
	return rc;
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
	    (rc = meshself_keys(s, &pem[0], &pem[1])) == 0 &&
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
	free(m);
}
