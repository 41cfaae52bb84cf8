/* fuzz/mesh_servers: a server list, its request, and a load. */
#include "fuzz/mesh.h"
#include "mesh/servers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o, *again = NULL;
	static struct servers s, back;
	int64_t load;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	if (verdict(servers_read(&s, o)) == 0) {
		must(servers_write(&again, &s) == 0 && servers_read(&back, again) == 0);
		must(back.n == s.n && memcmp(back.server, s.server, s.n * ONION_KEY) == 0);
	}
	verdict(servers_request_read(o));
	if (verdict(load_read(&load, o)) == 0)
		must(load >= 0 && load <= 100);
	json_decref(again);
	json_decref(o);
	return 0;
}
