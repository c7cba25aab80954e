/* SPDX-License-Identifier: MPL-2.0 */
/* tarpass.c - see tarpass.h. */
#include "archive/tar/tarpass.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"

#define EXAMPLES 5u /* of so many damaged places the log says where, then their number is known */

#define MAGIC_OFFSET 257u /* "ustar" */
#define CHECKSUM_OFFSET 148u

static int to_extents(const struct tar_entry *e, struct member *m)
{
	if (!e->extents)
		return 0;
	m->extents = calloc(MAX(e->n_extents, 1), sizeof(*m->extents));
	if (!m->extents)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_extents; i++)
		m->extents[i] = (struct member_extent){ e->extents[i].off, e->extents[i].len };
	m->n_extents = (uint32_t)e->n_extents;
	m->sparse = true;
	return 0;
}

static int on_member(void *arg, const struct tar_entry *e)
{
	struct tarpass *t = arg;
	struct member m = {
		.mode = e->mode,
		.nlink = 1,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = e->mtime,
		.mtime_ns = e->mtime_ns,
		.dev_major = e->dev_major,
		.dev_minor = e->dev_minor,
		.size = e->size,
		.layer = t->layer,
		.off = e->data,
		.stored = e->stored,
		.link = (char *)(uintptr_t)e->link, /* lent for the call */
		.xattrs = e->xattrs,
	};
	int r;

	if (e->hard_link)
		return pass_hard_link(t->p, e->path, e->link);
	r = to_extents(e, &m);
	if (r == 0)
		r = pass_member(t->p, e->path, &m);
	free(m.extents);
	return r;
}

static void on_damage(void *arg, uint64_t off)
{
	struct tarpass *t = arg;

	if (tar_damage(t->tar) <= EXAMPLES)
		(void)log_warn(0, "%s: damaged at byte %" PRIu64 " of the tar archive, skipped",
			       t->p->a->filename, off);
}

static int save(struct pass *p, void *arg)
{
	struct tarpass *t = arg;
	AUTO(auto_free) void *state = NULL;
	uint64_t off;
	size_t n;
	int r = tar_state(t->tar, &off, &state, &n);

	if (r == 0)
		r = index_set_number(p->a->index, "tar_offset", off);
	if (r == 0)
		r = index_set_value(p->a->index, "tar_state", state ? state : "", n);
	return r;
}

int tarpass_begin(struct tarpass *t, struct pass *p, enum member_layer layer)
{
	static const struct tar_ops ops = { .member = on_member, .damage = on_damage };
	AUTO(auto_free) void *state = NULL;
	size_t n = 0;
	int r = index_value(p->a->index, "tar_state", &state, &n);

	if (r < 0 && r != -ENOENT)
		return r;
	*t = (struct tarpass){ .p = p, .layer = layer };
	t->from = index_number(p->a->index, "tar_offset", 0);
	r = tar_new(&ops, t, n > 0 ? state : NULL, n, &t->tar);
	if (r < 0)
		return r;
	p->save = save;
	return 0;
}

void tarpass_end(struct tarpass *t)
{
	t->tar = tar_free(t->tar);
}

int tarpass_finish(struct tarpass *t)
{
	int r = tar_end(t->tar);

	if (r < 0)
		pass_trouble(t->p, "is cut off, the last member is not whole");
	else if (tar_damage(t->tar) > 0)
		pass_trouble(t->p, "%" PRIu64 " damaged places were skipped", tar_damage(t->tar));
	return r;
}

/* A v7 header has no magic, but a checksum: the sum of its bytes, its own field as spaces. */
static bool checksum_matches(const unsigned char *h)
{
	unsigned long sum = 0, said = 0;
	bool digits = false;

	for (unsigned i = 0; i < 512; i++)
		sum += i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + 8 ? ' ' : h[i];
	for (unsigned i = CHECKSUM_OFFSET; i < CHECKSUM_OFFSET + 8; i++) {
		if (h[i] >= '0' && h[i] <= '7') {
			said = said * 8 + (h[i] - '0');
			digits = true;
		} else if (digits || h[i] != ' ') {
			break;
		}
	}
	return digits && said == sum;
}

bool tarpass_is_header(const unsigned char *head, size_t n)
{
	return n >= 512 && (memcmp(head + MAGIC_OFFSET, "ustar", 5) == 0 || checksum_matches(head));
}

bool tarpass_is_end(const unsigned char *head, size_t n)
{
	return n == 0 || (head[0] == 0 && memcmp(head, head + 1, n - 1) == 0);
}
