/* SPDX-License-Identifier: MPL-2.0 */
/* tarwalk.h - read a tar archive that is in memory, in one of three ways that must all give
 * the same members. */
#ifndef TESTS_TARWALK_H
#define TESTS_TARWALK_H

#include "archive/tar/tar.h"
#include "base/buf.h"

enum tarwalk_how {
	TARWALK_ALL,	 /* one parser, every byte */
	TARWALK_RESUMED, /* a new parser from the saved state behind each member */
	TARWALK_HEADERS	 /* one parser, data left out */
};

struct tarwalk {
	enum tarwalk_how how;
	size_t chunk;						 /* bytes fed at a time */
	int (*line)(struct buf *out, const struct tar_entry *e); /* 0 or -errno */
	struct buf out;
	uint64_t damage;
};

static int tarwalk_member(void *arg, const struct tar_entry *e)
{
	struct tarwalk *w = arg;
	int r = w->line(&w->out, e);

	return r < 0 ? r : w->how == TARWALK_RESUMED;
}

static const struct tar_ops tarwalk_ops = { .member = tarwalk_member };

/* A new parser from the old one's state; *off is where it goes on.  The old one goes on when the
 * stream is cut off before that: only it can tell. */
static int tarwalk_resume(struct tarwalk *w, struct tar **t, const struct buf *in, uint64_t *off)
{
	AUTO(auto_free) void *state = NULL;
	size_t n;
	int r;

	if (tar_wants(*t) > in->len) {
		tar_skip(*t, in->len);
		*off = in->len;
		return 0;
	}
	r = tar_state(*t, off, &state, &n);
	if (r < 0)
		return r;
	*t = tar_free(*t);
	return tar_new(&tarwalk_ops, w, state, n, t);
}

/* Feed what is there from off on, as far as one parser goes. */
static int tarwalk_feed(struct tarwalk *w, struct tar *t, const struct buf *in, uint64_t *off)
{
	int r = 0;

	while (*off < in->len && r == 0) {
		size_t n = MIN(w->chunk, in->len - *off);

		r = tar_feed(t, in->p + *off, n);
		*off += n;
		if (r == 0 && w->how == TARWALK_HEADERS && tar_wants(t) > *off) {
			*off = MIN(tar_wants(t), in->len);
			tar_skip(t, *off);
		}
	}
	return r == 0 ? tar_end(t) : r;
}

/* What tar_feed() or tar_end() said in the end; w->out has the lines, NUL-terminated if any. */
static int tarwalk_run(struct tarwalk *w, const struct buf *in)
{
	struct tar *t = NULL;
	uint64_t off = 0;
	int r = tar_new(&tarwalk_ops, w, NULL, 0, &t);

	w->out.len = 0;
	while (r == 0) {
		r = tarwalk_feed(w, t, in, &off);
		if (r != 1)
			break;
		r = tarwalk_resume(w, &t, in, &off);
	}
	w->damage = t ? tar_damage(t) : 0;
	tar_free(t);
	return r;
}

#endif
