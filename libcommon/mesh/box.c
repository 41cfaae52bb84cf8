#include "mesh/box.h"

enum admission box_admit(const struct box_state *b, int64_t size, bool token)
{
	if (b->used + size > b->quota)
		return BOX_FULL;
	if (!token && b->open + size > b->quota / BOX_OPEN_SHARE)
		return BOX_FULL;
	return BOX_TAKE;
}
