/* SPDX-License-Identifier: MPL-2.0 */
/* object.c - see object.h. */
#include "store/object.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/url.h"
#include "store/about.h"
#include "store/blocks.h"
#include "store/facts.h"
#include "store/origin.h"
#include "store/rawfill.h"
#include "store/sequential.h"

struct object {
	struct reader reader;
	struct store *st;
	char identity[DIGEST_HEX];
	char version[256]; /* what tells it from others of the same name, for people */
	char *dir;
	int use;	       /* of dir (about.h), or -1 */
	int fd;		       /* a local file, else -1 */
	char *path;	       /* its name */
	struct stat st_open;   /* what it was when it was opened */
	_Atomic bool changed;  /* and is not any more */
	struct origin *origin; /* a remote one */
	struct blocks *raw;
};

static struct object *object_of(struct reader *r)
{
	return container_of(r, struct object, reader);
}

/* ---- local files ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that is written over has another time before its other bytes are read. */
static int local_read(struct object *o, void *buf, size_t len, uint64_t off)
{
	struct stat now;
	int r = file_read_at(o->fd, buf, len, off);

	if (object_changed(o))
		return -ESTALE;
	if (fstat(o->fd, &now) < 0)
		return -errno;
	if (same_file(&now, &o->st_open))
		return r;
	if (!atomic_exchange(&o->changed, true))
		(void)log_warn(0, "%s: the file has been changed", o->path);
	return -ESTALE;
}

static int64_t local_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	/* A local disk answers now, and what is there need not be brought. */
	int e = buf ? local_read(object_of(r), buf, len, off) : 0;

	(void)w;
	return e < 0 ? e : (int64_t)len;
}

static int local_chunk(struct reader *r, struct range at, bool demand, struct chunk **out)
{
	struct chunk *c = chunk_new(r->memory, at);

	(void)demand;
	if (!c)
		return -ENOMEM;
	chunk_end(c, local_read(object_of(r), c->data, range_len(at), at.from));
	*out = c;
	return 0;
}

static const struct reader_ops local_ops = { local_pread, local_chunk };

static int open_local(struct object *o, struct source *s, const char *path, char why[static 512])
{
	struct stat st;

	o->path = strdup(path);
	if (!o->path)
		return -ENOMEM;
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &st) < 0) {
		int r = -errno;

		snprintf(why, 512, "%s: cannot be read: %s", path, strerror(-r));
		return r;
	}
	o->reader.ops = &local_ops;
	o->reader.size = (uint64_t)st.st_size;
	o->st_open = st;
	snprintf(o->version, sizeof(o->version), "%lld.%09ld %lld", (long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec, (long long)st.st_size);
	return digest_strings(o->identity, source_scheme(s), source_key(s), "local", o->version,
			      NULL);
}

/* By name: a file that was put in the place of the one that is open. */
static int check_local(struct object *o)
{
	struct stat now;

	if (stat(o->path, &now) < 0)
		return -errno;
	if (!same_file(&now, &o->st_open))
		atomic_store(&o->changed, true);
	return object_changed(o) ? -ESTALE : 0;
}

/* ---- remote objects ---- */

static int64_t remote_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	return blocks_pread(object_of(r)->raw, buf, len, off, w);
}

static int remote_chunk(struct reader *r, struct range at, bool demand, struct chunk **out)
{
	struct object *o = object_of(r);

	if (origin_is_whole(o->origin))
		return sequential_chunk(o->st, o->raw, at, out);
	return rawfill_chunk(o->st, o->origin, o->raw, at, demand, out);
}

static const struct reader_ops remote_ops = { remote_pread, remote_chunk };

