/* SPDX-License-Identifier: MPL-2.0 */
/* node.c - see node.h. */
#include "fs/node.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "base/stats.h"
#include "fs/control.h"
#include "fs/inode.h"

#define BLKSIZE (128u << 10)
#define DOTS 2u /* "." and ".." come before all cookies */

static struct volume *volume_of(struct fs *fs, uint64_t ino)
{
	unsigned n = ino_dataset(ino);

	return n >= 1 && n <= fs->n_volumes ? fs->volumes[n - 1] : NULL;
}

/* ---- attributes ---- */

static void fill(struct fs *fs, struct node *n, uint64_t ino, mode_t mode, uint64_t size,
		 int64_t mtime)
{
	*n = (struct node){ .constant = true };
	n->st.st_ino = ino;
	n->st.st_mode = mode;
	n->st.st_nlink = 1;
	n->st.st_uid = fs->uid;
	n->st.st_gid = fs->gid;
	n->st.st_size = (off_t)size;
	n->st.st_blocks = (blkcnt_t)((size + 511) / 512);
	n->st.st_blksize = BLKSIZE;
	n->st.st_mtim.tv_sec = n->st.st_atim.tv_sec = n->st.st_ctim.tv_sec = mtime;
}

/* Files show no write bits; the owner can read everything and search and "write" directories: the
 * official client asks access(W_OK), every actual write is EROFS. */
static mode_t visible_mode(mode_t mode)
{
	if (S_ISDIR(mode))
		return mode | 0700;
	if (S_ISLNK(mode))
		return S_IFLNK | 0777;
	return (mode & ~(mode_t)0222) | 0400;
}

/* constant: the archive was complete before m was asked for, so nothing replaces it any more. */
static void fill_member(struct fs *fs, struct node *n, struct volume *v, unsigned dataset,
			const struct member *m, bool constant)
{
	uint64_t size = S_ISLNK(m->mode) && m->link ? strlen(m->link) : m->size;

	fill(fs, n, ino_make(dataset, MEMBER_BASE + m->id), visible_mode(m->mode), size, m->mtime);
	n->st.st_nlink = m->nlink;
	n->st.st_mtim.tv_nsec = n->st.st_atim.tv_nsec = n->st.st_ctim.tv_nsec = m->mtime_ns;
	n->st.st_rdev = makedev(m->dev_major, m->dev_minor);
	n->st.st_blocks = (blkcnt_t)((m->stored + 511) / 512);
	n->constant = constant;
	if (m->id == INDEX_ROOT && m->mtime == 0)
		n->st.st_mtim.tv_sec = n->st.st_atim.tv_sec = n->st.st_ctim.tv_sec =
			v->dataset->mtime;
}

static void stat_control(struct fs *fs, uint64_t ino, struct node *out)
{
	struct timespec mtime;
	size_t len;

	control_stat(fs, ino, &len, &mtime);
	fill(fs, out, ino, S_IFREG | 0444, len, mtime.tv_sec);
	out->st.st_mtim = out->st.st_ctim = mtime;
	out->constant = false;
}

static int stat_root(struct fs *fs, uint64_t ino, struct node *out)
{
	int r;

	switch (ino) {
	case INO_ROOT:
	case INO_CONTROL:
		fill(fs, out, ino, S_IFDIR | 0755, 0, fs->since);
		return 0;
	case INO_STATUS:
	case INO_METRICS:
	case INO_LOG:
		r = control_refresh(fs, ino);
		if (r == 0)
			stat_control(fs, ino, out);
		return r;
	default:
		return -ENOENT;
	}
}

static int stat_member(struct fs *fs, struct volume *v, uint64_t ino, struct node *out)
{
	AUTO(member_free) struct member m = { 0 };
	bool constant;
	int r;

	if (!v->archive || ino_local(ino) <= MEMBER_BASE)
		return -ENOENT;
	constant = archive_complete(v->archive);
	r = archive_get(v->archive, ino_local(ino) - MEMBER_BASE, &m);
	if (r == 0)
		fill_member(fs, out, v, ino_dataset(ino), &m, constant);
	return r;
}

