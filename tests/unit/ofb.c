/* AES-128-OFB by SP 800-38A, F.4.1 and F.4.2. */
#include "base/err.h"
#include "base/text.h"
#include "crypto/ofb.h"
#include "tap.h"

int main(void)
{
	static const char plain[] =
	    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
	static const char want[] =
	    "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"
	    "9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e";
	uint8_t key[16], iv[16], in[64], out[64], back[64];
	char text[129];

	if (hex_decode(key, 16, "2b7e151628aed2a6abf7158809cf4f3c") != 0 ||
	    hex_decode(iv, 16, "000102030405060708090a0b0c0d0e0f") != 0 ||
	    hex_decode(in, 64, plain) != 0)
		abort();
	is_int(ofb_crypt(out, in, 64, key, iv), 0, "encrypts");
	hex_encode(text, out, 64);
	is_str(text, want, "F.4.1");
	is_int(ofb_crypt(back, out, 64, key, iv), 0, "decrypts");
	ok(memcmp(back, in, 64) == 0, "F.4.2");
	is_int(ofb_crypt(in, in, 33, key, iv), 0, "in place, no whole block");
	ok(memcmp(in, out, 33) == 0, "is the same");
	is_int(ofb_crypt(out, in, 0, key, iv), 0, "nothing is nothing");
	return done();
}
