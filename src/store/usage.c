/* SPDX-License-Identifier: MPL-2.0 */
/* usage.c - see usage.h.
 *
 * The gate is a read-write lock twice: for this process's threads a rwlock, between processes
 * a lock on one byte of the file, held shared while any thread here is inside.  It belongs to
 * the open file description, so the kernel opens it when its process dies.
 * Lock order: gate > lock.
 */
#include "store/usage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "store/guard.h"

#define PAGE_MAGIC 0x677375736663646du /* "mdcfsusg" on a little-endian machine */
#define PAGE_VERSION 2u
#define PAGE_BYTES 4096
#define UNIT 4096u
#define LOCK_TRIES 200 /* a millisecond each */
#define DISK_LOOK_MS 1000
#define RECOUNT_MS 1000
#define MARGIN_PART 256 /* of the limit is kept for what is not counted, and: */
#define MARGIN_BYTES ((uint64_t)128 << 10)

/* Locked bytes, behind the page. */
enum { BYTE_INIT = PAGE_BYTES, BYTE_GATE };

struct page {
	uint64_t magic;
	uint32_t version, crc; /* CRC-32C of magic and version */
	_Atomic uint64_t used;
	_Atomic uint64_t epoch;
	_Atomic uint64_t hand_key, hand_blk; /* two mounts may mix them up: no harm */
	_Atomic uint64_t meta;
};

static_assert(sizeof(struct page) == 56, "on-disk layout");

struct usage {
	int fd;
	struct page *page;
	uint64_t max_bytes;	 /* set once: without the margin */
	struct portion min_free; /* set once */
	atomic_bool broken;	 /* the page was lost: see guard.h */
	atomic_bool doubt;
	_Atomic int64_t recount_ms; /* of the last attempt */
	_Atomic int64_t avail;	    /* on the disk: as last seen, less what was written since */
	_Atomic uint64_t reserve;   /* min_free in bytes, as last seen */
	_Atomic int64_t look_ms;    /* when that was */
	pthread_rwlock_t gate;
	pthread_mutex_t lock; /* guards inside */
	unsigned inside;      /* threads between enter and leave */
};

/* -- locks between processes -- */

static int lock_byte(int fd, short type, off_t byte)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return 0;
	/* A file system without locks: then it is not shared either. */
	return errno == EAGAIN || errno == EACCES			   ? -EAGAIN
	       : errno == ENOLCK || errno == EINVAL || errno == EOPNOTSUPP ? 0
									   : -errno;
}

/* Bounded, unlike F_OFD_SETLKW: the holder may be a stopped process. */
static int lock_byte_wait(int fd, short type, off_t byte)
{
	const struct timespec ms = { 0, 1000000 };
	int r = lock_byte(fd, type, byte);

	for (int i = 0; r == -EAGAIN && i < LOCK_TRIES; i++) {
		nanosleep(&ms, NULL);
		r = lock_byte(fd, type, byte);
	}
	return r;
}

int usage_enter(struct usage *u)
{
	int r = 0;

	if (atomic_load(&u->broken))
		return -EIO;
	pthread_rwlock_rdlock(&u->gate);
	pthread_mutex_lock(&u->lock);
	if (u->inside == 0)
		r = lock_byte_wait(u->fd, F_RDLCK, BYTE_GATE);
	if (r == 0)
		u->inside++;
	pthread_mutex_unlock(&u->lock);
	if (r < 0)
		pthread_rwlock_unlock(&u->gate);
	return r;
}

void usage_leave(struct usage *u)
{
	pthread_mutex_lock(&u->lock);
	if (--u->inside == 0)
		(void)lock_byte(u->fd, F_UNLCK, BYTE_GATE);
	pthread_mutex_unlock(&u->lock);
	pthread_rwlock_unlock(&u->gate);
}

/* -- the page: every access is guarded -- */

static uint64_t word_load(struct usage *u, _Atomic uint64_t *w)
{
	uint64_t v;

	guard_enter(u->page, sizeof(*u->page), &u->broken);
	v = atomic_load(w);
	guard_leave();
	return v;
}