int node_stat(struct fs *fs, uint64_t ino, struct node *out)
{
	struct volume *v = volume_of(fs, ino);
	const struct dataset *d;

	if (ino_dataset(ino) == 0)
		return stat_root(fs, ino, out);
	if (!v)
		return -ENOENT;
	d = v->dataset;
	switch (ino_local(ino)) {
	case LOCAL_DIR:
		fill(fs, out, ino, S_IFDIR | 0755, 0, d->mtime);
		return 0;
	case LOCAL_DETAILS:
		fill(fs, out, ino, S_IFREG | 0444, strlen(d->details), d->mtime);
		return 0;
	case LOCAL_README:
		fill(fs, out, ino, S_IFREG | 0444, strlen(d->readme), d->mtime);
		return 0;
	case LOCAL_FILE:
		fill(fs, out, ino, S_IFREG | 0444, v->raw->size, d->mtime);
		return 0;
	case LOCAL_ID:
		fill(fs, out, ino, S_IFLNK | 0777, strlen(v->dir), d->mtime);
		return 0;
	default:
		return stat_member(fs, v, ino, out);
	}
}

int node_stat_reader(struct fs *fs, uint64_t ino, struct node *out)
{
	if (ino < INO_STATUS || ino > INO_LOG)
		return node_stat(fs, ino, out);
	stat_control(fs, ino, out);
	return 0;
}

/* ---- fixed directories ---- */

struct fixed_entry {
	const char *name;
	uint64_t ino;
};

/* The entries of a directory that is not inside an archive, at most max; -1: it is inside one. */
static int fixed_entries(struct fs *fs, uint64_t ino, struct fixed_entry *e)
{
	struct volume *v = volume_of(fs, ino);
	unsigned d = ino_dataset(ino);
	int n = 0;

	if (ino == INO_CONTROL) {
		e[n++] = (struct fixed_entry){ "status.json", INO_STATUS };
		e[n++] = (struct fixed_entry){ "metrics", INO_METRICS };
		e[n++] = (struct fixed_entry){ "log", INO_LOG };
		return n;
	}
	if (!v || ino_local(ino) != LOCAL_DIR)
		return -1;
	e[n++] = (struct fixed_entry){ "dataset.json", ino_make(d, LOCAL_DETAILS) };
	e[n++] = (struct fixed_entry){ "README.md", ino_make(d, LOCAL_README) };
	e[n++] = (struct fixed_entry){ v->dataset->filename, ino_make(d, LOCAL_FILE) };
	if (v->archive)
		e[n++] = (struct fixed_entry){ v->archive_dir,
					       ino_make(d, MEMBER_BASE + INDEX_ROOT) };
	return n;
}

#define FIXED_MAX 4

static int lookup_root(struct fs *fs, const char *name, struct node *out)
{
	if (strcmp(name, ".mdcfs") == 0)
		return node_stat(fs, INO_CONTROL, out);
	for (unsigned i = 0; i < fs->n_volumes; i++)
		if (strcmp(name, fs->volumes[i]->dir) == 0)
			return node_stat(fs, ino_make(i + 1, LOCAL_DIR), out);
	for (unsigned i = 0; i < fs->n_volumes; i++)
		if (name[0] && strcmp(name, fs->volumes[i]->dataset->id) == 0)
			return node_stat(fs, ino_make(i + 1, LOCAL_ID), out);
	return -ENOENT;
}

static int lookup_member(struct fs *fs, struct volume *v, uint64_t parent, const char *name,
			 struct waiter *w, struct node *out, bool *absent_for_good)
{
	AUTO(member_free) struct member m = { 0 };
	bool complete =
		archive_complete(v->archive); /* asked before: it may become so on the way */
	int r = archive_lookup(v->archive, ino_local(parent) - MEMBER_BASE, name, w, &m);

	*absent_for_good = complete;
	if (r == 0)
		fill_member(fs, out, v, ino_dataset(parent), &m, complete);
	return r;
}

int node_lookup(struct fs *fs, uint64_t parent, const char *name, struct waiter *w,
		struct node *out, bool *absent_for_good)
{
	struct fixed_entry e[FIXED_MAX];
	struct volume *v = volume_of(fs, parent);
	int n;

