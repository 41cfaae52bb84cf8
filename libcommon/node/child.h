/*
 * child: a process that is kept running, and the family that all of them belong to.
 *
 * A family lives in one process group of its own.  Its first member, the keeper, does nothing but
 * wait for us to go: however that happens, kill -9 included, it then kills the group, itself last.
 * So connections that socat had accepted go too, which no death signal reaches. Every other child
 * also gets a death signal, for the case that the keeper was killed first.
 *
 * A child that ends is due again after 1 s, doubling to 60 s, and after 1 s again once it stayed up
 * for 60 s. Single-threaded: fork from a process without other threads.  Times are
 * clock_monotonic().
 */
#ifndef MP_NODE_CHILD_H
#define MP_NODE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_DELAY_MIN 1000
#define CHILD_DELAY_MAX 60000

struct family {
	pid_t group;            /* 0 before the first child */
	pid_t keeper;           /* 0 when it does not run */
	int keeper_fd;          /* its end is the end of the family */
	const int *private_fds; /* descriptors that no child may hold open */
	size_t n_private_fds;
};

struct child {
	const char *name; /* for messages */
	/* In the child: execs, or returns an exit status. */
	int (*run)(void *ctx);
	void *ctx;
	pid_t pid; /* 0: does not run */
	int64_t started;
	int64_t due;   /* when to start it; INT64_MAX never */
	int64_t delay; /* the last wait, 0 none yet */
};

/* Starts the keeper.  private_fds stays the caller's; -1 among them is passed over. */
int family_begin(struct family *f, const int *private_fds, size_t n);
/* Kills all that is left and waits for the keeper. */
void family_end(struct family *f);
/* The keeper ended (somebody killed it): another one. */
int family_keeper_again(struct family *f);

/* Forks.  In the child: stdin and stdout /dev/null, default signals, the family's group, a death
 * signal. */
int child_start(struct child *c, struct family *f, int64_t now);
/* After waitpid(): sets pid 0 and when it is due again.  Returns the wait in ms. */
int64_t child_ended(struct child *c, int64_t now);
/* "exit status 1" or "signal 9", for a message. */
void child_verdict(char *out, size_t size, int wait_status);

#endif
