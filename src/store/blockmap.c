/* SPDX-License-Identifier: MPL-2.0 */
/* blockmap.c - see blockmap.h.
 *
 * m->lock and an flock on the file are held while the file grows; nothing else is locked.
 * Pages are allocated before they are first written, for a store to a hole of a full disk is a
 * signal, not an error; where a file system cannot do that, or the disk fails, guard.h helps.
 */
#include "store/blockmap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "store/cache.h"
#include "store/guard.h"

#define MAP_MAGIC 0x31706d736663646du /* "mdcfsmp1" on a little-endian machine */
#define MAP_VERSION 1u
#define HEADER_BYTES ((off_t)65536) /* a multiple of every page size */
#define SEGMENT_BYTES ((size_t)1 << 20)
#define SEGMENT_RECORDS (SEGMENT_BYTES / sizeof(struct record))
#define SEGMENTS (BLOCKMAP_MAX / SEGMENT_RECORDS)
#define CHUNK_BYTES ((size_t)65536) /* allocated at a time: 16 in a segment, one bit each */
#define HEAT_MAX 3u
#define EPOCH_MASK 0x3fffffffu
#define OPEN_TRIES 8

enum { STATE_FREE, STATE_BUSY, STATE_VALID, STATE_MASK };

struct header {
	uint64_t magic;
	uint32_t version, block_size, record_size, crc;
};

struct record {
	_Atomic uint64_t body, state;
};

struct blockmap {
	int fd;
	bool writable, fresh;
	atomic_bool broken; /* a page was lost: see guard.h */
	atomic_bool grown;
	_Atomic uint32_t serial;		     /* of the next claim */
	pthread_mutex_t lock;			     /* growing, one thread at a time */
	_Atomic(struct record *) segments[SEGMENTS]; /* set once each */
	_Atomic uint16_t allocated[SEGMENTS];	     /* chunks known to be */
};

static_assert(sizeof(struct header) == 24, "on-disk layout");
static_assert(sizeof(struct record) == 16, "on-disk layout");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "records are shared between processes");
static_assert(SEGMENT_BYTES / CHUNK_BYTES == 16, "one bit a chunk");

/* -- the words of a record -- */

static unsigned word_heat(uint64_t w)
{
	return w >> 2 & HEAT_MAX;
}

static uint64_t word_cold(uint64_t w) /* the same record, whatever its heat */
{
	return w & ~((uint64_t)HEAT_MAX << 2);
}

static uint64_t word_busy(uint32_t epoch, uint32_t serial)
{
	return STATE_BUSY | (uint64_t)(epoch & EPOCH_MASK) << 2 | (uint64_t)serial << 32;
}

static bool busy_is_stale(uint64_t w, uint32_t epoch)
{
	return (w >> 2 & EPOCH_MASK) != (epoch & EPOCH_MASK);
}

static uint64_t word_body(uint64_t blk, uint64_t state, uint32_t crc)
{
	uint64_t sealed[3] = { blk, word_cold(state), crc };

	return crc | (uint64_t)crc32c(0, sealed, sizeof(sealed)) << 32;
}

static enum block_state decode(uint64_t blk, uint64_t state, uint64_t body,
			       struct block_record *out)
{
	uint32_t len = state >> 4 & 0xfffffff;

	if ((state & STATE_MASK) == STATE_BUSY)
		return BLOCK_BUSY;
	if ((state & STATE_MASK) != STATE_VALID || len == 0 || len > BLOCK_SIZE ||
	    body != word_body(blk, state, (uint32_t)body))
		return BLOCK_NONE;
	*out = (struct block_record){ state, (uint32_t)body, len };
	return BLOCK_VALID;
}

/* -- guarded access: the only places that touch a record -- */

static void record_load(struct blockmap *m, struct record *rec, uint64_t *state, uint64_t *body)
{
	guard_enter(rec, sizeof(*rec), &m->broken);
	*state = atomic_load_explicit(&rec->state, memory_order_acquire);
	*body = atomic_load_explicit(&rec->body, memory_order_acquire);
	guard_leave();
}

static void record_set_body(struct blockmap *m, struct record *rec, uint64_t body)
{
	guard_enter(rec, sizeof(*rec), &m->broken);
	atomic_store_explicit(&rec->body, body, memory_order_relaxed);
	guard_leave();
}

