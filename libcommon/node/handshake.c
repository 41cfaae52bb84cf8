#include "node/handshake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The list of a process's children, to be read; NULL when it is gone. */
static FILE *children(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	return fopen(path, "re");
}

/* Also when it cannot be told: only what is known to be stuck is killed. */
static int has_child(pid_t pid)
{
	FILE *f = children(pid);
	long child;
	int n = f == NULL ? 1 : fscanf(f, "%ld", &child) == 1;

	if (f != NULL)
		fclose(f);
	return n;
}

/* Since pid was started, in ms; 0 when that cannot be told. */
static int64_t age_of(pid_t pid)
{
	char path[64], line[1024], *p;
	unsigned long long ticks;
	struct timespec now;
	FILE *f;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((f = fopen(path, "re")) != NULL) {
		n = fread(line, 1, sizeof(line) - 1, f);
		fclose(f);
	}
	line[n] = '\0';
	/* The name in parentheses may hold anything; starttime is field 22, 20 behind it. */
	if ((p = strrchr(line, ')')) == NULL ||
	    sscanf(p + 1,
	        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	        &ticks) != 1 ||
	    clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	       (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

int handshake_end(pid_t socat, int64_t age)
{
	FILE *f = children(socat);
	long child;
	int killed = 0;

	if (f == NULL)
		return 0;
	while (fscanf(f, "%ld", &child) == 1)
		if (!has_child((pid_t)child) && age_of((pid_t)child) > age &&
		    kill((pid_t)child, SIGKILL) == 0)
			killed++;
	fclose(f);
	return killed;
}
