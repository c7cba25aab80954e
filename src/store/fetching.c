/* SPDX-License-Identifier: MPL-2.0 */
/* fetching.c - see fetching.h. */
#include "store/fetching.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "store/guard.h"

#define MAGIC "mdcfsft1"
#define WORDS 4096u
#define HEADER_BYTES 1024u
#define TABLE_BYTES (HEADER_BYTES + WORDS * sizeof(uint64_t))
#define PROCESSES 4095u /* numbers from 1 */
#define PROBES 8u
#define STALE_S 60u /* its process is stopped, or the clock was set: nobody waits for it */
#define SECONDS_MASK 0xfffffu

struct fetching {
	int fd;
	unsigned char *map;
	unsigned me;	    /* this process's number; set once */
	atomic_bool broken; /* a page was lost: see guard.h */
};

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "words are shared between processes");

/* -- numbers of processes -- */

static struct flock number_lock(unsigned number, short type)
{
	return (struct flock){ .l_type = type,
			       .l_whence = SEEK_SET,
			       .l_start = (off_t)TABLE_BYTES + number,
			       .l_len = 1 };
}

static unsigned take_number(int fd)
{
	unsigned from = (unsigned)getpid();

	for (unsigned i = 0; i < PROCESSES; i++) {
		unsigned number = (from + i) % PROCESSES + 1;
		struct flock fl = number_lock(number, F_WRLCK);

		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			return number;
		if (errno != EAGAIN && errno != EACCES)
			return 0; /* no locks here */
	}
	return 0;
}

static bool is_alive(const struct fetching *f, unsigned number)
{
	struct flock fl = number_lock(number, F_WRLCK);

	return number != f->me && fcntl(f->fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

/* -- words -- */

static _Atomic uint64_t *word_at(struct fetching *f, uint64_t i)
{
	return (_Atomic uint64_t *)(void *)(f->map + HEADER_BYTES) + i % WORDS;
}

static uint64_t load(struct fetching *f, uint64_t i)
{
	_Atomic uint64_t *w = word_at(f, i);
	uint64_t v;

	guard_enter(w, sizeof(*w), &f->broken);
	v = atomic_load(w);
	guard_leave();
	return v;
}

static bool swap(struct fetching *f, uint64_t i, uint64_t from, uint64_t to)
{
	_Atomic uint64_t *w = word_at(f, i);
	bool ok;

	guard_enter(w, sizeof(*w), &f->broken);
	ok = atomic_compare_exchange_strong(w, &from, to);
	guard_leave();
	return ok;
}

static unsigned owner_of(uint64_t w)
{
	return w & PROCESSES;
}

static uint64_t seconds(void)
{
	return (uint64_t)(clock_ms() / 1000) & SECONDS_MASK;
}

static bool is_stale(uint64_t w)
{
	return ((seconds() - (w >> 12)) & SECONDS_MASK) > STALE_S;
}

static uint64_t hash(uint64_t key, uint64_t blk)
{
	uint64_t h = (key ^ blk * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;

	return h ^ h >> 29;
}

static uint64_t word_of(const struct fetching *f, uint64_t h)
{
	return f->me | seconds() << 12 | h >> 32 << 32;
}

static bool same_block(uint64_t w, uint64_t h)
{
	return w != 0 && w >> 32 == h >> 32;
}

/* -- blocks -- */

bool fetching_begin(struct fetching *f, uint64_t key, uint64_t blk)
{
	uint64_t h = hash(key, blk), place = 0, there = 0;
	bool found = false;

	if (!f || atomic_load(&f->broken))
		return true;
	for (unsigned i = 0; i < PROBES; i++) {
		uint64_t w = load(f, h + i);

		if (same_block(w, h)) {
			if (owner_of(w) == f->me)
				return true;
			if (!is_stale(w) && is_alive(f, owner_of(w)))
				return false;
			place = h + i; /* left by one who is gone: that is the place */
			there = w;
			found = true;
			break;
		}
		if (!found && (w == 0 || is_stale(w))) {
			place = h + i;
			there = w;
			found = true;
		}
	}
	/* Lost to another: of the same block, it is brought twice. */
	if (found)
		(void)swap(f, place, there, word_of(f, h));
	return true;
}

void fetching_end(struct fetching *f, uint64_t key, uint64_t blk)
{
	uint64_t h = hash(key, blk);

	for (unsigned i = 0; f && i < PROBES && !atomic_load(&f->broken); i++) {
		uint64_t w = load(f, h + i);

		if (same_block(w, h) && owner_of(w) == f->me)
			(void)swap(f, h + i, w, 0);
	}
}

bool fetching_elsewhere(struct fetching *f, uint64_t key, uint64_t blk)
{
	uint64_t h = hash(key, blk);

	for (unsigned i = 0; f && i < PROBES && !atomic_load(&f->broken); i++) {
		uint64_t w = load(f, h + i);

		if (same_block(w, h) && !is_stale(w) && is_alive(f, owner_of(w)))
			return true;
	}
	return false;
}

uint64_t fetching_key(const char *identity, const char *layer)
{
	return (uint64_t)crc32c(0, identity, strlen(identity)) << 32 |
	       crc32c(crc32c(0, layer, strlen(layer)), identity, strlen(identity));
}

/* -- opening -- */

/* Of a former process with our number, or ours that end now. */
static void clear_own(struct fetching *f)
{
	for (uint64_t i = 0; i < WORDS && !atomic_load(&f->broken); i++) {
		uint64_t w = load(f, i);

		if (w != 0 && owner_of(w) == f->me)
			(void)swap(f, i, w, 0);
	}
}

/* The file, allocated and with a good header: 0 or -errno.  A foreign one is made anew in place; what
 * another version may think of it is its business, it is advice there too. */
static int prepare(int fd)
{
	static const char zero[TABLE_BYTES];
	char magic[sizeof(MAGIC) - 1];
	int r;

	if (file_read_at(fd, magic, sizeof(magic), 0) == 0 &&
	    memcmp(magic, MAGIC, sizeof(magic)) == 0 &&
	    lseek(fd, 0, SEEK_END) >= (off_t)TABLE_BYTES)
		return 0;
	r = file_write_at(fd, zero, sizeof(zero), 0); /* no holes: a store to one may be a signal */
	return r < 0 ? r : file_write_at(fd, MAGIC, sizeof(magic), 0);
}

static int attach(struct fetching *f, const char *path)
{
	void *p;

	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0 || prepare(f->fd) < 0)
		return -EIO;
	p = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (p == MAP_FAILED)
		return -EIO;
	f->map = p;
	f->me = take_number(f->fd);
	if (f->me == 0)
		return -EIO;
	clear_own(f);
	return 0;
}

int fetching_open(const char *dir, struct fetching **out)
{
	AUTO(auto_free) char *path = path_join(dir, "fetching");
	struct fetching *f = calloc(1, sizeof(*f));

	if (!path || !f) {
		free(f);
		return -ENOMEM;
	}
	guard_init();
	if (attach(f, path) < 0)
		f = fetching_close(f);
	*out = f;
	return 0;
}

struct fetching *fetching_close(struct fetching *f)
{
	if (!f)
		return NULL;
	if (f->map && f->me)
		clear_own(f);
	if (f->map)
		munmap(f->map, TABLE_BYTES);
	auto_close(&f->fd);
	free(f);
	return NULL;
}