/* Ask storage for the first block: it tells size and ETag. */
static int probe(struct object *o, struct block *first)
{
	AUTO(auto_chunk_free) struct chunk *c = NULL;
	static const _Atomic bool never = false;
	struct range at = { 0, BLOCK_SIZE };
	uint64_t size;
	int r = rawfill_chunk(o->st, o->origin, NULL, at, true, &c);

	if (r == 0)
		r = chunk_wait_thread(c, &never);
	if (r < 0)
		return r;
	size = origin_size(o->origin);
	if (size == UINT64_MAX)
		return log_error(-EOPNOTSUPP, "the server does not say how large the file is");
	first->len = (uint32_t)MIN(size, BLOCK_SIZE);
	memcpy(first->data, c->data, first->len);
	return 0;
}

static int go_by_facts(struct object *o, struct source *s, const struct facts *f)
{
	o->origin = origin_free(o->origin);
	return origin_new(o->st, s, f->size, f->version, &o->origin);
}

/* Does storage answer no ranges, and is that to be put up with?  Then the origin goes on without. */
static bool goes_whole(struct object *o, struct source *s, int probed)
{
	if (probed != -EOPNOTSUPP || !o->st->opt->sequential)
		return false;
	origin_set_whole(o->origin);
	(void)log_warn(0, "%s: it is read from its first byte on, in one go",
		       source_dataset(s)->filename);
	return true;
}

/* Size and version, from the source, from storage, or from an earlier time.  An error has been
 * logged by the origin or the source. */
static int find_version(struct object *o, struct source *s, struct facts *f, struct block *first)
{
	const struct dataset *d = source_dataset(s);
	int r = origin_new(o->st, s, d->has_size ? d->size : UINT64_MAX, "", &o->origin);

	if (r < 0)
		return r;
	if (d->has_size && d->checksum[0]) {
		f->size = d->size;
		snprintf(f->version, sizeof(f->version), "%s", d->checksum);
		if (source_recalled(s)) /* one attempt will show whether storage is there */
			origin_set_absent(o->origin);
		else if (o->st->opt->sequential) /* what else is wrong, readers will hear */
			(void)goes_whole(o, s, probe(o, first));
		return 0;
	}
	if (o->st->facts_first && !o->st->opt->sequential &&
	    facts_load(o->st->state_dir, source_scheme(s), source_key(s), f) == 0)
		return go_by_facts(o, s, f);
	r = probe(o, first);
	if (goes_whole(o, s, r))
		r = probe(o, first);
	if (r == 0) {
		f->size = origin_size(o->origin);
		origin_validator(o->origin, f->version);
		if (f->version[0])
			facts_save(o->st->state_dir, source_scheme(s), source_key(s), f);
		else /* nothing tells this version from the next: what is cached is of this mount only */
			snprintf(f->version, sizeof(f->version), "mount %ld %" PRId64,
				 (long)getpid(), clock_ms());
		return 0;
	}
	if (r == -EACCES || r == -ENOENT || r == -EOPNOTSUPP ||
	    facts_load(o->st->state_dir, source_scheme(s), source_key(s), f) < 0)
		return r;
	(void)log_warn(r, "%s: storage cannot be reached, showing what is cached", d->filename);
	r = go_by_facts(o, s, f);
	if (r == 0)
		origin_set_absent(o->origin);
	return r;
}

static int open_remote(struct object *o, struct source *s)
{
	struct store *st = o->st;
	struct block *first = block_new(st->memory);
	struct facts f = { 0 };
	char size[32];
	int r = first ? find_version(o, s, &f, first) : -ENOMEM;

	if (r < 0)
		goto out;
	o->reader.ops = &remote_ops;
	o->reader.size = f.size;
	memcpy(o->version, f.version, sizeof(f.version));
	snprintf(size, sizeof(size), "%" PRIu64, f.size);
	r = digest_strings(o->identity, source_scheme(s), source_key(s), f.version, size, NULL);
	if (r < 0)
		goto out;
	r = (origin_is_whole(o->origin) ? sequential_blocks : rawfill_blocks)(
		st, o->origin, o->identity, f.size, &o->raw);
	if (r == 0 && first->len > 0) {
		blocks_put(o->raw, 0, first);
		return 0;
	}
out:
	block_unref(first);
	return r;
}

