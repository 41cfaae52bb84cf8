/*
 * audit: what becomes of an audit whose time is over (mp-mesh-protocol(7), AUDITS).
 *
 *     came  peer since it took it         the others' last audits   outcome
 *     yes   any                           any                       came
 *     no    away, and less than a day     any                       wait
 *     no    back since we last looked     any                       wait
 *     no    else                          more than half lost       void
 *     no    else                          else                      lost
 *
 * Away is who answers nothing now and has answered nothing since; so nobody gains time by being
 * away now and then.  When most peers lose theirs, the trouble is ours, or the whole mesh's.
 * Whoever runs most of our peers could hide so, but then he has the quorum, too.
 *
 * One peer has one audit at a time, so the traffic of audits is bounded whatever their interval is,
 * and one absence costs at most one of them.
 */
#ifndef MP_MESH_AUDIT_H
#define MP_MESH_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_outcome { AUDIT_CAME, AUDIT_LOST, AUDIT_VOID, AUDIT_WAIT };

struct audit_look {
	bool came;                  /* through the mesh */
	bool failing;               /* the peer could not be reached when it was last tried */
	bool waited;                /* it was away when we last looked */
	int64_t posted, seen, now;  /* ms; seen: when it last answered us */
	size_t others, others_lost; /* whose last audit is decided, and was lost */
};

/* With AUDIT_WAIT *away says whether that was for being away: it is `waited` the next time. */
enum audit_outcome audit_judge(const struct audit_look *l, bool *away);

/*
 * ms from posting an audit to looking at it: half of the patience, and more by chance, but less
 * than all of it.  patience and again (ms, both above 0) are the settings audit.patience and
 * again.first: with the peer's next attempt, what it lost in the first may come all the same.
 */
int64_t audit_wait(int64_t patience, int64_t again, uint32_t (*random)(void *ctx), void *ctx);
/* How long it waits when it waits again. */
int64_t audit_grace(int64_t patience, int64_t again);

#endif
