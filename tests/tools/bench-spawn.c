/*
 * bench-spawn: the median time of whole runs of two programs, in turn.
 *   bench-spawn RUNS INPUT [NAME=VALUE] PROGRAM [ARG ...] -- [NAME=VALUE] PROGRAM [ARG ...]
 * Each gets INPUT on stdin and /dev/null on stdout; prints both medians in ms.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double run(char **argv, const char *input)
{
	posix_spawn_file_actions_t fa;
	struct timespec a, b;
	pid_t pid;
	int status;

	for (; argv[0] != NULL && strchr(argv[0], '=') != NULL; argv++)
		putenv(argv[0]);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "bench-spawn: %s failed\n", argv[0]);
		exit(1);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	posix_spawn_file_actions_destroy(&fa);
	return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int runs = argc > 4 ? atoi(argv[1]) : 0, split = 3;
	double *t[2];

	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	if (runs < 1 || split + 1 >= argc)
		return 100;
	argv[split] = NULL;
	for (int i = 0; i < 2; i++)
		if ((t[i] = calloc((size_t)runs, sizeof(double))) == NULL)
			return 111;
	for (int i = 0; i < runs; i++) {
		t[0][i] = run(argv + 3, argv[2]);
		t[1][i] = run(argv + split + 1, argv[2]);
	}
	for (int i = 0; i < 2; i++) {
		qsort(t[i], (size_t)runs, sizeof(double), compare);
		printf("%.3f\n", t[i][runs / 2]);
		free(t[i]);
	}
	return 0;
}
