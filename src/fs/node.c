/* SPDX-License-Identifier: MPL-2.0 */
/* node.c - see node.h. */
#include "fs/node.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "archive/nested.h"
#include "base/stats.h"
#include "fs/control.h"
#include "fs/node_parts.h"

#define BLKSIZE (128u << 10)

/* ---- places ---- */

static struct place place_at(const struct nest_place *at, enum ino_kind kind, uint64_t row)
{
	return (struct place){ .number = at->number,
			       .kind = kind,
			       .volume = at->volume,
			       .archive = at->archive,
			       .row = row,
			       .depth = at->depth };
}

static struct nest_place around(const struct place *p)
{
	return (struct nest_place){ p->volume, p->archive, p->number, p->depth };
}

struct place node_place(struct fs *fs, uint64_t ino)
{
	struct place p = { .number = ino_archive(ino), .kind = ino_kind(ino) };
	struct nest_place inner;

	if (p.number > VOLUMES_MAX && fs->nest && nest_get(fs->nest, p.number, &inner))
		return place_at(&inner, p.kind, ino_row(ino));
	p.volume = volumes_get(fs->volumes, p.number);
	p.archive = p.volume ? p.volume->archive : NULL;
	p.row = p.archive ? ino_row(ino) : 0;
	return p;
}

bool node_outdated(struct fs *fs, const struct place *p)
{
	return p->volume && !volumes_is_newest(fs->volumes, p->volume);
}

int node_enter(struct fs *fs, struct place *p)
{
	struct nest_place outer = around(p), inner;
	int r;

	if (p->kind != KIND_NESTED)
		return 0;
	if (!fs->nest)
		return -ENOENT;
	r = nest_enter(fs->nest, &outer, p->row, &inner);
	if (r == 0)
		*p = place_at(&inner, KIND_PLAIN, INDEX_ROOT);
	return r;
}

struct archive *node_listed(struct fs *fs, const struct place *p)
{
	struct nest_place outer = around(p), inner;

	if (p->row == 0)
		return NULL;
	if (p->kind != KIND_NESTED)
		return p->archive;
	return fs->nest && nest_find(fs->nest, &outer, p->row, &inner) ? inner.archive : NULL;
}

bool node_shows_nested(struct fs *fs, const struct place *p)
{
	return fs->nest && fs->opt->nested && p->depth < NEST_DEPTH;
}

/* ---- attributes ---- */