/* ---- its place in the cache ---- */

/* For `mdcfs cache`, which shows names and not identities.  All of it may be shown. */
static void describe(const struct object *o, struct source *s, struct about *a)
{
	const struct dataset *d = source_dataset(s);

	memset(a, 0, sizeof(*a));
	if (d->id && d->id[0])
		snprintf(a->name, sizeof(a->name), "%s:%s", source_scheme(s), d->slug);
	else
		url_redact(source_key(s), a->name, sizeof(a->name));
	snprintf(a->file, sizeof(a->file), "%s", d->filename);
	snprintf(a->version, sizeof(a->version), "%s", o->version);
	a->size = o->reader.size;
	if (digest_strings(a->of, source_scheme(s), source_key(s), NULL) < 0)
		a->of[0] = '\0';
}

/* -ENOMEM; another error was logged: nothing is kept, everything works. */
static int settle(struct object *o, struct source *s)
{
	struct about a;
	int r = cache_object_dir(o->st->cache, o->identity, &o->dir);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	describe(o, s, &a);
	r = about_enter(o->dir, &a, &o->use);
	if (r < 0)
		debug(store, "%s: nobody is told that it is in use: %s", o->dir, strerror(-r));
	return 0;
}

int object_open(struct store *st, struct source *s, struct object **out, char why[static 512])
{
	struct object *o = calloc(1, sizeof(*o));
	const char *path = source_path(s);
	int r;

	why[0] = '\0';
	if (!o)
		return -ENOMEM;
	o->st = st;
	o->fd = o->use = -1;
	r = path ? open_local(o, s, path, why) : open_remote(o, s);
	o->reader.identity = o->identity;
	o->reader.memory = st->memory;
	if (r == 0 && st->cache)
		r = settle(o, s);
	if (r < 0) {
		if (r == -ENOMEM)
			snprintf(why, 512, "%s: %s", source_dataset(s)->filename, strerror(-r));
		object_close(o);
		return r;
	}
	*out = o;
	return 0;
}

struct object *object_close(struct object *o)
{
	if (!o)
		return NULL;
	blocks_free(o->raw);
	origin_free(o->origin);
	auto_close(&o->fd);
	free(o->path);
	about_leave(o->dir, o->use);
	free(o->dir);
	free(o);
	return NULL;
}

struct reader *object_reader(struct object *o)
{
	return &o->reader;
}

const char *object_version(const struct object *o)
{
	return o->version;
}

bool object_changed(const struct object *o)
{
	return o->origin ? origin_changed(o->origin)
			 : atomic_load_explicit(&o->changed, memory_order_relaxed);
}

static void set_changed(struct object *o, bool changed)
{
	if (o->origin)
		origin_set_changed(o->origin, changed);
	else
		atomic_store(&o->changed, changed);
}

/* Nothing is read from a local file any more; when it has been removed, its disk space shall be free. */
static void let_go(struct object *o)
{
	AUTO(auto_close) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (o->fd >= 0 && null >= 0)
		(void)dup3(null, o->fd, O_CLOEXEC); /* somebody may be reading it just now */
}

void object_set_changed(struct object *o)
{
	set_changed(o, true);
	let_go(o);
}

bool object_absent(struct object *o)
{
	return o->origin && origin_absent(o->origin);
}

int object_check(struct object *o, const _Atomic bool *stop)
{
	AUTO(auto_chunk_free) struct chunk *c = NULL;
	int r;

	if (!o->origin)
		return check_local(o);
	r = rawfill_chunk(o->st, o->origin, NULL, (struct range){ 0, 1 }, false, &c);
	return r < 0 ? r : chunk_wait_thread(c, stop);
}

int object_recheck(struct object *o, const _Atomic bool *stop)
{
	int r;

	set_changed(o, false); /* who reads meanwhile is told by storage itself */
	r = object_check(o, stop);
	if (r < 0)
		set_changed(o, true);
	return r;
}

const char *object_dir(const struct object *o)
{
	return o->dir;
}
