/* fuzz/mesh_packet: a client packet; what is taken comes back the same. */
#include "fuzz/mesh.h"
#include "mesh/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o, *again = NULL;
	struct packet p, q;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	packet_init(&p);
	packet_init(&q);
	if (verdict(packet_read(&p, o)) == 0) {
		must(packet_write(&again, &p) == 0 && packet_read(&q, again) == 0);
		must(memcmp(p.id, q.id, PACKET_ID) == 0 && p.has_token == q.has_token);
	}
	packet_free(&p);
	packet_free(&q);
	json_decref(again);
	json_decref(o);
	return 0;
}
