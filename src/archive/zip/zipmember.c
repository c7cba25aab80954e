/* SPDX-License-Identifier: MPL-2.0 */
/* zipmember.c - see zipmember.h. */
#include "archive/zip/zipmember.h"

#include <errno.h>
#include <string.h>

#include "archive/zip/zip.h"
#include "base/log.h"

#define PATH_SHOWN 200 /* bytes of a member's path in the log: its end */

int zipmember_at(struct archive *a, uint64_t blk, struct member *out)
{
	struct member m;
	int r = index_member_at(a->index, blk << BLOCK_SHIFT, &m);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && m.layer == LAYER_STREAM && m.off % BLOCK_SIZE == 0 &&
	    blk < zipmember_end(&m)) {
		*out = m;
		return 0;
	}
	if (r == 0)
		member_free(&m);
	return log_error(-EIO, "%s: no member has stream block %llu", a->filename,
			 (unsigned long long)blk);
}

uint64_t zipmember_end(const struct member *m)
{
	return (m->off + m->size + BLOCK_SIZE - 1) >> BLOCK_SHIFT;
}

uint64_t zipmember_local(const struct member *m)
{
	return m->packed_off - 1;
}

uint64_t zipmember_reach(const struct archive *a, const struct member *m)
{
	return MIN(zipmember_local(m) + ZIP_LOCAL_HEADER + ZIPMEMBER_SLACK + m->packed,
		   a->c.raw->size);
}

/* ---- what the log says ---- */

struct namesake {
	uint64_t id;
	char *path;
	size_t at; /* path[at] is the first byte so far */
};

static int put_name(void *arg, uint64_t cookie, const char *name, const struct member *m)
{
	struct namesake *n = arg;
	size_t len = strlen(name);

	(void)m;
	if (cookie == n->id && len < n->at) {
		n->at -= len + 1;
		n->path[n->at] = '/';
		memcpy(n->path + n->at + 1, name, len);
	}
	return 1;
}

/* The path, or as much of its end as fits. */
static void path_of(struct archive *a, const struct member *m, char out[static PATH_SHOWN + 1])
{
	struct namesake n = { .id = m->id, .path = out, .at = PATH_SHOWN };
	uint64_t parent = m->parent;

	out[PATH_SHOWN] = '\0';
	for (size_t before = PATH_SHOWN + 1; n.at < before && n.id != INDEX_ROOT;) {
		AUTO(member_free) struct member dir = { 0 };

		before = n.at;
		if (index_list(a->index, parent, n.id - 1, put_name, &n) < 0 ||
		    index_get(a->index, parent, &dir) < 0)
			break;
		n.id = dir.id;
		parent = dir.parent;
	}
	n.at += out[n.at] == '/';
	memmove(out, out + n.at, PATH_SHOWN + 1 - n.at);
}

/* The status shows what is wrong with the archive; of single members the first. */
static void note(struct archive *a, const char *path, const char *what)
{
	LOCK_SCOPE(&a->lock);
	if (!a->trouble[0])
		snprintf(a->trouble, sizeof(a->trouble), "member %s: %s", path, what);
}

int zipmember_damaged(struct archive *a, const struct member *m, const char *what)
{
	char path[PATH_SHOWN + 1];

	if (!verdict_say(&a->verdict, m->id))
		return -EIO;
	path_of(a, m, path);
	note(a, path, what);
	return log_error(-EIO, "%s: member %s: %s", a->filename, path, what);
}

int zipmember_refused(struct archive *a, const struct member *m, int r, const char *why)
{
	char path[PATH_SHOWN + 1];

	verdict_bad(&a->verdict, m->id, r);
	if (!verdict_say(&a->verdict, m->id))
		return r;
	path_of(a, m, path);
	return log_error(r, "%s: member %s: %s", a->filename, path, why);
}

int zipmember_check(struct archive *a, const struct member *m, uint32_t crc)
{
	int r;

	if (!m->has_crc || crc == m->crc)
		return 0;
	r = zipmember_damaged(a, m, "its content has not the CRC-32 that the directory says");
	return a->c.st->opt->unverified ? 0 : r;
}

int zipmember_unreadable(struct archive *a, const struct member *m)
{
	if (m->off == MEMBER_IMPOSSIBLE)
		return zipmember_refused(a, m, -EIO,
					 "it is not where the directory says, or not of that size");
	if (m->off == MEMBER_OVERLAPS)
		return zipmember_refused(a, m, -EIO, "its data would run into another member");
	return zipmember_refused(a, m, -EOPNOTSUPP, "encrypted in a way that cannot be read");
}
