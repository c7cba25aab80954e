/* SPDX-License-Identifier: MPL-2.0 */
/* cache.c - see cache.h.
 *
 * What is where: blockmap.c has the records, usage.c the limit, evict.c the clock, objects.c what is
 * said of whole objects, writer.c the queue of blocks to be written, outage.c the failing disk; here
 * and in cache_write.c they are put together.
 *
 * A read: the record, the data, its checksum, and the record once more; no lock.
 *
 * The files of a layer may be opened again (they were read-only, or somebody removed them).
 * What was opened before stays until the layer is closed: readers hold no reference.
 * Lock order: layer lock > cache lock; neither is held over reads and writes of blocks.
 */
#include "store/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "store/about.h"
#include "store/cache_parts.h"

#define REOPENS_MAX 64 /* of one layer */

/* -- the directory -- */

static struct cache_shared *shared_free(struct cache_shared *s)
{
	if (!s)
		return NULL;
	fetching_close(s->fetching);
	evict_free(s->evict);
	usage_close(s->usage);
	free(s);
	return NULL;
}

static int shared_make(struct cache *c, struct cache_shared **out)
{
	struct cache_shared *s = calloc(1, sizeof(*s));
	int r = s ? dir_make(c->objects_dir, 0700) : -ENOMEM;

	if (r == 0)
		r = file_punches(c->dir, &s->holes);
	if (r == 0)
		r = usage_open(c->dir, c->max_bytes, c->min_free, &s->usage);
	if (r == 0)
		r = evict_new(c->objects, s->usage, s->holes, &s->evict);
	if (r == 0)
		r = fetching_open(c->dir, &s->fetching);
	if (r == 0 && !s->holes)
		log_info("cache %s: no holes can be punched there; blocks are given up by the "
			 "object",
			 c->dir);
	if (r < 0)
		shared_free(s);
	else
		*out = s;
	return r;
}

