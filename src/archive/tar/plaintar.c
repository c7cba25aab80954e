/* SPDX-License-Identifier: MPL-2.0 */
/* plaintar.c - a tar that is not compressed: its members are extents of the object itself. */
#include <errno.h>
#include <string.h>

#include "archive/format.h"
#include "archive/tar/tarpass.h"
#include "base/log.h"

#define STEP (64u << 10)  /* bytes read at once */
#define SKIP (512u << 10) /* shorter data is read through: a request of its own costs more */

static bool named_tar(const char *filename)
{
	size_t n = strlen(filename);

	return n > 4 && strcasecmp(filename + n - 4, ".tar") == 0;
}

static bool tar_match(const unsigned char *head, size_t n, const char *filename)
{
	return tarpass_is_header(head, n) || (named_tar(filename) && tarpass_is_end(head, n));
}

static int read_some(struct tarpass *t, unsigned char *buf, uint64_t *off)
{
	struct archive *a = t->p->a;
	uint64_t wants = tar_wants(t->tar);
	int64_t n;
	int r;

	if (wants >= *off + SKIP) {
		tar_skip(t->tar, wants);
		*off = wants;
	}
	n = reader_pread_wait(a->c.raw, buf, STEP, *off, &a->stop);
	if (n <= 0)
		return (int)n;
	r = tar_feed(t->tar, buf, (size_t)n);
	if (r < 0)
		return r;
	*off += (uint64_t)n;
	pass_progress(t->p, *off);
	r = pass_checkpoint(t->p);
	return r < 0 ? r : 1;
}

static void tarpass_free(void *arg)
{
	if (arg)
		tarpass_end(arg);
	free(arg);
}

static int tar_pass(struct pass *p)
{
	AUTO(auto_free) unsigned char *buf = malloc(STEP);
	struct tarpass *t = calloc(1, sizeof(*t));
	uint64_t off;
	int r;

	p->arg = t;
	p->done = tarpass_free;
	r = t && buf ? tarpass_begin(t, p, LAYER_RAW) : -ENOMEM;
	if (r < 0)
		return r;
	off = t->from;
	do
		r = read_some(t, buf, &off);
	while (r == 1);
	if (r == -EBADMSG)
		pass_trouble(p, "is no tar archive");
	return r == 0 ? tarpass_finish(t) : r;
}

const struct format format_tar = { .name = "tar", .match = tar_match, .pass = tar_pass };
