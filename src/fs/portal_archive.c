/* SPDX-License-Identifier: MPL-2.0 */
/* portal_archive.c - see portal_archive.h. */
#include "fs/portal_archive.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "source/dataset.h"
#include "source/suffix.h"
#include "store/chunkfill.h"

#define AHEAD_MAX (4u << 20) /* it is on the local disk */

struct entry {
	struct reader reader;
	struct portal *portal;
	char *path, *name;
	uint64_t version, handle; /* handle: open for good */
	struct spool_about about;
};

struct portal_archives {
	pthread_mutex_t lock;
	struct entry *v[PORTAL_ARCHIVES_MAX]; /* untouched pages cost nothing */
	uint32_t n;
};

/* ---- bytes ---- */

static int64_t entry_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	struct entry *e = container_of(r, struct entry, reader);
	int64_t n;

	if (atomic_load(&e->portal->st->stopping))
		return -ENOTCONN;
	if (!buf) /* it was received whole: nothing is to be brought */
		return (int64_t)len;
	n = portal_files_pread(e->portal->files, e->handle, buf, len, off, w);
	return n == 0 ? -EIO : n;
}

static int entry_chunk(struct reader *r, struct range at, bool demand, struct chunk **out)
{
	struct entry *e = container_of(r, struct entry, reader);

	return chunk_by_pread(e->portal->st->pool, r, at, demand, out);
}

static const struct reader_ops entry_ops = { entry_pread, entry_chunk };

/* ---- the table ---- */

int portal_archives_new(struct portal_archives **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->path);
	free(e->name);
	free(e);
}

struct portal_archives *portal_archives_free(struct portal_archives *a)
{
	for (uint32_t i = 0; a && i < a->n; i++)
		entry_free(a->v[i]);
	if (a)
		pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

static struct entry *find_locked(struct portal_archives *a, const struct remote *r, uint32_t *n)
{
	for (*n = 0; *n < a->n; ++*n)
		if (a->v[*n]->version == r->version && strcmp(a->v[*n]->path, r->path) == 0)
			return a->v[*n];
	return NULL;
}

static int entry_new(struct portal *p, const struct remote *r, uint64_t handle, struct entry **out)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->portal = p;
	e->version = r->version;
	e->handle = handle;
	e->path = strdup(r->path);
	e->name = strdup(r->name);
	if (!e->path || !e->name) {
		entry_free(e);
		return -ENOMEM;
	}
	if (!portal_files_about(p->files, handle, &e->about)) {
		entry_free(e);
		return log_error(-EFBIG,
				 "%s: it is too large for the cache to be shown as a directory",
				 r->name);
	}
	e->reader = (struct reader){ .ops = &entry_ops,
				     .size = e->about.size,
				     .identity = e->about.sum,
				     .memory = p->st->memory,
				     .ahead_max = AHEAD_MAX };
	*out = e;
	return 0;
}

/* It has been received.  Somebody else may have come first. */
static int add(struct portal *p, const struct remote *r, uint64_t handle, struct entry **out,
	       uint32_t *n)
{
	struct portal_archives *a = p->archives;
	struct entry *e = NULL, *other;
	int err = entry_new(p, r, handle, &e);

	if (err < 0)
		return err;
	pthread_mutex_lock(&a->lock);
	other = find_locked(a, r, n);
	if (!other && a->n < PORTAL_ARCHIVES_MAX)
		a->v[a->n++] = e;
	else
		err = other ? -EEXIST : -ENFILE;
	pthread_mutex_unlock(&a->lock);
	if (err < 0)
		entry_free(steal(&e));
	*out = other ? other : e;
	return err;
}

/* The entry of what r is, received if need be; w NULL: only if it has been. */
static int need(struct portal *p, const struct remote *r, struct waiter *w, struct entry **out,
		uint32_t *n)
{
	struct branch_open o = { 0 };
	int err;

	pthread_mutex_lock(&p->archives->lock);
	*out = find_locked(p->archives, r, n);
	pthread_mutex_unlock(&p->archives->lock);
	if (*out || !w)
		return *out ? 0 : -ENOENT;
	err = portal_files_open(p->files, r, w, &o);
	if (err < 0)
		return err;
	err = add(p, r, o.handle, out, n);
	if (err < 0)
		portal_files_release(p->files, o.handle);
	return err == -EEXIST ? 0 : err;
}

/* ---- names ---- */

int portal_archive_name(struct intern *names, const char *file, enum made_kind kind,
			const char *text, char **name, char **made)
{
	size_t suffix = suffix_len(file);
	AUTO(auto_free) char *shown = NULL;
	uint32_t n;
	int r;

	if (suffix == 0)
		return -ENOENT;
	shown = strndup(file, strlen(file) - suffix);
	if (shown && intern_find(names, shown, &n)) {
		free(shown);
		if (asprintf(&shown, "%s.d", file) < 0)
			shown = NULL;
	}
	if (!shown)
		return -ENOMEM;
	if (!dataset_name_ok(shown) || intern_find(names, shown, &n))
		return -EEXIST;
	if (asprintf(made, "%u/%s", (unsigned)kind, text) < 0)
		return *made = NULL, -ENOMEM;
	r = intern_add(names, shown, &n);
	if (r < 0)
		free(steal(made));
	else
		*name = steal(&shown);
	return r;
}

/* The spot of the file that a directory is of. */
static bool file_of(const struct spot *dir, struct spot *out)
{
	unsigned kind;
	int end = 0;

	if (!dir->is_made || dir->made.kind != MADE_ARCHIVE ||
	    sscanf(dir->made.text, "%u/%n", &kind, &end) < 1 || end == 0)
		return false;
	*out = *dir;
	out->made.kind = (enum made_kind)kind;
	out->made.text += end;
	return true;
}

int portal_archive(struct fs *fs, struct branch *b, uint64_t local, struct waiter *w,
		   struct nest_place *out)
{
	struct portal *p = container_of(b, struct portal, base);
	AUTO(remote_clear) struct remote remote = { 0 };
	struct spot dir, file;
	struct entry *e = NULL;
	uint32_t n;
	int r = 0;

	if (!portal_spot(p, local, &dir) || !file_of(&dir, &file))
		return -ENOTDIR;
	if (w)
		r = ods_catalog_find(p->catalog, dir.d.id, w, &n); /* is this still its version? */
	if (r == 0 && !ods_catalog_get(p->catalog, dir.dataset, &file.d))
		r = -ENOENT;
	if (r == 0)
		r = portal_remote(p, &file, &remote);
	if (r == 0)
		r = need(p, &remote, w, &e, &n);
	if (r < 0)
		return r;
	return nest_enter_reader(fs->nest, (uint64_t)b->number << 32 | n, &e->reader, e->name,
				 e->about.identity, out);
}