void node_fill(struct fs *fs, struct node *n, uint64_t ino, mode_t mode, uint64_t size,
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

void node_fill_member(struct fs *fs, struct node *n, const struct place *p, const struct member *m,
		      bool constant)
{
	uint64_t size = S_ISLNK(m->mode) && m->link ? strlen(m->link) : m->size;

	node_fill(fs, n, ino_of_row(p->number, KIND_PLAIN, m->id), visible_mode(m->mode), size,
		  m->mtime);
	n->st.st_nlink = m->nlink;
	n->st.st_mtim.tv_nsec = n->st.st_atim.tv_nsec = n->st.st_ctim.tv_nsec = m->mtime_ns;
	n->st.st_rdev = makedev(m->dev_major, m->dev_minor);
	n->st.st_blocks = (blkcnt_t)((m->stored + 511) / 512);
	n->constant = constant;
	if (m->id == INDEX_ROOT && m->mtime == 0 && p->volume)
		n->st.st_mtim.tv_sec = n->st.st_atim.tv_sec = n->st.st_ctim.tv_sec =
			p->volume->dataset->mtime;
}

void node_fill_nested(struct fs *fs, struct node *n, const struct place *p, uint64_t row,
		      const struct member *m, bool constant)
{
	node_fill(fs, n, ino_of_row(p->number, KIND_NESTED, row), S_IFDIR | 0755, 0, m->mtime);
	n->st.st_mtim.tv_nsec = n->st.st_atim.tv_nsec = n->st.st_ctim.tv_nsec = m->mtime_ns;
	n->constant = constant;
}

static void stat_control(struct fs *fs, uint64_t ino, struct node *out)
{
	struct timespec mtime;
	size_t len;

	control_stat(fs, ino, &len, &mtime);
	node_fill(fs, out, ino, S_IFREG | 0444, len, mtime.tv_sec);
	out->st.st_mtim = out->st.st_ctim = mtime;
	out->constant = false;
}

static int stat_root(struct fs *fs, uint64_t ino, struct node *out)
{
	int r;

	switch (ino) {
	case INO_ROOT:
	case INO_CONTROL:
		node_fill(fs, out, ino, S_IFDIR | 0755, 0, fs->since);
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

static int stat_row(struct fs *fs, const struct place *p, struct node *out)
{
	AUTO(member_free) struct member m = { 0 };
	bool constant = archive_complete(p->archive);
	int r;

	if (p->kind == KIND_VERSIONS)
		return node_stat_versions(fs, p, out);
	r = archive_named(p->archive, p->row, &m);
	if (r == 0 && p->kind == KIND_NESTED && S_ISREG(m.mode))
		node_fill_nested(fs, out, p, p->row, &m, constant);
	else if (r == 0 && p->kind == KIND_PLAIN)
		node_fill_member(fs, out, p, &m, constant);
	else if (r == 0)
		r = -ENOENT;
	return r;
}

static int stat_around(struct fs *fs, struct volume *v, uint64_t ino, struct node *out)
{
	const struct dataset *d = v->dataset;

	switch (ino_local(ino)) {
	case LOCAL_DIR:
		node_fill(fs, out, ino, S_IFDIR | 0755, 0, d->mtime);
		out->constant = false; /* a new version has another */
		return 0;
	case LOCAL_DETAILS:
		node_fill(fs, out, ino, S_IFREG | 0444, strlen(d->details), d->mtime);
		return 0;
	case LOCAL_README:
		node_fill(fs, out, ino, S_IFREG | 0444, strlen(d->readme), d->mtime);
		return 0;
	case LOCAL_FILE:
		node_fill(fs, out, ino, S_IFREG | 0444, v->raw->size, d->mtime);
		return 0;
	case LOCAL_ID:
		node_fill(fs, out, ino, S_IFLNK | 0777, strlen(v->dir), d->mtime);
		out->constant = false;
		return 0;
	default:
		return node_stat_extra(fs, v, ino, out);
	}
}

int node_stat(struct fs *fs, uint64_t ino, struct node *out)
{
	struct place p;

	if (ino_is_branch(ino))
		return node_branch_stat(fs, ino, out);
	p = node_place(fs, ino);
	if (p.number == 0)
		return stat_root(fs, ino, out);
	if (p.row > 0)
		return stat_row(fs, &p, out);
	return p.volume ? stat_around(fs, p.volume, ino, out) : -ENOENT;
}

int node_stat_reader(struct fs *fs, uint64_t ino, struct node *out)
{
	if (ino < INO_STATUS || ino > INO_LOG)
		return node_stat(fs, ino, out);
	stat_control(fs, ino, out);
	return 0;
}

/* ---- fixed directories ---- */

int node_fixed(struct fs *fs, uint64_t ino, struct fixed_entry e[static FIXED_MAX])
{
	struct volume *v = node_place(fs, ino).volume;
	unsigned d = ino_archive(ino);
	int n = 0;

	if (ino == INO_CONTROL) {
		e[n++] = (struct fixed_entry){ "status.json", INO_STATUS };
		e[n++] = (struct fixed_entry){ "metrics", INO_METRICS };
		e[n++] = (struct fixed_entry){ "log", INO_LOG };
		return n;
	}
	if (v && (ino_local(ino) == LOCAL_SAMPLES || ino_local(ino) == LOCAL_SAMPLE))
		return node_fixed_samples(v, ino, e);
	if (!v || ino_local(ino) != LOCAL_DIR)
		return -1;
	e[n++] = (struct fixed_entry){ "dataset.json", ino_make(d, LOCAL_DETAILS) };
	e[n++] = (struct fixed_entry){ "README.md", ino_make(d, LOCAL_README) };
	e[n++] = (struct fixed_entry){ v->dataset->filename, ino_make(d, LOCAL_FILE) };
	if (v->archive)
		e[n++] = (struct fixed_entry){ v->archive_dir,
					       ino_of_row(d, KIND_PLAIN, INDEX_ROOT) };
	return node_fixed_extras(v, e, n);
}

static int lookup_dataset(struct fs *fs, const char *name, struct node *out)
{
	const struct volume *v = volumes_find(fs->volumes, name);

	if (v)
		return node_stat(fs, ino_make(v->number, LOCAL_DIR), out);
	v = volumes_find_id(fs->volumes, name);
	return v ? node_stat(fs, ino_make(v->number, LOCAL_ID), out)
		 : node_branch_named(fs, name, out);
}

static int lookup_root(struct fs *fs, const char *name, struct waiter *w, struct node *out)
{
	int r;

	if (strcmp(name, ".mdcfs") == 0)
		return node_stat(fs, INO_CONTROL, out);
	r = lookup_dataset(fs, name, out);
	if (r != -ENOENT || !fs->automount)
		return r;
	r = automount_need(fs->automount, name, w);
	return r == 0 ? lookup_dataset(fs, name, out) : r;
}
/* No member is called so: an archive that is shown under this name? */
static int lookup_nested(struct fs *fs, const struct place *dir, const char *name, bool complete,
			 struct node *out)
{
	AUTO(member_free) struct member m = { 0 };
	uint64_t row;
	int r;

	if (!node_shows_nested(fs, dir))
		return -ENOENT;
	r = nested_lookup(dir->archive, dir->row, name, &row, &m);
	if (r == 0)
		node_fill_nested(fs, out, dir, row, &m, complete);
	return r;
}

static int lookup_member(struct fs *fs, const struct place *dir, const char *name, struct waiter *w,
			 struct node *out, bool *absent_for_good)
{
	AUTO(member_free) struct member m = { 0 };
	bool complete =
		archive_complete(dir->archive); /* asked before: it may become so on the way */
	int r;

	*absent_for_good = complete;
	if (dir->kind == KIND_VERSIONS)
		return node_lookup_version(fs, dir, name, out);
	r = archive_lookup(dir->archive, dir->row, name, w, &m);
	if (r == 0) {
		node_fill_member(fs, out, dir, &m, complete);
	} else if (r != PARKED && archive_settled(dir->archive)) {
		int e = lookup_nested(fs, dir, name, complete, out);

		if (e == -ENOENT)
			e = node_lookup_versions(fs, dir, name, out);
		if (e != -ENOENT)
			r = e;
	}
	return r;
}

int node_enter_branch(struct fs *fs, uint64_t dir, struct waiter *w, struct place *out)
{
	struct nest_place inner;
	int r = node_branch_enter(fs, dir, w, &inner);

	if (r == 0)
		*out = place_at(&inner, KIND_PLAIN, INDEX_ROOT);
	return r;
}

/* Its names are for good in one version only, and the directory stays. */
static int lookup_branch(struct fs *fs, uint64_t dir, const char *name, struct waiter *w,
			 struct node *out)
{
	struct place p;
	bool for_good;
	int r = node_enter_branch(fs, dir, w, &p);

	if (r == -ENOTDIR)
		return node_branch_lookup(fs, dir, name, w, out);
	if (r == 0)
		r = lookup_member(fs, &p, name, w, out, &for_good);
	if (r == 0)
		out->constant = false;
	return r;
}

int node_lookup(struct fs *fs, uint64_t parent, const char *name, struct waiter *w,
		struct node *out, bool *absent_for_good)
{
	struct fixed_entry e[FIXED_MAX];
	struct place p;
	int n;

	*absent_for_good = false;
	if (ino_is_branch(parent))
		return lookup_branch(fs, parent, name, w, out);
	p = node_place(fs, parent);
	*absent_for_good = p.row == 0 && parent != INO_ROOT;
	if (parent == INO_ROOT)
		return lookup_root(fs, name, w, out);
	if (node_outdated(fs, &p))
		return -ESTALE;
	if (p.row > 0) {
		int r = node_enter(fs, &p);

		return r < 0 ? r : lookup_member(fs, &p, name, w, out, absent_for_good);
	}
	n = node_fixed_need(fs, parent, name, w);
	if (n < 0)
		return n;
	n = node_fixed(fs, parent, e);
	for (int i = 0; i < n; i++)
		if (strcmp(name, e[i].name) == 0)
			return node_stat(fs, e[i].ino, out);
	return n >= 0 ? -ENOENT : -ENOTDIR;
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

static int64_t read_row(const struct place *p, void *buf, size_t len, uint64_t off,
			struct waiter *w)
{
	AUTO(member_free) struct member m = { 0 };
	int r = archive_get(p->archive, p->row, &m);

	if (r < 0)
		return r;
	if (S_ISDIR(m.mode) || p->kind != KIND_PLAIN)
		return -EISDIR;
	return archive_pread(p->archive, &m, buf, len, off, w);
}

int64_t node_read(struct fs *fs, uint64_t ino, uint64_t handle, void *buf, size_t len, uint64_t off,
		  struct waiter *w)
{
	struct place p = node_place(fs, ino);
	struct volume *v = p.volume;
	const char *text;

	if (ino_is_branch(ino))
		return node_branch_read(fs, ino, handle, buf, len, off, w);
	if (ino >= INO_STATUS && ino <= INO_LOG)
		return control_read(fs, ino, buf, len, off);
	if (p.row > 0)
		return read_row(&p, buf, len, off, w);
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
	case LOCAL_CROISSANT:
		return extras_known_description(&v->extras, &text) && text
		       ? read_text(text, buf, len, off) : -ENOENT;
	default:
		return -EISDIR;
	}
}

int64_t node_bring(struct fs *fs, uint64_t ino, size_t len, uint64_t off, struct waiter *w)
{
	struct place p = node_place(fs, ino);
	struct node n;
	int r;

	if (!store_blocks_cache(fs->st))
		return -EROFS;
	if (p.row > 0)
		return read_row(&p, NULL, len, off, w);
	if (p.volume && ino_local(ino) == LOCAL_FILE)
		return reader_pread(p.volume->raw, NULL, len, off, w);
	/* What is made here is here. */
	r = node_stat_reader(fs, ino, &n);
	return r < 0 ? r : off < (uint64_t)n.st.st_size ? (int64_t)((uint64_t)n.st.st_size - off) : 0;
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
	struct place p = node_place(fs, ino);
	struct node n;
	uint64_t at;
	int r = node_stat(fs, ino, &n);

	if (r < 0)
		return r;
	if (off >= (uint64_t)n.st.st_size)
		return -ENXIO;
	at = hole ? (uint64_t)n.st.st_size : off;
	if (p.row > 0 && p.kind == KIND_PLAIN) {
		r = archive_get(p.archive, p.row, &m);
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
	struct place p = node_place(fs, ino);
	int r;

	if (ino_is_branch(ino))
		return node_branch_readlink(fs, ino, w, out);
	if (p.volume && ino_local(ino) == LOCAL_ID) {
		*out = strdup(p.volume->dir);
		return *out ? 0 : -ENOMEM;
	}
	if (p.row == 0 || p.kind != KIND_PLAIN)
		return -EINVAL;
	r = archive_get(p.archive, p.row, &m);
	return r < 0 ? r : archive_readlink(p.archive, &m, w, out);
}

uint64_t node_progress(struct fs *fs, uint64_t ino)
{
	struct place p = node_place(fs, ino);
	struct archive *listed = node_listed(fs, &p);
	/* Bytes that come from anywhere count too: a fetch that gets nothing has its own deadline. */
	uint64_t sum = stats_get(storage_bytes);
	struct nest_place inner;

	if (ino_is_branch(ino))
		return node_branch_progress() +
		       (node_branch_enter(fs, ino, NULL, &inner) == 0
				? archive_progress(inner.archive)
				: 0);
	if (p.volume && p.volume->archive)
		sum += archive_progress(p.volume->archive);
	if (fs->nest)
		sum += nest_progress(fs->nest, p.number);
	if (listed && listed != p.archive)
		sum += archive_progress(listed);
	return sum;
}
