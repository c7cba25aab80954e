/* SPDX-License-Identifier: MPL-2.0 */
/* scheme.h - what a kind of source has to provide; only source/ includes this.
 *
 * A scheme embeds struct source as its first member `base` and finds itself again with
 * container_of().  The functions have the contracts of their namesakes in source.h.
 */
#ifndef SOURCE_SCHEME_H
#define SOURCE_SCHEME_H

#include "source/source.h"

struct source_ops {
	const char *scheme;
	/* Is this spec ours?  The first scheme of the table that says so gets it. */
	bool (*claims)(const char *spec);
	int (*open)(const struct source_env *env, const char *spec, struct source **out,
		    char why[static 512]);
	int (*check)(struct source *s, char why[static 512]); /* NULL: nobody can tell */
	int (*verify)(struct source *s, const _Atomic bool *stop); /* NULL: nothing to do */
	int (*describe)(struct source *s, char **text, char why[static 512]); /* NULL: never */
	int (*sample)(struct source *s, struct source **out, char why[static 512]); /* NULL: never */
	void (*stop)(struct source *s);  /* NULL: nothing to do */
	void (*close)(struct source *s); /* frees everything but what struct source holds, and s */
	int (*locate)(struct source *s, struct waiter *w, struct location *out);
	int (*refused)(struct source *s, uint64_t generation);
	void (*accepted)(struct source *s, uint64_t generation); /* NULL: nothing to do */
	void (*date)(struct source *s, int64_t date); /* NULL: nothing to do */
	void (*trouble)(struct source *s, char out[static 512]);
	bool (*granted)(struct source *s);    /* NULL: that is not known */
	int64_t (*expires)(struct source *s); /* NULL: never */
};

struct source {
	const struct source_ops *ops;
	struct dataset dataset;
	char *key;
	char *path; /* NULL: not local */
	bool recalled;
};

/* Free what struct source itself holds: the last thing a scheme's close() does before free(). */
void scheme_clear(struct source *s);
/* Write one line for people to why and return r. */
int scheme_fail(char why[static 512], int r, const char *fmt, ...) PRINTF(3, 4);

#endif