int cache_shared_get(struct cache *c, struct cache_shared **out)
{
	struct cache_shared *s = atomic_load_explicit(&c->shared, memory_order_acquire);
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

static int cache_new(const struct cache_config *config, struct cache **out)
{
	struct cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = config->max_bytes;
	c->min_free = config->min_free;
	c->dir = strdup(config->dir);
	c->objects_dir = path_join(config->dir, "objects");
	c->outage.dir = c->pace.dir = c->dir;
	r = c->dir && c->objects_dir ? objects_open(config->dir, &c->objects) : -ENOMEM;
	if (r == 0)
		r = writer_new(c, &c->writer);
	if (r == 0)
		r = follow_new(&c->follow);
	if (r < 0)
		cache_close(c);
	else
		*out = c;
	return r;
}

int cache_open(const struct cache_config *config, struct cache **out)
{
	AUTO(auto_close) int fd = -1;
	struct cache_shared *s;
	struct cache *c;
	int r = dir_make(config->dir, 0700);

	if (r == 0 && (fd = open(config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = -errno;
	if (r < 0)
		return log_error(r, "cache directory %s", config->dir);
	r = cache_new(config, &c);
	if (r < 0)
		return r;
	r = cache_shared_get(c, &s);
	if (r == -ENOMEM) {
		cache_close(c);
		return r;
	}
	(void)outage_result(&c->outage, r); /* what is there is served nevertheless */
	*out = c;
	return 0;
}

struct cache *cache_close(struct cache *c)
{
	if (!c)
		return NULL;
	follow_free(c->follow);
	writer_free(c->writer);
	shared_free(atomic_load(&c->shared));
	objects_close(c->objects);
	pthread_mutex_destroy(&c->lock);
	free(c->objects_dir);
	free(c->dir);
	free(c);
	return NULL;
}

static void measure(struct cache *c, uint64_t *data, uint64_t *meta)
{
	struct cache_shared *s = atomic_load_explicit(&c->shared, memory_order_acquire);

	*data = *meta = 0;
	if (!s) {
		(void)!objects_measure(c->objects, data, meta);
		return;
	}
	*data = usage_bytes(s->usage);
	*meta = usage_meta(s->usage);
}

uint64_t cache_used(struct cache *c)
{
	uint64_t data, meta;

	measure(c, &data, &meta);
	return data;
}

uint64_t cache_meta(struct cache *c)
{
	uint64_t data, meta;

	measure(c, &data, &meta);
	return meta;
}

void cache_bound_queue(struct cache *c, uint64_t blocks)
{
	writer_bound(c->writer, blocks);
}

const char *cache_dir(const struct cache *c)
{
	return c->dir;
}

struct objects *cache_objects(struct cache *c)
{
	return c->objects;
}

int cache_remove(struct cache *c, const char *identity)
{
	struct cache_shared *s;
	int r = cache_shared_get(c, &s);

	return r < 0 ? r : evict_remove(s->evict, identity);
}

int cache_recount(struct cache *c)
{
	struct cache_shared *s;
	int r = cache_shared_get(c, &s);

	return r < 0 ? r : evict_recount(s->evict);
}

int cache_trim(struct cache *c)
{
	struct cache_shared *s;
	int r = cache_shared_get(c, &s);

	if (r == 0)
		r = evict_recount(s->evict);
	if (r < 0)
		return r;
	do
		r = evict_room(s->evict, 0);
	while (r == -EAGAIN);
	return r;
}

static int object_path(struct cache *c, const char *identity, char **out)
{
	if (!objects_name(identity))
		return log_error(-EINVAL, "cache: no object can be called '%.80s'", identity);
	*out = path_join(c->objects_dir, identity);
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

static struct cache_files *files_close(struct cache_files *f)
{
	while (f) {
		struct cache_files *older = f->older;

		blockmap_close(f->map);
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		f = older;
	}
	return NULL;
}

static void files_closep(struct cache_files **f)
{
	files_close(*f);
}

static int files_open(const char *base, bool writable, struct cache_files **out)
{
	AUTO(files_closep) struct cache_files *f = calloc(1, sizeof(*f));
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
	f->fd = open(data,
		     O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (writable ? O_RDWR | O_CREAT : O_RDONLY),
		     0600);
	if (f->fd < 0)
		return -errno;
	if (blockmap_fresh(f->map) && lseek(f->fd, 0, SEEK_END) > 0)
		(void)log_warn(0,
			       "cache %s: the map is missing, damaged or of another version: "
			       "started anew",
			       base);
	atomic_init(&f->map_bytes, blockmap_bytes(f->map));
	if (blockmap_fresh(f->map) && ftruncate(f->fd, 0) < 0) /* data of a map that is gone */
		return -errno;
	*out = steal(&f);
	return 0;
}

/* Can blocks be written to these? */
static bool files_good(const struct cache_files *f)
{
	struct stat st;

	return f && blockmap_writable(f->map) && !blockmap_gone(f->map) && fstat(f->fd, &st) == 0 &&
	       st.st_nlink > 0;
}

static void layer_push(struct cache_layer *l, struct cache_files *f)
{
	f->older = atomic_load(&l->files);
	atomic_store_explicit(&l->files, f, memory_order_release);
}

int cache_layer_files(struct cache_layer *l, struct cache_files **out)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
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
	l->use = -1;
	l->dir = dir;
	l->base = path_join(dir, name);
	l->identity = strdup(identity);
	l->key = fetching_key(identity, name);
	if (!l->base || !l->identity) {
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
	struct cache_files *f;
	int r = objects_layer_name(name, strlen(name))
			? layer_new(c, identity, name, &l)
			: log_error(-EINVAL, "cache: no layer can be called '%.80s'", name);

	if (r < 0)
		return r;
	if (about_enter(l->dir, NULL, &l->use) < 0)
		debug(cache, "%s: nobody is told that it is in use", l->base);
	r = cache_layer_files(l, &f);
	if (r == -ENOMEM) {
		cache_layer_close(l);
		return r;
	}
	if (r < 0 && files_open(l->base, false, &f) == 0) {
		LOCK_SCOPE(&l->lock);
		layer_push(l, f);
	}
	if (r < 0)
		(void)outage_result(&c->outage, r);
	*out = l;
	return 0;
}

struct cache_layer *cache_layer_close(struct cache_layer *l)
{
	if (!l)
		return NULL;
	writer_finish(l->cache->writer, l);
	files_close(atomic_load(&l->files));
	pthread_mutex_destroy(&l->lock);
	about_leave(l->dir, l->use);
	free(l->identity);
	free(l->base);
	free(l->dir);
	free(l);
	return NULL;
}

/* -- who brings a block -- */

static struct fetching *fetching_of(struct cache_layer *l)
{
	struct cache_shared *s = atomic_load_explicit(&l->cache->shared, memory_order_acquire);

	return s && !outage_down(&l->cache->outage) ? s->fetching : NULL;
}

bool cache_claim(struct cache_layer *l, uint64_t blk)
{
	return fetching_begin(fetching_of(l), l->key, blk);
}

void cache_unclaim(struct cache_layer *l, uint64_t blk)
{
	struct cache_shared *s = atomic_load_explicit(&l->cache->shared, memory_order_acquire);

	if (s) /* also while the disk fails */
		fetching_end(s->fetching, l->key, blk);
}

bool cache_elsewhere(struct cache_layer *l, uint64_t blk)
{
	return fetching_elsewhere(fetching_of(l), l->key, blk);
}

struct follow *cache_follow(struct cache *c)
{
	return c->follow;
}

/* -- reading -- */

void cache_forget(struct cache_layer *l, struct cache_files *f, uint64_t blk,
		  const struct block_record *b)
{
	struct cache_shared *s = atomic_load_explicit(&l->cache->shared, memory_order_acquire);

	if (!s || !blockmap_writable(f->map) || usage_enter(s->usage) < 0)
		return;
	(void)evict_block(s->usage, f->map, f->fd, blk, b);
	usage_leave(s->usage);
}

/* The block is recorded, but these are not its bytes. */
static void refuse(struct cache_layer *l, struct cache_files *f, uint64_t blk,
		   const struct block_record *b, int r)
{
	stats_inc(cache_bad);
	if (!atomic_exchange(&l->bad_logged, true))
		(void)log_warn(r, "cache %s: block %llu is damaged, a miss from now on", l->base,
			       (unsigned long long)blk);
	cache_forget(l, f, blk, b);
}

static int read_block(struct cache_layer *l, uint64_t blk, void *buf, size_t *len, bool use)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;
	int64_t began;
	int r;

	if (!f || blockmap_get(f->map, blk, &b) != BLOCK_VALID)
		return -ENOENT;
	began = pace_begin(&l->cache->pace);
	r = file_read_at(f->fd, buf, b.len, blk * BLOCK_SIZE);
	pace_end(&l->cache->pace, began);
	if (r == 0 && crc32c(0, buf, b.len) != b.crc)
		r = -EBADMSG;
	if (!blockmap_same(f->map, blk, &b))
		return -ENOENT; /* evicted while we read: nothing is wrong */
	if (r < 0) {
		refuse(l, f, blk, &b, r);
		return -EBADMSG;
	}
	if (use)
		blockmap_touch(f->map, blk, &b);
	*len = b.len;
	return 0;
}

int cache_read(struct cache_layer *l, uint64_t blk, void *buf, size_t *len)
{
	int r = read_block(l, blk, buf, len, true);

	if (r == 0)
		stats_inc(cache_hits);
	else
		stats_inc(cache_misses);
	return r == 0 ? 0 : -ENOENT;
}

int cache_check(struct cache_layer *l, uint64_t blk, void *buf, size_t *len)
{
	return read_block(l, blk, buf, len, false);
}

bool cache_next(struct cache_layer *l, uint64_t *blk)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	return f && blockmap_next(f->map, blk, &b);
}

bool cache_has(struct cache_layer *l, uint64_t blk)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	return f && blockmap_get(f->map, blk, &b) == BLOCK_VALID;
}

bool cache_is_slow(struct cache_layer *l)
{
	return !pace_allows(&l->cache->pace);
}

bool cache_insist(struct cache_layer *l)
{
	return pace_insist(&l->cache->pace);
}

void cache_drop(struct cache_layer *l, uint64_t blk)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	if (f && blockmap_get(f->map, blk, &b) == BLOCK_VALID)
		cache_forget(l, f, blk, &b);
}