static void word_store(struct usage *u, _Atomic uint64_t *w, uint64_t v)
{
	guard_enter(u->page, sizeof(*u->page), &u->broken);
	atomic_store(w, v);
	guard_leave();
}

static bool word_swap(struct usage *u, _Atomic uint64_t *w, uint64_t *from, uint64_t to)
{
	bool ok;

	guard_enter(u->page, sizeof(*u->page), &u->broken);
	ok = atomic_compare_exchange_strong(w, from, to);
	guard_leave();
	return ok;
}

uint64_t usage_bytes(struct usage *u)
{
	return word_load(u, &u->page->used);
}

uint64_t usage_round(uint64_t len)
{
	return (len + UNIT - 1) / UNIT * UNIT;
}

uint64_t usage_meta(struct usage *u)
{
	return word_load(u, &u->page->meta);
}

uint64_t usage_max(struct usage *u)
{
	return u->max_bytes;
}

/* What block data may have. */
static uint64_t data_max(struct usage *u)
{
	uint64_t meta = usage_meta(u);

	return u->max_bytes > meta ? u->max_bytes - meta : 0;
}

bool usage_reserve(struct usage *u, uint64_t n)
{
	uint64_t now = usage_bytes(u), max = data_max(u);

	do {
		if (now > max || n > max - now)
			return false;
	} while (!word_swap(u, &u->page->used, &now, now + n));
	atomic_fetch_sub(&u->avail, (int64_t)n);
	return true;
}

void usage_release(struct usage *u, uint64_t n)
{
	uint64_t now = usage_bytes(u);

	while (!word_swap(u, &u->page->used, &now, now > n ? now - n : 0))
		;
	atomic_fetch_add(&u->avail, (int64_t)n);
}

void usage_charge(struct usage *u, int64_t n)
{
	uint64_t now = usage_meta(u), to;

	do {
		to = n >= 0 || now > (uint64_t)-n ? now + (uint64_t)n : 0;
	} while (!word_swap(u, &u->page->meta, &now, to));
	atomic_fetch_sub(&u->avail, n);
}

uint32_t usage_epoch(struct usage *u)
{
	return (uint32_t)word_load(u, &u->page->epoch);
}

struct hand usage_hand(struct usage *u)
{
	return (struct hand){ word_load(u, &u->page->hand_key), word_load(u, &u->page->hand_blk) };
}

void usage_set_hand(struct usage *u, struct hand h)
{
	word_store(u, &u->page->hand_key, h.key);
	word_store(u, &u->page->hand_blk, h.blk);
}

/* -- room -- */

static int64_t disk_avail(struct usage *u)
{
	int64_t now = clock_ms(), last = atomic_load(&u->look_ms);
	struct statvfs fs;
	uint64_t bytes, all;

	if (now - last < DISK_LOOK_MS || !atomic_compare_exchange_strong(&u->look_ms, &last, now) ||
	    fstatvfs(u->fd, &fs) < 0)
		return atomic_load(&u->avail);
	if (__builtin_mul_overflow(fs.f_bavail, fs.f_frsize, &bytes) || bytes > INT64_MAX / 2)
		bytes = INT64_MAX / 2;
	if (__builtin_mul_overflow(fs.f_blocks, fs.f_frsize, &all))
		all = UINT64_MAX;
	atomic_store(&u->reserve, portion_bytes(u->min_free, all));
	atomic_store(&u->avail, (int64_t)bytes);
	return (int64_t)bytes;
}

uint64_t usage_shortage(struct usage *u, uint64_t n)
{
	uint64_t used = usage_bytes(u), max = data_max(u), over = 0, want;
	int64_t avail = disk_avail(u);
	uint64_t have = avail > 0 ? (uint64_t)avail : 0;

	if (__builtin_add_overflow(used, n, &want) || want > max)
		over = n > max ? used : used - (max - n);
	if (__builtin_add_overflow(atomic_load(&u->reserve), n, &want))
		want = UINT64_MAX;
	return want > have ? MAX(over, want - have) : over;
}

void usage_disk_full(struct usage *u)
{
	atomic_store(&u->look_ms, clock_ms());
	atomic_store(&u->avail, 0);
}

/* -- counting anew -- */