static bool record_swap(struct blockmap *m, struct record *rec, uint64_t from, uint64_t to)
{
	bool ok;

	guard_enter(rec, sizeof(*rec), &m->broken);
	ok = atomic_compare_exchange_strong(&rec->state, &from, to);
	guard_leave();
	return ok;
}

/* -- segments -- */

static off_t segment_offset(uint64_t i)
{
	return HEADER_BYTES + (off_t)(i * SEGMENT_BYTES);
}

static int segment_map(struct blockmap *m, uint64_t i)
{
	int prot = PROT_READ | (m->writable ? PROT_WRITE : 0);
	struct record *none = NULL;
	struct stat st;
	void *p;

	if (fstat(m->fd, &st) < 0)
		return -errno;
	if (st.st_size < segment_offset(i + 1))
		return -ENOENT;
	p = mmap(NULL, SEGMENT_BYTES, prot, MAP_SHARED, m->fd, segment_offset(i));
	if (p == MAP_FAILED)
		return -errno;
	if (!atomic_compare_exchange_strong(&m->segments[i], &none, p))
		munmap(p, SEGMENT_BYTES); /* another thread was faster */
	return 0;
}

/* The record, or NULL when that part of the file is not there. */
static struct record *record_find(struct blockmap *m, uint64_t blk)
{
	uint64_t i = blk / SEGMENT_RECORDS;
	struct record *seg;

	if (blk >= BLOCKMAP_MAX || atomic_load_explicit(&m->broken, memory_order_relaxed))
		return NULL;
	seg = atomic_load_explicit(&m->segments[i], memory_order_acquire);
	if (!seg && segment_map(m, i) == 0)
		seg = atomic_load_explicit(&m->segments[i], memory_order_acquire);
	return seg ? seg + blk % SEGMENT_RECORDS : NULL;
}

static int lock_file(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Make the file reach over segment i.  The lock: two who grow it must not shrink it. */
static int segment_grow(struct blockmap *m, uint64_t i)
{
	struct stat st;
	int r;

	if (atomic_load(&m->segments[i]))
		return 0;
	LOCK_SCOPE(&m->lock);
	r = lock_file(m->fd);
	if (r < 0)
		return r;
	if (fstat(m->fd, &st) < 0 ||
	    (st.st_size < segment_offset(i + 1) && ftruncate(m->fd, segment_offset(i + 1)) < 0))
		r = -errno;
	flock(m->fd, LOCK_UN);
	return r;
}

static int chunk_allocate(struct blockmap *m, uint64_t blk)
{
	uint64_t i = blk / SEGMENT_RECORDS;
	size_t chunk = blk % SEGMENT_RECORDS * sizeof(struct record) / CHUNK_BYTES;
	uint16_t bit = (uint16_t)(1u << chunk);
	off_t off;

	if (atomic_load_explicit(&m->allocated[i], memory_order_relaxed) & bit)
		return 0;
	off = segment_offset(i) + (off_t)(chunk * CHUNK_BYTES);
	if (fallocate(m->fd, 0, off, CHUNK_BYTES) < 0 && errno != EOPNOTSUPP)
		return -errno;
	atomic_fetch_or(&m->allocated[i], bit);
	atomic_store(&m->grown, true);
	return 0;
}

/* The record, ready to be written. */
static int record_make(struct blockmap *m, uint64_t blk, struct record **out)
{
	int r;

	if (blk >= BLOCKMAP_MAX)
		return -EFBIG;
	if (!m->writable)
		return -EROFS;
	r = segment_grow(m, blk / SEGMENT_RECORDS);
	if (r == 0)
		r = chunk_allocate(m, blk);
	if (r < 0)
		return r;
	*out = record_find(m, blk);
	return *out ? 0 : -EIO;
}

/* -- opening -- */

static struct header header_make(void)
{
	struct header h = { MAP_MAGIC, MAP_VERSION, BLOCK_SIZE, sizeof(struct record), 0 };

	h.crc = crc32c(0, &h, offsetof(struct header, crc));
	return h;
}

/* 0, -ENODATA for an empty file, -EILSEQ for another format. */
static int header_check(int fd)
{
	struct header h, good = header_make();
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EILSEQ;
	if (st.st_size == 0)
		return -ENODATA;
	if (st.st_size < HEADER_BYTES)
		return -EILSEQ;
	r = file_read_at(fd, &h, sizeof(h), 0);
	return r < 0 ? r : memcmp(&h, &good, sizeof(h)) == 0 ? 0 : -EILSEQ;
}

/* Under the file's lock.  1: made; -EAGAIN: this was a foreign file, it is unlinked now. */
static int header_init_locked(int fd, const char *path)
{
	struct header h = header_make();
	struct stat mine, there;
	int r = header_check(fd);

	if (r == -ENODATA) {
		r = ftruncate(fd, HEADER_BYTES) < 0 ? -errno : file_write_at(fd, &h, sizeof(h), 0);
		return r < 0 ? r : 1;
	}
	if (r != -EILSEQ)
		return r;
	/* Others may have it mapped: it is not cut but replaced. */
	if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
	    mine.st_dev == there.st_dev && unlink(path) < 0)
		return -errno;
	return -EAGAIN;
}

