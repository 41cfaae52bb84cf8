/* fuzz: what every harness has. */
#ifndef MP_FUZZ_FUZZ_H
#define MP_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((unused)) static void must(bool holds)
{
	if (!holds)
		abort();
}

/* An input as deliveries: a byte that says how, two of length (big endian), the data; until `go`,
 * if it is given, says no. */
__attribute__((unused)) static void deliveries(const uint8_t *data, size_t size, bool (*go)(void),
    void (*one)(uint8_t how, const uint8_t *data, size_t n))
{
	while (size > 3 && (go == NULL || go())) {
		size_t n = (size_t)data[1] << 8 | data[2];

		if (n > size - 3)
			n = size - 3;
		one(data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
}

#endif
