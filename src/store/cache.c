/* SPDX-License-Identifier: MPL-2.0 */
/* cache.c - see cache.h.
 *
 * What is where: blockmap.c has the records, usage.c the limit, evict.c the clock; here they
 * are put together, and a failing disk is kept away from the readers.
 *
 * A write: room is made, the gate entered (usage.h), the bytes reserved, the record claimed,
 * the data written, the record published.  A read: the record, the data, its checksum, and
 * the record once more; no lock.
 *
 * The files of a layer may be opened again (they were read-only, or somebody removed them).
 * What was opened before stays until the layer is closed: readers hold no reference.
 * Lock order: layer lock > cache lock; neither is held over reads and writes of blocks.
 */
#include "store/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "store/blockmap.h"
#include "store/evict.h"
#include "store/usage.h"

#define RETRY_MS 5000     /* between two attempts at a failing disk */
#define ROOM_TRIES 8      /* others may take the room that was made */
#define REOPENS_MAX 64    /* of one layer */
#define WRITE_NEEDLESS 1  /* somebody else has just written the same block */

/* What needs a directory that can be written; made at the first attempt that succeeds. */
struct shared {
	struct usage *usage;
	struct evict *evict;
};

struct cache {
	char *dir, *objects;             /* set once */
	uint64_t max_bytes, min_free;    /* set once */
	pthread_mutex_t lock;            /* making `shared` */
	_Atomic(struct shared *) shared; /* set once; NULL: read-only until now */
	atomic_bool down;                /* the disk fails */
	_Atomic int64_t retry_ms;        /* when it is tried again */
};

struct files {
	struct blockmap *map;
	int fd;
	struct files *older;
};

struct cache_layer {
	struct cache *cache;
	char *dir, *base;                /* set once; base: path without suffix */
	pthread_mutex_t lock;            /* opening files */
	unsigned opened;                 /* times; guarded by lock */
	_Atomic(struct files *) files;   /* the newest; NULL: there are none */
	atomic_bool bad_logged;
};

/* -- a failing disk -- */

/* Is this the disk, and not this one call? */
static bool is_outage(int r)
{
	switch (r) {
	case -ENOMEM:
	case -EAGAIN:
	case -EBUSY:
	case -ESTALE:
	case -EMFILE:
	case -ENFILE:
		return false;
	default:
		return r < 0;
	}
}

static int disk_failed(struct cache *c, int r)
{
	atomic_store(&c->retry_ms, clock_ms() + RETRY_MS);
	if (!atomic_exchange(&c->down, true))
		(void)log_warn(r, "cache %s is bypassed", c->dir);
	return r;
}

/* May the disk be tried?  While it is down one caller may, every few seconds. */
static bool disk_allows(struct cache *c)
{
	int64_t now = clock_ms(), due = atomic_load(&c->retry_ms);

	return !atomic_load(&c->down) ||
	       (now >= due && atomic_compare_exchange_strong(&c->retry_ms, &due, now + RETRY_MS));
}

static int disk_result(struct cache *c, int r)
{
	if (r < 0 && r != -EBUSY)
		stats_inc(cache_bypassed);
	if (is_outage(r))
		return disk_failed(c, r);
	if (r == 0 && atomic_exchange(&c->down, false))
		log_info("cache %s is used again", c->dir);
	return r;
}

/* -- the directory -- */

static struct shared *shared_free(struct shared *s)
{
	if (!s)
		return NULL;
	evict_free(s->evict);
	usage_close(s->usage);
	free(s);
	return NULL;
}

static int shared_make(struct cache *c, struct shared **out)
{
	struct shared *s = calloc(1, sizeof(*s));
	int r = s ? dir_make(c->objects, 0700) : -ENOMEM;

	if (r == 0)
		r = usage_open(c->dir, c->max_bytes, c->min_free, &s->usage);
	if (r == 0)
		r = evict_new(c->objects, s->usage, &s->evict);
	if (r < 0)
		shared_free(s);
	else
		*out = s;
	return r;
}

static int shared_get(struct cache *c, struct shared **out)
{
	struct shared *s = atomic_load_explicit(&c->shared, memory_order_acquire);
	int r = 0;

	if (!s) {
		LOCK_SCOPE(&c->lock);
		s = atomic_load(&c->shared);
		if (!s)
			r = shared_make(c, &s);
		if (r == 0)
			atomic_store_explicit(&c->shared, s, memory_order_release);
	}
	if (r == 0)
		*out = s;
	return r;
}