static int header_init(int fd, const char *path)
{
	int r = lock_file(fd);

	if (r < 0)
		return r;
	r = header_init_locked(fd, path);
	flock(fd, LOCK_UN);
	return r;
}

/* *fd is the checked file; returns 1 when it was made, 0 when it was there. */
static int open_file(const char *path, enum blockmap_mode mode, int *fd)
{
	int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
		    (mode == BLOCKMAP_READ ? O_RDONLY : O_RDWR) |
		    (mode == BLOCKMAP_MAKE ? O_CREAT : 0);
	AUTO(auto_close) int f = open(path, flags, 0600);
	int r;

	if (f < 0)
		return -errno;
	r = header_check(f);
	if ((r == -ENODATA || r == -EILSEQ) && mode == BLOCKMAP_MAKE)
		r = header_init(f, path);
	if (r < 0)
		return r == -ENODATA ? -EILSEQ : r;
	*fd = f;
	f = -1;
	return r;
}

int blockmap_open(const char *path, enum blockmap_mode mode, struct blockmap **out)
{
	struct blockmap *m;
	uint32_t serial;
	int fd = -1, r = -EAGAIN;

	guard_init();
	for (int i = 0; i < OPEN_TRIES && r == -EAGAIN; i++)
		r = open_file(path, mode, &fd);
	if (r < 0)
		return r;
	m = calloc(1, sizeof(*m));
	if (!m) {
		close(fd);
		return -ENOMEM;
	}
	if (getrandom(&serial, sizeof(serial), GRND_NONBLOCK) != sizeof(serial))
		serial = (uint32_t)clock_ms() ^ (uint32_t)getpid() << 16;
	atomic_init(&m->serial, serial);
	pthread_mutex_init(&m->lock, NULL);
	m->fd = fd;
	m->writable = mode != BLOCKMAP_READ;
	m->fresh = r == 1;
	*out = m;
	return 0;
}

struct blockmap *blockmap_close(struct blockmap *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < SEGMENTS; i++)
		if (atomic_load(&m->segments[i]))
			munmap(atomic_load(&m->segments[i]), SEGMENT_BYTES);
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

bool blockmap_fresh(const struct blockmap *m)
{
	return m->fresh;
}

bool blockmap_writable(const struct blockmap *m)
{
	return m->writable;
}

bool blockmap_gone(struct blockmap *m)
{
	struct stat st;

	return atomic_load(&m->broken) || fstat(m->fd, &st) < 0 || st.st_nlink == 0;
}

