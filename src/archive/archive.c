/* SPDX-License-Identifier: MPL-2.0 */
/* archive.c - see archive.h: the side that answers and parks; pass.c is the side that reads. */
#include "archive/archive.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/format.h"
#include "archive/place.h"
#include "archive/stream.h"
#include "archive/zip/zipforeign.h"
#include "archive/zip/zipmember.h"
#include "archive/zip/zipstored.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/blocks.h"

#define STREAM_READ_AHEAD (16u << 20) /* bytes, for one sequential reader */
#define STREAM_FILL_MAX 16u	      /* blocks: 2 MiB of output for one job, so that cores share */
#define LINK_MAX 4095u		      /* bytes of a symlink target kept as data */

/* ---- demand ---- */

int archive_kick_locked(struct archive *a)
{
	int r;

	if (atomic_load(&a->stop))
		return -ENOTCONN;
	if (a->state == ARCHIVE_READING) {
		pthread_cond_signal(&a->demand);
		return 0;
	}
	if (a->state != ARCHIVE_RESTING)
		return 0;
	if (a->joinable) /* it has said that it rests: it is at its very end */
		pthread_join(a->thread, NULL);
	r = -pthread_create(&a->thread, NULL, pass_thread, a);
	a->joinable = r == 0;
	if (r == 0)
		a->state = ARCHIVE_READING;
	return r;
}

bool archive_demand_locked(struct archive *a)
{
	list_for_each(pos, tmp, &a->names) {
		struct name_want *n = list_entry(pos, struct name_want, link);

		if (!want_empty(&n->want))
			continue;
		list_remove(&n->link);
		atomic_fetch_sub(&a->n_names, 1);
		free(n);
	}
	return a->read_all || !list_empty(&a->names) || !want_empty(&a->listed) ||
	       a->need > a->position;
}

/* ---- answers ---- */

/* Park for a name; lock held. */
static int park_for_name(struct archive *a, uint64_t parent, const char *name, size_t len,
			 struct waiter *w)
{
	struct name_want *n = NULL;
	int r = archive_kick_locked(a);

	if (r < 0)
		return r;
	list_for_each(pos, tmp, &a->names) {
		struct name_want *have = list_entry(pos, struct name_want, link);

		if (have->parent == parent && have->len == len &&
		    memcmp(have->name, name, len) == 0)
			n = have;
	}
	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		n->parent = parent;
		n->len = len;
		memcpy(n->name, name, len);
		want_init(&n->want);
		list_push(&a->names, &n->link);
		atomic_fetch_add(&a->n_names, 1);
		atomic_fetch_add(&a->asked, 1);
	}
	return want_park(&n->want, w);
}

/* Not in the index, as it was after `commits` commits: for good, or not yet? */
static int not_there(struct archive *a, uint64_t commits, uint64_t parent, const char *name,
		     struct waiter *w)
{
	size_t len = strlen(name);

	LOCK_SCOPE(&a->lock);
	if (a->commits != commits)
		return -EAGAIN; /* it may have come in the meantime */
	if (a->state == ARCHIVE_COMPLETE)
		return -ENOENT;
	if (a->state == ARCHIVE_FAILED)
		return a->error;
	if (len > 255)
		return -ENAMETOOLONG;
	/* Shells, editors and git probe for .git, .hidden, .Trash everywhere: none of that may
	 * read a whole archive. */
	if (name[0] == '.' && !a->c.st->opt->strict)
		return -ENOENT;
	return park_for_name(a, parent, name, len, w);
}

static uint64_t commits(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->commits;
}

int archive_lookup(struct archive *a, uint64_t parent, const char *name, struct waiter *w,
		   struct member *out)
{
	int r;

	do {
		uint64_t seen = commits(a);

		r = index_lookup(a->index, parent, name, strlen(name), out);
		if (r == -ENOENT)
			r = not_there(a, seen, parent, name, w);
	} while (r == -EAGAIN);
	return r;
}

int archive_get(struct archive *a, uint64_t id, struct member *out)
{
	return index_get(a->index, id, out);
}

int archive_named(struct archive *a, uint64_t row, struct member *out)
{
	return index_named(a->index, row, out);
}

int archive_describe(struct archive *a, uint64_t row, char *out, size_t size)
{
	int n = snprintf(out, size, "%.*s/", (int)(size / 2), a->filename);

	return index_path(a->index, row, out + n, size - (size_t)n);
}

int archive_row(struct archive *a, uint64_t parent, const char *name, size_t len, uint64_t *row)
{
	return index_row(a->index, parent, name, len, row);
}

int archive_version(struct archive *a, uint64_t row, uint32_t n, struct member *out)
{
	return index_version(a->index, row, n, out);
}

