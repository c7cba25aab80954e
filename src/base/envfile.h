/* SPDX-License-Identifier: MPL-2.0 */
/* envfile.h - files of `NAME = value` lines: our config file and .env.
 *
 * A line is empty, a comment (#), or [export] NAME = VALUE.  VALUE is bare (up to " #" or the
 * end, blanks around it dropped), 'literal', or "with \" \\ \n \t escapes".
 * Threads: any.  Values may be secret: nothing here logs one.
 */
#ifndef BASE_ENVFILE_H
#define BASE_ENVFILE_H

#include "base/util.h"

#define ENVFILE_WHY 256

/* One setting; not 0: stop with that result, and why says what is wrong. */
struct envfile_sink {
	int (*set)(struct envfile_sink *s, const char *name, const char *value,
		   char why[static ENVFILE_WHY]);
};

/* Cut a line (changed in place) into name and value; *name = NULL: nothing there.
 * 0, or -EINVAL: not of the form above. */
int envfile_line(char *line, char **name, char **value) MUST_CHECK;
/* Read a file of at most 64 KiB.  strict: a line of another form is an error, else it is skipped
 * (a .env belongs to other programs too).  0; -ENOENT and -ENOTDIR are not logged, all else is,
 * with path and line. */
int envfile_read(const char *path, bool strict, struct envfile_sink *s) MUST_CHECK;

#endif
