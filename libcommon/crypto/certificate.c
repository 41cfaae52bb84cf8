/* The TLS key and the self-signed certificate: identity_tls(), apart because OpenSSL's objects are
 * many. */
#include "crypto/identity.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "crypto/onion.h"

#define DAY (24L * 60 * 60)
#define YEARS 20

/*
 * Nobody checks the dates: the key is pinned by the address.  The day is cut to
 * midnight so that the certificate does not tell the moment it was made.
 */
static int set_dates(X509 *cert)
{
	long since = (long)(time(NULL) % DAY);

	return X509_gmtime_adj(X509_getm_notBefore(cert), -since) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), YEARS * 365 + YEARS / 4, -since, NULL) !=
	           NULL;
}

static X509 *make_cert(EVP_PKEY *key, const char *host)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	if (cert == NULL || name == NULL ||
	    X509_NAME_add_entry_by_txt(
	        name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) != 1 ||
	    X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 || !set_dates(cert) ||
	    X509_set_subject_name(cert, name) != 1 || X509_set_issuer_name(cert, name) != 1 ||
	    X509_set_pubkey(cert, key) != 1 || X509_sign(cert, key, NULL) == 0) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(name);
	return cert;
}

/* bio's memory is wiped by BIO_free(). */
static int add_bio(struct buf *out, BIO *bio)
{
	char *data = NULL;
	long n = BIO_get_mem_data(bio, &data);

	return buf_add(out, data, (size_t)n);
}

int identity_tls(const struct identity *id, struct buf *key_pem, struct buf *cert_pem)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, id->seed, 32);
	BIO *kbio = BIO_new(BIO_s_mem()), *cbio = BIO_new(BIO_s_mem());
	X509 *cert = NULL;
	char host[ONION_TEXT];
	int r = MP_ENOMEM;

	onion_encode(host, id->key);
	if (key != NULL)
		cert = make_cert(key, host);
	if (kbio == NULL || cbio == NULL || cert == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(kbio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(cbio, cert) != 1) {
		err_set(r, "cannot make the TLS certificate");
		goto out;
	}
	if ((r = add_bio(key_pem, kbio)) == MP_OK)
		r = add_bio(cert_pem, cbio);
out:
	X509_free(cert);
	BIO_free(kbio);
	BIO_free(cbio);
	EVP_PKEY_free(key);
	return r;
}
