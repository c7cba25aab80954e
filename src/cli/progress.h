/* SPDX-License-Identifier: MPL-2.0 */
/* progress.h - how far a long piece of work has come: a bar on a terminal, a line now and then
 * elsewhere.  Threads: one owner.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/util.h"

#define PROGRESS_LINE 512 /* bytes of a line, with its NUL */

struct progress {
	uint64_t done, total; /* bytes */
	uint64_t rate;	      /* bytes a second; 0: not known */
	uint64_t members;     /* of the archive, known so far */
};

/* "37.2 %, 1.2 GiB of 3.1 GiB, 12,345 members, 45.2 MiB/s, 4 min 12 s left" */
const char *progress_text(const struct progress *p, char out[static PROGRESS_LINE]);
/* A bar and what of that fits behind it, in at most `columns` columns (one byte each). */
const char *progress_bar(const struct progress *p, unsigned columns,
			 char out[static PROGRESS_LINE]);
/* Columns of the terminal that f is; 0: it is none. */
unsigned progress_columns(FILE *f);

/* What is shown while a command waits, on stderr. */
struct progress_view {
	int64_t shown_ms; /* clock_ms() when last; 0: never */
	bool bar;	  /* one is on the terminal now */
};
/* Draw it anew on a terminal; else a line about every ten seconds, the first after as long. */
void progress_show(struct progress_view *v, const struct progress *p);
/* Take the bar away. */
void progress_clear(struct progress_view *v);

#endif