	*absent_for_good = true;
	if (parent == INO_ROOT)
		return lookup_root(fs, name, out);
	n = fixed_entries(fs, parent, e);
	for (int i = 0; i < n; i++)
		if (strcmp(name, e[i].name) == 0)
			return node_stat(fs, e[i].ino, out);
	if (n >= 0)
		return -ENOENT;
	if (!v || !v->archive || ino_local(parent) <= MEMBER_BASE)
		return -ENOTDIR;
	return lookup_member(fs, v, parent, name, w, out, absent_for_good);
}

/* ---- reading ---- */

static int64_t read_text(const char *text, void *buf, size_t len, uint64_t off)
{
	size_t n = strlen(text);

	if (off >= n)
		return 0;
	len = MIN(len, n - off);
	memcpy(buf, text + off, len);
	return (int64_t)len;
}

static int64_t read_member(struct volume *v, uint64_t row, void *buf, size_t len, uint64_t off,
			   struct waiter *w)
{
	AUTO(member_free) struct member m = { 0 };
	int r = v->archive ? archive_get(v->archive, row, &m) : -ENOENT;

	if (r < 0)
		return r;
	if (S_ISDIR(m.mode))
		return -EISDIR;
	return archive_pread(v->archive, &m, buf, len, off, w);
}

int64_t node_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t off,
		  struct waiter *w)
{
	struct volume *v = volume_of(fs, ino);

	if (ino >= INO_STATUS && ino <= INO_LOG)
		return control_read(fs, ino, buf, len, off);
	if (!v)
		return -EISDIR;
	switch (ino_local(ino)) {
	case LOCAL_DIR:
		return -EISDIR;
	case LOCAL_DETAILS:
		return read_text(v->dataset->details, buf, len, off);
	case LOCAL_README:
		return read_text(v->dataset->readme, buf, len, off);
	case LOCAL_FILE:
		return reader_pread(v->raw, buf, len, off, w);
	case LOCAL_ID:
		return -EINVAL;
	default:
		return read_member(v, ino_local(ino) - MEMBER_BASE, buf, len, off, w);
	}
}

/* Where data, or a hole, begins at or after off; a hole is at the end of every file. */
static uint64_t seek_sparse(const struct member *m, uint64_t off, bool hole)
{
	for (uint32_t i = 0; i < m->n_extents; i++) {
		const struct member_extent *e = &m->extents[i];

		if (off >= e->off + e->len)
			continue;
		if (!hole)
			return MAX(off, e->off);
		if (off < e->off)
			return off;
		off = e->off + e->len;
	}
	return hole ? MIN(off, m->size) : m->size;
}

int node_seek(struct fs *fs, uint64_t ino, uint64_t off, bool hole, uint64_t *out)
{
	AUTO(member_free) struct member m = { 0 };
	struct volume *v = volume_of(fs, ino);
	struct node n;
	uint64_t at;
	int r = node_stat(fs, ino, &n);

	if (r < 0)
		return r;
	if (off >= (uint64_t)n.st.st_size)
		return -ENXIO;
	at = hole ? (uint64_t)n.st.st_size : off;
	if (v && v->archive && ino_local(ino) > MEMBER_BASE) {
		r = archive_get(v->archive, ino_local(ino) - MEMBER_BASE, &m);
		if (r < 0)
			return r;
		if (m.sparse)
			at = seek_sparse(&m, off, hole);
	}
	if (!hole && at >= (uint64_t)n.st.st_size)
		return -ENXIO; /* nothing but a hole is left */
	*out = at;
	return 0;
}

int node_readlink(struct fs *fs, uint64_t ino, struct waiter *w, char **out)
{
	AUTO(member_free) struct member m = { 0 };
	struct volume *v = volume_of(fs, ino);
	int r;

	if (!v)
		return -EINVAL;
	if (ino_local(ino) == LOCAL_ID) {
		*out = strdup(v->dir);
		return *out ? 0 : -ENOMEM;
	}
	if (!v->archive || ino_local(ino) <= MEMBER_BASE)
		return -EINVAL;
	r = archive_get(v->archive, ino_local(ino) - MEMBER_BASE, &m);
	return r < 0 ? r : archive_readlink(v->archive, &m, w, out);
}

