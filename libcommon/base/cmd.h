/*
 * cmd: what every main() begins and ends with.
 *
 *     int main(int argc, char **argv)
 *     {
 *             int c, status = EXIT_DONE;
 *             cmd_begin("mp-mark", "mp-mark [-hv] [id ...]");
 *             while ((c = getopt(argc, argv, "hv")) != -1) ... default: return cmd_usage(c);
 *
 * The usage string is the manual's SYNOPSIS; a test compares them.
 */
#ifndef MP_BASE_CMD_H
#define MP_BASE_CMD_H

#include <stdbool.h>
#include <stdint.h>

/* Sets the name for messages, umask 077, LC_ALL C, SIGPIPE ignored, secret_init(). */
void cmd_begin(const char *name, const char *usage);

/* For getopt's result: 'h' prints the usage on stdout, 0; else on stderr, 100. */
int cmd_usage(int option);

/*
 * For commands of verbs: the verb, and *argv, *argc the operands behind it (NULL-terminated).
 * Before or behind the verb may stand -h, and -`flag`, which sets *given.  NULL: cmd_usage(*bad).
 */
const char *cmd_verb(int *argc, char ***argv, char flag, bool *given, int *bad);

/* A number or duration option; on a bad one complains and exits 100. */
int64_t cmd_number(int option, const char *arg, int64_t min, int64_t max);
int64_t cmd_duration(int option, const char *arg); /* ms */
/* The number of an open descriptor, `least` or above: likewise. */
int cmd_descriptor(int option, const char *arg, int least);

/*
 * "\rWHAT: DONE of ALL MiB" on stderr, with a line feed at the end: for long work, when a person
 * looks (cmd_watched()).  done, all: bytes.  Says nothing when no MiB was added.
 */
void cmd_progress(const char *what, int64_t done, int64_t all);
bool cmd_watched(void);

#endif