void usage_doubt(struct usage *u)
{
	atomic_store(&u->doubt, true);
}

bool usage_doubted(struct usage *u)
{
	return atomic_load(&u->doubt);
}

bool usage_recount_due(struct usage *u)
{
	int64_t now = clock_ms(), last = atomic_load(&u->recount_ms);

	return atomic_load(&u->doubt) && now - last >= RECOUNT_MS &&
	       atomic_compare_exchange_strong(&u->recount_ms, &last, now);
}

int usage_recount(struct usage *u, int (*measure)(void *arg, uint64_t *data, uint64_t *meta),
		  void *arg)
{
	uint64_t data, meta;
	int r;

	pthread_rwlock_wrlock(&u->gate);
	r = lock_byte(u->fd, F_WRLCK, BYTE_GATE);
	if (r == 0) {
		atomic_store(&u->doubt, false);
		word_store(u, &u->page->epoch, (uint64_t)usage_epoch(u) + 1);
		r = measure(arg, &data, &meta);
		if (r == 0) {
			word_store(u, &u->page->used, data);
			word_store(u, &u->page->meta, meta);
		} else {
			usage_doubt(u);
		}
		(void)lock_byte(u->fd, F_UNLCK, BYTE_GATE);
	}
	pthread_rwlock_unlock(&u->gate);
	return r;
}

/* -- opening -- */

static struct page page_make(void)
{
	struct page p = { .magic = PAGE_MAGIC, .version = PAGE_VERSION };

	p.crc = crc32c(0, &p, offsetof(struct page, crc));
	return p;
}

/* Make sure that the page is one, allocated: a store to a hole of a full disk is a signal. */
static int page_check(int fd, const char *path)
{
	struct page good = page_make(), have;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (fallocate(fd, 0, 0, PAGE_BYTES) < 0 &&
	    (errno != EOPNOTSUPP || (st.st_size < PAGE_BYTES && ftruncate(fd, PAGE_BYTES) < 0)))
		return -errno;
	r = file_read_at(fd, &have, sizeof(have), 0);
	if (r < 0)
		return r;
	if (have.magic == good.magic && have.version == good.version && have.crc == good.crc)
		return 0;
	if (have.magic != 0)
		(void)log_warn(0, "%s: damaged or of another version: made anew", path);
	return file_write_at(fd, &good, sizeof(good), 0);
}

static int page_map(struct usage *u, const char *path)
{
	void *p;
	int r;

	u->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (u->fd < 0)
		return -errno;
	r = lock_byte_wait(u->fd, F_WRLCK, BYTE_INIT);
	if (r < 0)
		return r;
	r = page_check(u->fd, path);
	(void)lock_byte(u->fd, F_UNLCK, BYTE_INIT);
	if (r < 0)
		return r;
	p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	u->page = p;
	return 0;
}

/* Writers first: a recount must not starve behind a stream of them. */
static void gate_init(pthread_rwlock_t *gate)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(gate, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int usage_open(const char *dir, uint64_t max_bytes, struct portion min_free, struct usage **out)
{
	AUTO(auto_free) char *path = path_join(dir, "usage");
	struct usage *u = calloc(1, sizeof(*u));
	int r;

	if (!path || !u) {
		free(u);
		return -ENOMEM;
	}
	guard_init();
	gate_init(&u->gate);
	pthread_mutex_init(&u->lock, NULL);
	u->max_bytes = max_bytes - max_bytes / MARGIN_PART - MIN(max_bytes / 32, MARGIN_BYTES);
	u->min_free = min_free;
	u->doubt = true;
	u->look_ms = u->recount_ms = clock_ms() - MAX(DISK_LOOK_MS, RECOUNT_MS);
	r = page_map(u, path);
	if (r < 0) {
		usage_close(u);
		return r;
	}
	(void)disk_avail(u);
	*out = u;
	return 0;
}

struct usage *usage_close(struct usage *u)
{
	if (!u)
		return NULL;
	if (u->page)
		munmap(u->page, PAGE_BYTES);
	if (u->fd >= 0)
		close(u->fd);
	pthread_rwlock_destroy(&u->gate);
	pthread_mutex_destroy(&u->lock);
	free(u);
	return NULL;
}