/* ---- listing ---- */

bool node_listing_constant(struct fs *fs, uint64_t ino)
{
	struct volume *v = volume_of(fs, ino);

	return !v || !v->archive || ino_local(ino) <= MEMBER_BASE || archive_complete(v->archive);
}

typedef int (*list_fn)(void *arg, uint64_t cookie, const char *name, const struct node *n);

static int list_fixed(struct fs *fs, const struct fixed_entry *e, int n, uint64_t after, list_fn fn,
		      void *arg)
{
	for (int i = 0; i < n; i++) {
		uint64_t cookie = DOTS + 1 + (uint64_t)i;
		struct node node;

		if (cookie <= after || node_stat(fs, e[i].ino, &node) < 0)
			continue;
		if (fn(arg, cookie, e[i].name, &node) != 0)
			break;
	}
	return 0;
}

static int list_root(struct fs *fs, uint64_t after, list_fn fn, void *arg)
{
	struct node node;

	if (after <= DOTS && (node_stat(fs, INO_CONTROL, &node) < 0 ||
			      fn(arg, DOTS + 1, ".mdcfs", &node) != 0))
		return 0;
	for (unsigned i = 0; i < fs->n_volumes; i++) {
		uint64_t cookie = DOTS + 2 + i;

		if (cookie <= after || node_stat(fs, ino_make(i + 1, LOCAL_DIR), &node) < 0)
			continue;
		if (fn(arg, cookie, fs->volumes[i]->dir, &node) != 0)
			break;
	}
	return 0;
}

struct member_list {
	struct fs *fs;
	struct volume *v;
	unsigned dataset;
	bool constant;
	list_fn fn;
	void *arg;
};

static int list_one(void *arg, uint64_t row, const char *name, const struct member *m)
{
	struct member_list *l = arg;
	struct node node;

	fill_member(l->fs, &node, l->v, l->dataset, m, l->constant);
	return l->fn(l->arg, DOTS + row, name, &node);
}

/* "." and "..": 0 = go on behind them. */
static int list_dots(struct fs *fs, uint64_t ino, uint64_t after, list_fn fn, void *arg)
{
	struct node node;

	if (after >= DOTS || node_stat(fs, ino, &node) < 0)
		return 0;
	if (after < 1 && fn(arg, 1, ".", &node) != 0)
		return 1;
	return fn(arg, DOTS, "..", &node);
}

int node_list(struct fs *fs, uint64_t ino, uint64_t after, struct waiter *w, list_fn fn, void *arg,
	      int *then)
{
	struct fixed_entry e[FIXED_MAX];
	struct volume *v = volume_of(fs, ino);
	struct member_list l = { fs, v, ino_dataset(ino), false, fn, arg };
	int n = ino == INO_ROOT ? 0 : fixed_entries(fs, ino, e);

	*then = 0;
	if (n < 0 && (!v || !v->archive || ino_local(ino) <= MEMBER_BASE))
		return -ENOTDIR;
	if (n < 0) {
		*then = archive_listing(v->archive, w);
		if (*then == PARKED)
			return PARKED;
		l.constant = *then == 0;
	}
	if (list_dots(fs, ino, after, fn, arg) != 0)
		return 0;
	after = MAX(after, DOTS);
	if (ino == INO_ROOT)
		return list_root(fs, after, fn, arg);
	if (n >= 0)
		return list_fixed(fs, e, n, after, fn, arg);
	return archive_list(v->archive, ino_local(ino) - MEMBER_BASE, after - DOTS, list_one, &l);
}

uint64_t node_progress(struct fs *fs, uint64_t ino)
{
	struct volume *v = volume_of(fs, ino);

	/* Bytes that come from anywhere count too: a fetch that gets nothing has its own deadline. */
	return stats_get(storage_bytes) + (v && v->archive ? archive_progress(v->archive) : 0);
}