int cache_open(const struct cache_config *config, struct cache **out)
{
	AUTO(auto_close) int fd = -1;
	struct shared *s;
	struct cache *c;
	int r = dir_make(config->dir, 0700);

	if (r == 0 && (fd = open(config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = -errno;
	if (r < 0)
		return log_error(r, "cache directory %s", config->dir);
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = config->max_bytes;
	c->min_free = config->min_free;
	c->dir = strdup(config->dir);
	c->objects = path_join(config->dir, "objects");
	r = c->dir && c->objects ? shared_get(c, &s) : -ENOMEM;
	if (r == -ENOMEM) {
		cache_close(c);
		return r;
	}
	if (r < 0) /* what is there is served nevertheless */
		(void)disk_failed(c, r);
	*out = c;
	return 0;
}

struct cache *cache_close(struct cache *c)
{
	if (!c)
		return NULL;
	shared_free(atomic_load(&c->shared));
	pthread_mutex_destroy(&c->lock);
	free(c->objects);
	free(c->dir);
	free(c);
	return NULL;
}

uint64_t cache_used(struct cache *c)
{
	struct shared *s = atomic_load_explicit(&c->shared, memory_order_acquire);
	uint64_t bytes = 0;

	if (s)
		return usage_bytes(s->usage);
	return evict_measure(c->objects, &bytes) == 0 ? bytes : 0;
}

const char *cache_dir(const struct cache *c)
{
	return c->dir;
}

static int object_path(struct cache *c, const char *identity, char **out)
{
	if (!evict_object_name(identity))
		return log_error(-EINVAL, "cache: no object can be called '%.80s'", identity);
	*out = path_join(c->objects, identity);
	return *out ? 0 : -ENOMEM;
}

int cache_object_dir(struct cache *c, const char *identity, char **out)
{
	AUTO(auto_free) char *path = NULL;
	int r = object_path(c, identity, &path);

	if (r < 0)
		return r;
	r = dir_make(path, 0700);
	if (r < 0)
		return log_error(r, "cache directory %s", path);
	*out = steal(&path);
	return 0;
}

/* -- layers -- */

static struct files *files_close(struct files *f)
{
	while (f) {
		struct files *older = f->older;

		blockmap_close(f->map);
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		f = older;
	}
	return NULL;
}

static void files_closep(struct files **f)
{
	files_close(*f);
}

static int files_open(const char *base, bool writable, struct files **out)
{
	AUTO(files_closep) struct files *f = calloc(1, sizeof(*f));
	AUTO(auto_free) char *map = NULL;
	AUTO(auto_free) char *data = NULL;
	int r;

	if (f)
		f->fd = -1;
	if (asprintf(&map, "%s.map", base) < 0)
		map = NULL;
	if (asprintf(&data, "%s.data", base) < 0)
		data = NULL;
	if (!f || !map || !data)
		return -ENOMEM;
	r = blockmap_open(map, writable ? BLOCKMAP_MAKE : BLOCKMAP_READ, &f->map);
	if (r < 0)
		return r;
	f->fd = open(data, O_CLOEXEC | O_NOFOLLOW | (writable ? O_RDWR | O_CREAT : O_RDONLY), 0600);
	if (f->fd < 0)
		return -errno;
	if (blockmap_fresh(f->map) && ftruncate(f->fd, 0) < 0) /* data of a map that is gone */
		return -errno;
	*out = steal(&f);
	return 0;
}

/* Can blocks be written to these? */
static bool files_good(const struct files *f)
{
	struct stat st;

	return f && blockmap_writable(f->map) && !blockmap_gone(f->map) && fstat(f->fd, &st) == 0 &&
	       st.st_nlink > 0;
}

static void layer_push(struct cache_layer *l, struct files *f)
{
	f->older = atomic_load(&l->files);
	atomic_store_explicit(&l->files, f, memory_order_release);
}

/* The layer's files, opened (again) if need be, ready to be written. */
static int layer_files(struct cache_layer *l, struct files **out)
{
	struct files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	int r;

	if (!files_good(f)) {
		LOCK_SCOPE(&l->lock);
		f = atomic_load(&l->files);
		if (!files_good(f)) {
			if (l->opened >= REOPENS_MAX)
				return -ESTALE;
			r = dir_make(l->dir, 0700);
			if (r == 0)
				r = files_open(l->base, true, &f);
			if (r < 0)
				return r;
			l->opened++;
			layer_push(l, f);
		}
	}
	*out = f;
	return 0;
}

static int layer_new(struct cache *c, const char *identity, const char *name,
		     struct cache_layer **out)
{
	struct cache_layer *l;
	char *dir = NULL;
	int r = object_path(c, identity, &dir);

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l) {
		free(dir);
		return -ENOMEM;
	}
	pthread_mutex_init(&l->lock, NULL);
	l->cache = c;
	l->dir = dir;
	l->base = path_join(dir, name);
	if (!l->base) {
		cache_layer_close(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

int cache_layer_open(struct cache *c, const char *identity, const char *name,
		     struct cache_layer **out)
{
	struct cache_layer *l = NULL;
	struct files *f;
	int r = evict_layer_name(name, strlen(name)) ? layer_new(c, identity, name, &l) :
		log_error(-EINVAL, "cache: no layer can be called '%.80s'", name);

	if (r < 0)
		return r;
	r = layer_files(l, &f);
	if (r == -ENOMEM) {
		cache_layer_close(l);
		return r;
	}
	if (r < 0 && files_open(l->base, false, &f) == 0) {
		LOCK_SCOPE(&l->lock);
		layer_push(l, f);
	}
	if (is_outage(r))
		(void)disk_failed(c, r);
	*out = l;
	return 0;
}

struct cache_layer *cache_layer_close(struct cache_layer *l)
{
	if (!l)
		return NULL;
	files_close(atomic_load(&l->files));
	pthread_mutex_destroy(&l->lock);
	free(l->base);
	free(l->dir);
	free(l);
	return NULL;
}

/* -- reading -- */

static void forget(struct cache_layer *l, struct files *f, uint64_t blk,
		   const struct block_record *b)
{
	struct shared *s = atomic_load_explicit(&l->cache->shared, memory_order_acquire);

	if (!s || !blockmap_writable(f->map) || usage_enter(s->usage) < 0)
		return;
	(void)evict_block(s->usage, f->map, f->fd, blk, b);
	usage_leave(s->usage);
}

/* The block is recorded, but these are not its bytes. */
static void refuse(struct cache_layer *l, struct files *f, uint64_t blk,
		   const struct block_record *b, int r)
{
	if (!blockmap_same(f->map, blk, b))
		return; /* evicted while we read: nothing is wrong */
	stats_inc(cache_bad);
	if (!atomic_exchange(&l->bad_logged, true))
		(void)log_warn(r, "cache %s: block %llu is damaged, a miss from now on", l->base,
			       (unsigned long long)blk);
	forget(l, f, blk, b);
}

static int read_block(struct cache_layer *l, uint64_t blk, void *buf, size_t *len)
{
	struct files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;
	int r;

	if (!f || blockmap_get(f->map, blk, &b) != BLOCK_VALID)
		return -ENOENT;
	r = file_read_at(f->fd, buf, b.len, blk * BLOCK_SIZE);
	if (r == 0 && crc32c(0, buf, b.len) != b.crc)
		r = -EBADMSG;
	if (r < 0) {
		refuse(l, f, blk, &b, r);
		return -ENOENT;
	}
	if (!blockmap_same(f->map, blk, &b))
		return -ENOENT;
	blockmap_touch(f->map, blk, &b);
	*len = b.len;
	return 0;
}

int cache_read(struct cache_layer *l, uint64_t blk, void *buf, size_t *len)
{
	int r = read_block(l, blk, buf, len);

	if (r == 0)
		stats_inc(cache_hits);
	else
		stats_inc(cache_misses);
	return r;
}

bool cache_has(struct cache_layer *l, uint64_t blk)
{
	struct files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	return f && blockmap_get(f->map, blk, &b) == BLOCK_VALID;
}

void cache_drop(struct cache_layer *l, uint64_t blk)
{
	struct files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	if (f && blockmap_get(f->map, blk, &b) == BLOCK_VALID)
		forget(l, f, blk, &b);
}

/* -- writing -- */

/* 0, -EAGAIN when more has to go than one call should wait for, or -ENOSPC.  With 0 others may
 * still be faster to use the room. */
static int make_room(struct cache *c, struct shared *s, uint64_t n)
{
	int r;

	if (usage_recount_due(s->usage))
		if (usage_recount(s->usage, evict_measure, c->objects) < 0)
			debug(cache, "counting %s is put off", c->dir);
	if (usage_shortage(s->usage, n) == 0)
		return 0;
	r = evict_room(s->evict, n);
	if (r == 0)
		return 0;
	/* Full, and nothing to evict: the figure is wrong, or the disk is full of other things. */
	if (r == -ENOSPC)
		usage_doubt(s->usage);
	if (usage_doubted(s->usage) && usage_recount(s->usage, evict_measure, c->objects) < 0)
		return -EAGAIN;
	return usage_shortage(s->usage, n) == 0 ? 0 : r;
}

/* Inside the gate, the bytes reserved. */
static int write_claimed(struct shared *s, struct files *f, uint64_t blk, const void *buf,
			 size_t len)
{
	uint64_t ticket;
	int r = blockmap_claim(f->map, blk, usage_epoch(s->usage), &ticket);

	if (r == -EBUSY)
		usage_doubt(s->usage); /* its owner may be dead: a new epoch tells */
	if (r < 0)
		return r;
	r = file_write_at(f->fd, buf, len, blk * BLOCK_SIZE);
	if (r == 0)
		return blockmap_publish(f->map, blk, ticket, crc32c(0, buf, len), (uint32_t)len);
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(blk * BLOCK_SIZE),
		      BLOCK_SIZE) < 0)
		debug(cache, "block %llu keeps a part of its data", (unsigned long long)blk);
	blockmap_release(f->map, blk, ticket);
	return r;
}

/* *reserved is false when somebody else took the room meanwhile. */
static int write_inside(struct shared *s, struct files *f, uint64_t blk, const void *buf,
			size_t len, bool *reserved)
{
	uint64_t n = usage_round(len);
	int r = usage_enter(s->usage);

	if (r < 0)
		return r;
	*reserved = usage_reserve(s->usage, n);
	if (*reserved) {
		r = write_claimed(s, f, blk, buf, len);
		if (r < 0)
			usage_release(s->usage, n);
	}
	usage_leave(s->usage);
	return r;
}

static int write_block(struct cache_layer *l, uint64_t blk, const void *buf, size_t len)
{
	struct files *f = NULL;
	struct shared *s = NULL;
	bool reserved = false;
	int r = shared_get(l->cache, &s);

	if (r == 0)
		r = layer_files(l, &f);
	for (int i = 0; r == 0 && !reserved && i < ROOM_TRIES; i++) {
		r = make_room(l->cache, s, usage_round(len));
		if (r == 0)
			r = write_inside(s, f, blk, buf, len, &reserved);
		if (r == -ENOSPC && reserved && i == 0) { /* the disk was fuller than it said */
			usage_disk_full(s->usage);
			reserved = false;
			r = 0;
		}
	}
	if (r == -EEXIST)
		return WRITE_NEEDLESS;
	return r < 0 ? r : reserved ? 0 : -EAGAIN;
}

/* Is it there already?  A block of another length is none of this object: it goes. */
static bool is_there(struct cache_layer *l, uint64_t blk, size_t len)
{
	struct files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	if (!f || blockmap_get(f->map, blk, &b) != BLOCK_VALID)
		return false;
	if (b.len == len)
		return true;
	forget(l, f, blk, &b);
	return false;
}

int cache_write(struct cache_layer *l, uint64_t blk, const void *buf, size_t len)
{
	int r;

	if (len == 0 || len > BLOCK_SIZE || blk >= BLOCKMAP_MAX)
		return -EINVAL;
	if (is_there(l, blk, len))
		return 0;
	if (usage_round(len) > l->cache->max_bytes) {
		stats_inc(cache_bypassed);
		return -ENOSPC;
	}
	if (!disk_allows(l->cache)) {
		stats_inc(cache_bypassed);
		return -EAGAIN;
	}
	r = disk_result(l->cache, write_block(l, blk, buf, len));
	if (r == 0)
		stats_inc(cache_writes);
	return r == WRITE_NEEDLESS ? 0 : r;
}