int archive_versions(struct archive *a, uint64_t row, uint32_t after,
		     int (*fn)(void *arg, uint32_t n, const struct member *m), void *arg)
{
	return index_versions(a->index, row, after, fn, arg);
}

bool archive_plain(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->state == ARCHIVE_COMPLETE && !a->trouble[0] && index_xattr_bytes(a->index) == 0;
}

int archive_xattr(struct archive *a, uint64_t id, const char *name, void **value, size_t *n)
{
	return index_xattr(a->index, id, name, value, n);
}

int archive_xattr_names(struct archive *a, uint64_t id, struct buf *out)
{
	return index_xattr_names(a->index, id, out);
}

int archive_listing(struct archive *a, struct waiter *w)
{
	int r;

	LOCK_SCOPE(&a->lock);
	if (a->state == ARCHIVE_COMPLETE)
		return 0;
	if (a->state == ARCHIVE_FAILED)
		return a->error;
	if (a->c.st->opt->listing == LISTING_PARTIAL) {
		a->read_all = true; /* somebody wants the listing: it goes on to the end */
		r = archive_kick_locked(a);
		return r < 0 ? r : -EAGAIN;
	}
	r = archive_kick_locked(a);
	return r < 0 ? r : want_park(&a->listed, w);
}

int archive_list(struct archive *a, uint64_t parent, uint64_t after,
		 int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		 void *arg)
{
	return index_list(a->index, parent, after, fn, arg);
}

int archive_names(struct archive *a, uint64_t parent, uint64_t after,
		  int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		  void *arg)
{
	return index_names(a->index, parent, after, fn, arg);
}

/* Bytes as they are stored: offset off of the member's data, which must have len more. */
static int64_t stored_pread(struct archive *a, const struct member *m, void *buf, size_t len,
			    uint64_t off, struct waiter *w)
{
	int64_t n;

	switch (m->layer) {
	case LAYER_RAW:
		n = reader_pread(a->c.raw, buf, len, m->off + off, w);
		break;
	case LAYER_STREAM:
		n = m->packed_off ? zipforeign_allowed(a, m) : 0;
		if (n < 0)
			return n;
		return blocks_pread(a->stream, buf, len, m->off + off, w);
	case LAYER_ZIP:
		return zipstored_pread(a, m, buf, len, off, w);
	case LAYER_NONE:
		return zipmember_unreadable(a, m);
	default:
		return -EIO;
	}
	/* Fewer bytes than the index promises: the archive is cut off. */
	return n >= 0 && (buf ? (size_t)n != len : n == 0) ? -EIO : n;
}

/* A sparse member: zeros, and what of [off, off + len) each extent covers. */
static int64_t sparse_pread(struct archive *a, const struct member *m, unsigned char *buf,
			    size_t len, uint64_t off, struct waiter *w)
{
	uint64_t at = 0; /* where the extent's bytes are in the stored data */

	if (buf)
		memset(buf, 0, len);
	for (uint32_t i = 0; i < m->n_extents; at += m->extents[i].len, i++) {
		const struct member_extent *e = &m->extents[i];
		uint64_t from = MAX(off, e->off), to = MIN(off + len, e->off + e->len);
		int64_t n;

		if (from >= to)
			continue;
		n = stored_pread(a, m, buf ? buf + (from - off) : NULL, (size_t)(to - from),
				 at + (from - e->off), w);
		if (n < 0)
			return n;
		if ((uint64_t)n < to - from)
			return (int64_t)(from - off) + n;
	}
	return (int64_t)len;
}

int64_t archive_pread(struct archive *a, const struct member *m, void *buf, size_t len,
		      uint64_t off, struct waiter *w)
{
	if (!S_ISREG(m->mode) && !m->link_inside)
		return -EINVAL;
	if (atomic_load(&a->distrusted) && !a->c.st->opt->unverified)
		return -EIO;
	if (off >= m->size || len == 0)
		return 0;
	len = (size_t)MIN(len, m->size - off);
	if (m->sparse)
		return sparse_pread(a, m, buf, len, off, w);
	if (m->stored < m->size && off + len > m->stored)
		return -EIO;
	return stored_pread(a, m, buf, len, off, w);
}

int archive_readlink(struct archive *a, const struct member *m, struct waiter *w, char **out)
{
	AUTO(auto_free) char *target = NULL;
	int64_t n;

	if (!S_ISLNK(m->mode))
		return -EINVAL;
	if (!m->link_inside) {
		target = strdup(m->link ? m->link : "");
		if (!target)
			return -ENOMEM;
		*out = steal(&target);
		return 0;
	}
	if (m->size == 0 || m->size > LINK_MAX)
		return -EIO;
	target = calloc(1, m->size + 1);
	if (!target)
		return -ENOMEM;
	n = archive_pread(a, m, target, m->size, 0, w);
	if (n < 0)
		return (int)n;
	*out = steal(&target);
	return 0;
}

