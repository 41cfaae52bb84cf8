/* fuzz/mesh_batch: a batch that a server signed, its items, and an answer. */
#include "fuzz/mesh.h"
#include "mesh/batch.h"
#include "mesh/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o, *again = NULL;
	struct identity *id;
	enum result r[3];
	struct batch b;
	struct packet p;

	if ((o = signed_of(data, size, &id, NULL)) == NULL)
		return 0;
	if (verdict(batch_read(&b, o, id->key)) == 0) {
		for (size_t i = 0; i < json_array_size(b.packets); i++) {
			const json_t *packet;
			int hops, attempt;

			if (verdict(batch_item(
			        json_array_get(b.packets, i), &packet, &hops, &attempt)) != 0)
				continue;
			must(hops >= 0 && hops < MESH_HOPS && attempt >= 0 && attempt <= ATTEMPTS);
			packet_init(&p);
			verdict(packet_read(&p, packet));
			packet_free(&p);
		}
		batch_free(&b);
	}
	if (json_read(&again, (const char *)data, size) == 0)
		verdict(batch_answer_read(r, 3, again));
	json_decref(again);
	json_decref(o);
	return 0;
}
