/*
 * forge NAME HEADER BODY [PADDING]: an envelope as a hostile contact would make it, on stdout:
 * under the key with which the home MP_HOME seals to NAME, whatever the header says.  PADDING is
 * the value of the last padding byte, 0 by default.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "store/contact.h"

static int seal(const struct contact_key *k, const uint8_t *plain, size_t n)
{
	static uint8_t out[ENVELOPE_MAX];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	randombytes_buf(out, 12);
	EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->send, out);
	EVP_EncryptUpdate(c, NULL, &len, (const uint8_t *)"mariposa/1", 10);
	EVP_EncryptUpdate(c, out + 12, &len, plain, (int)n);
	EVP_EncryptFinal_ex(c, out + 12 + n, &len);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out + 12 + n);
	EVP_CIPHER_CTX_free(c);
	return fd_write_all(STDOUT_FILENO, out, n + 28);
}

int main(int argc, char **argv)
{
	static uint8_t plain[ENVELOPE_MAX];
	struct contact_key k;
	struct contact c;
	struct store *s = NULL;
	size_t hlen, blen, n;
	int rc;

	cmd_begin("forge", "forge NAME HEADER BODY [PADDING]");
	if (argc < 4)
		return cmd_usage(0);
	hlen = strlen(argv[2]);
	blen = strlen(argv[3]);
	n = envelope_padded(40 + hlen + blen);
	if ((rc = store_open(&s)) != 0 || (rc = contact_get(s, &c, argv[1])) != 0 ||
	    (rc = key_for_sending(s, &k, c.row, KEY_PAIR)) != 0)
		return err_print(rc);
	memcpy(plain, k.cid, 32);
	put32(plain + 32, (uint32_t)hlen);
	put32(plain + 36, (uint32_t)blen);
	memcpy(plain + 40, argv[2], hlen);
	memcpy(plain + 40 + hlen, argv[3], blen);
	if (argc > 4)
		plain[n - 1] = (uint8_t)cmd_number('p', argv[4], 0, 255);
	rc = seal(&k, plain, n);
	store_close(s);
	return rc == 0 ? 0 : err_print(rc);
}