/* ---- open and close ---- */

void archive_set_format_locked(struct archive *a, const struct format *f)
{
	format_layer(f, a->layer);
	a->format = f;
	blocks_set_layer(a->stream, a->layer, f->anywhere);
}

/* The index says how it was read: 0, or it was by a program that could read more than this one. */
static int reload_format_locked(struct archive *a)
{
	AUTO(auto_free) void *name = NULL;
	const struct format *f;
	size_t n;

	if (a->format || index_value(a->index, "format", &name, &n) < 0)
		return 0;
	f = format_named(name);
	if (f) {
		archive_set_format_locked(a, f);
		return 0;
	}
	snprintf(a->trouble, sizeof(a->trouble),
		 "its index is of a \"%.32s\" archive, which this mdcfs was built without",
		 (char *)name);
	(void)log_error(0, "%s: %s", a->filename, a->trouble);
	a->state = ARCHIVE_FAILED;
	a->error = -EIO;
	return -EIO;
}

void archive_reload_locked(struct archive *a)
{
	AUTO(auto_free) void *trouble = NULL;
	size_t n;

	if (reload_format_locked(a) < 0)
		return;
	if (index_value(a->index, "trouble", &trouble, &n) == 0)
		snprintf(a->trouble, sizeof(a->trouble), "%s", (char *)trouble);
	if (!a->format)
		return;
	index_recount(a->index);
	atomic_store(&a->raw_position, index_number(a->index, "raw_position", 0));
	a->position = MAX(a->position, index_number(a->index, "position", 0));
	blocks_set_size(a->stream, index_number(a->index, "stream_size", UINT64_MAX));
	atomic_store(&a->distrusted, index_number(a->index, "distrusted", 0));
	atomic_store(&a->verified, index_number(a->index, "verified", 0));
	if (index_number(a->index, "complete", 0)) {
		a->state = ARCHIVE_COMPLETE;
	} else if (index_number(a->index, "damaged", 0)) {
		a->state = ARCHIVE_FAILED;
		a->error = -EIO;
	}
}

static int open_stream(struct archive *a)
{
	struct blocks_config c = {
		.memory = a->c.st->memory,
		.cache = store_blocks_cache(a->c.st),
		.identity = a->c.raw->identity,
		.size = UINT64_MAX,
		.read_ahead = MIN(MIN(STREAM_READ_AHEAD, a->c.st->opt->read_ahead),
				  a->c.st->opt->memory / 8),
		.fill_max = STREAM_FILL_MAX,
		.ops = &stream_ops,
		.arg = a,
	};

	return blocks_new(&c, &a->stream);
}

int archive_new(const struct archive_config *c, struct archive **out)
{
	struct archive *a = calloc(1, sizeof(*a));
	int r = -ENOMEM;

	if (!a)
		return r;
	a->c = *c;
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->write_lock, NULL);
	cond_init(&a->demand);
	want_init(&a->listed);
	verdict_init(&a->verdict);
	list_init(&a->names);
	list_init(&a->fills);
	list_init(&a->spans);
	list_init(&a->decodes);
	a->filename = strdup(c->filename);
	a->checksum = strdup(c->checksum);
	if (a->filename && a->checksum)
		r = place_open(a);
	if (r == 0)
		r = open_stream(a);
	if (r == 0) {
		LOCK_SCOPE(&a->lock);
		archive_reload_locked(a);
	}
	if (r < 0)
		archive_free(a);
	else
		*out = a;
	return r;
}

void archive_stop(struct archive *a)
{
	bool join;

	pthread_mutex_lock(&a->lock);
	atomic_store(&a->stop, true);
	pthread_cond_signal(&a->demand);
	join = a->joinable;
	a->joinable = false;
	pthread_mutex_unlock(&a->lock);
	if (join)
		pthread_join(a->thread, NULL);
	if (a->filler_stop) /* no pass and no fill begins any more: nobody else looks at it */
		a->filler_stop(a);
}

struct archive *archive_free(struct archive *a)
{
	struct list *l;

	if (!a)
		return NULL;
	while ((l = list_pop(&a->names)))
		free(list_entry(l, struct name_want, link));
	while ((l = list_pop(&a->fills)))
		free(list_entry(l, struct pending_fill, link));
	blocks_free(a->stream);
	place_close(a);
	verdict_destroy(&a->verdict);
	zipstored_free(a->stored);
	pthread_cond_destroy(&a->demand);
	pthread_mutex_destroy(&a->write_lock);
	pthread_mutex_destroy(&a->lock);
	free(a->filename);
	free(a->checksum);
	free(a);
	return NULL;
}
