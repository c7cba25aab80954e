/* SPDX-License-Identifier: MPL-2.0 */
/* command.h - the commands, one table: name, help, function.
 *
 * A command gets argv[0] = "mdcfs NAME" (so that getopt's messages say so) and returns 0,
 * COMMAND_USAGE when it was called wrongly, COMMAND_INTERRUPTED, or -errno for what was logged already.
 * Only main() turns that into an exit status.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <getopt.h>
#include <signal.h>

#include "base/util.h"

struct env;

#define COMMAND_USAGE 2 /* a result and the exit status of wrong usage */
#define COMMAND_INTERRUPTED 130 /* the same, of a command that was ended by Ctrl-C (128 + SIGINT) */

int command_cache(int argc, char **argv) MUST_CHECK;
int command_list(int argc, char **argv) MUST_CHECK;
int command_doctor(int argc, char **argv) MUST_CHECK;
int command_login(int argc, char **argv) MUST_CHECK;
int command_mount(int argc, char **argv) MUST_CHECK;
int command_umount(int argc, char **argv) MUST_CHECK;
int command_index(int argc, char **argv) MUST_CHECK;
int command_info(int argc, char **argv) MUST_CHECK;
int command_status(int argc, char **argv) MUST_CHECK;
int command_warm(int argc, char **argv) MUST_CHECK;
int command_verify(int argc, char **argv) MUST_CHECK;
int command_version(int argc, char **argv) MUST_CHECK;

/* Everything behind main(): dispatch, --help, --version, the mount(8) helper.  As a command's
 * result.  argv is main()'s. */
int command_run(int argc, char **argv) MUST_CHECK;

/* The options that commands share: -h and --help; -j and --json; -o. */
struct command_common {
	const char *help; /* what --help prints */
	bool *json;	  /* set by --json; NULL: there is none */
	struct env *env;  /* takes what -o gives (cli/env.h); NULL: there is none */
	int result;	  /* out, see below */
};
/* The next option of a command's own, as getopt_long(3) gives it; shorts and longs (ended by a zeroed
 * one) may be NULL.  -1: all have been read.  0: the command is over, and c->result is what it
 * returns.  optarg and optind as with getopt_long(). */
int command_option(int argc, char **argv, struct command_common *c, const char *shorts,
		   const struct option *longs) MUST_CHECK;

/* The signals that end a command, but for those that whoever started it wants ignored (nohup, &). */
void command_ending(sigset_t *set);

/* For commands: "Try '... --help'" on stderr; returns COMMAND_USAGE.  With a text, that first. */
int command_misused(const char *argv0, const char *fmt, ...) PRINTF(2, 3);

#endif
