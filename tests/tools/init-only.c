/*
 * init-only: the floor that a cold start of mp-seal is measured against: a program
 * that initialises the same libraries and does nothing.
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>

int main(void)
{
	EVP_CIPHER *gcm;
	json_t *object;

	if (sodium_init() < 0 || sqlite3_initialize() != SQLITE_OK)
		return 1;
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	object = json_object();
	if (gcm == NULL || object == NULL)
		return 1;
	json_decref(object);
	EVP_CIPHER_free(gcm);
	return 0;
}