uint64_t blockmap_bytes(struct blockmap *m)
{
	struct stat st;

	return fstat(m->fd, &st) == 0 && st.st_blocks > 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

bool blockmap_grown(struct blockmap *m)
{
	return atomic_load_explicit(&m->grown, memory_order_relaxed) &&
	       atomic_exchange(&m->grown, false);
}

/* -- records -- */

enum block_state blockmap_get(struct blockmap *m, uint64_t blk, struct block_record *out)
{
	struct record *rec = record_find(m, blk);
	uint64_t state, body;

	if (!rec)
		return BLOCK_NONE;
	record_load(m, rec, &state, &body);
	return decode(blk, state, body, out);
}

bool blockmap_next(struct blockmap *m, uint64_t *blk, struct block_record *out)
{
	for (uint64_t b = *blk; b < BLOCKMAP_MAX;) {
		if (!record_find(m, b)) {
			b = (b / SEGMENT_RECORDS + 1) * SEGMENT_RECORDS;
			continue;
		}
		if (blockmap_get(m, b, out) == BLOCK_VALID) {
			*blk = b;
			return true;
		}
		b++;
	}
	return false;
}

bool blockmap_same(struct blockmap *m, uint64_t blk, const struct block_record *b)
{
	struct block_record now;

	return blockmap_get(m, blk, &now) == BLOCK_VALID &&
	       word_cold(now.seen) == word_cold(b->seen);
}

void blockmap_touch(struct blockmap *m, uint64_t blk, const struct block_record *b)
{
	unsigned heat = word_heat(b->seen);
	struct record *rec = record_find(m, blk);

	if (heat < HEAT_MAX && rec && m->writable) /* a lost race costs one degree */
		record_swap(m, rec, b->seen, word_cold(b->seen) | (uint64_t)(heat + 1) << 2);
}

bool blockmap_cool(struct blockmap *m, uint64_t blk, const struct block_record *b)
{
	unsigned heat = word_heat(b->seen);
	struct record *rec = record_find(m, blk);

	if (heat == 0 || !rec || !m->writable)
		return false;
	record_swap(m, rec, b->seen, word_cold(b->seen) | (uint64_t)(heat - 1) << 2);
	return true;
}

int blockmap_claim(struct blockmap *m, uint64_t blk, uint32_t epoch, uint64_t *ticket)
{
	uint64_t state, body, busy = word_busy(epoch, atomic_fetch_add(&m->serial, 1));
	struct record *rec;
	struct block_record b;
	int r = record_make(m, blk, &rec);

	if (r < 0)
		return r;
	record_load(m, rec, &state, &body);
	switch (decode(blk, state, body, &b)) {
	case BLOCK_VALID:
		return -EEXIST;
	case BLOCK_BUSY:
		if (!busy_is_stale(state, epoch))
			return -EBUSY;
		break;
	case BLOCK_NONE:
		break;
	}
	if (!record_swap(m, rec, state, busy))
		return -EBUSY;
	*ticket = busy;
	return 0;
}

int blockmap_take(struct blockmap *m, uint64_t blk, const struct block_record *b, uint32_t epoch,
		  uint64_t *ticket)
{
	uint64_t busy = word_busy(epoch, atomic_fetch_add(&m->serial, 1));
	struct record *rec = record_find(m, blk);
	struct block_record now = *b;

	if (!rec || !m->writable)
		return -EBUSY;
	while (!record_swap(m, rec, now.seen, busy)) /* again when only its heat has changed */
		if (blockmap_get(m, blk, &now) != BLOCK_VALID ||
		    word_cold(now.seen) != word_cold(b->seen))
			return -EBUSY;
	*ticket = busy;
	return 0;
}

int blockmap_publish(struct blockmap *m, uint64_t blk, uint64_t ticket, uint32_t crc, uint32_t len)
{
	struct record *rec = record_find(m, blk);
	uint64_t state = STATE_VALID | (uint64_t)len << 4 | (ticket >> 32) << 32;

	if (!rec)
		return -ESTALE;
	/* Should the claim be lost meanwhile, this garbles the new owner's seal: a miss. */
	record_set_body(m, rec, word_body(blk, state, crc));
	return record_swap(m, rec, ticket, state) ? 0 : -ESTALE;
}

void blockmap_release(struct blockmap *m, uint64_t blk, uint64_t ticket)
{
	struct record *rec = record_find(m, blk);

	if (rec)
		record_swap(m, rec, ticket, STATE_FREE);
}

void blockmap_clear(struct blockmap *m)
{
	for (uint64_t blk = 0; blk < BLOCKMAP_MAX; blk++) {
		struct record *rec = record_find(m, blk);
		uint64_t state, body;

		if (!rec) { /* no such part of the file, or of the file no more */
			blk |= SEGMENT_RECORDS - 1;
			continue;
		}
		record_load(m, rec, &state, &body);
		if (m->writable && state != STATE_FREE)
			record_swap(m, rec, state, STATE_FREE);
	}
}
