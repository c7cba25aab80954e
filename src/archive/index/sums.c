/* SPDX-License-Identifier: MPL-2.0 */
/* sums.c - see sums.h.
 *
 * A layer between SQLite and its own access to files: every call is handed on, and pages of the
 * database are looked at on the way.  Each file is used by one connection, and so by one thread at a time.
 */
#include "archive/index/sums.h"

#include <errno.h>
#include <string.h>

#include "archive/index/sql.h"
#include "base/bytes.h"
#include "base/digest.h"

#define HEADER 100   /* bytes of the file's header */
#define PAGE_MIN 512 /* and a power of two */
#define PAGE_MAX 65536
#define AT_RESERVED 20 /* offsets in the header */
#define AT_VERSION 60

struct sums_file {
	sqlite3_file base;
	sqlite3_file *real;  /* behind this one, in the same memory */
	unsigned char *page; /* what is written; NULL: nothing was yet */
	bool database;	     /* and no log or journal */
	bool checked;	     /* its pages have checksums */
	bool reserved;	     /* ... and there is a place for them */
};

static sqlite3_vfs vfs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int registered;

static struct sums_file *file_of(sqlite3_file *f)
{
	return container_of(f, struct sums_file, base);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return file_of(f)->real;
}

static sqlite3_vfs *real_vfs(void)
{
	return vfs.pAppData;
}

/* -- pages -- */

/* What the header says.  One whose reserved bytes are not what they should be, but that is of this
 * version, is damaged: its pages are looked at all the same. */
static void learn(struct sums_file *s, const unsigned char *header)
{
	s->reserved = header[AT_RESERVED] == SUMS_RESERVED;
	s->checked = s->reserved || bytes_get_be(header + AT_VERSION, 4) == SQL_FORMAT;
}

static bool is_page(const struct sums_file *s, int n, sqlite3_int64 at)
{
	return s->database && s->checked && n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0 &&
	       at % n == 0;
}

static uint32_t sum_of(const unsigned char *page, int n, sqlite3_int64 at)
{
	unsigned char number[4];

	bytes_put_le(number, 4, (uint64_t)(at / n) + 1);
	return crc32c(crc32c(0, page, (size_t)n - SUMS_RESERVED), number, sizeof(number));
}

static void seal(unsigned char *page, int n, sqlite3_int64 at)
{
	bytes_put_le(page + n - SUMS_RESERVED, 8, sum_of(page, n, at));
}

static bool is_sound(const unsigned char *page, int n, sqlite3_int64 at)
{
	return bytes_get_le(page + n - SUMS_RESERVED, 8) == sum_of(page, n, at);
}

static int sums_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 at)
{
	struct sums_file *s = file_of(f);
	int r = s->real->pMethods->xRead(s->real, buf, n, at);

	if (r != SQLITE_OK || !s->database)
		return r;
	if (at == 0 && n >= HEADER)
		learn(s, buf);
	return is_page(s, n, at) && !is_sound(buf, n, at) ? SQLITE_IOERR_DATA : SQLITE_OK;
}

static int sums_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
	struct sums_file *s = file_of(f);

	if (s->database && at == 0 && n >= HEADER)
		learn(s, buf);
	if (is_page(s, n, at) && s->reserved) {
		if (!s->page && !(s->page = malloc(PAGE_MAX)))
			return SQLITE_IOERR_NOMEM;
		memcpy(s->page, buf, (size_t)n);
		seal(s->page, n, at);
		buf = s->page;
	}
	return s->real->pMethods->xWrite(s->real, buf, n, at);
}

/* -- handed on -- */

static int sums_close(sqlite3_file *f)
{
	struct sums_file *s = file_of(f);

	free(s->page);
	s->page = NULL;
	return s->real->pMethods->xClose(s->real);
}

static int sums_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int sums_sync(sqlite3_file *f, int flags)
{
	return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int sums_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int sums_lock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int sums_unlock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int sums_is_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int sums_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int sums_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int sums_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int sums_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), region, size, extend, out);
}

static int sums_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void sums_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int sums_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* Version 2: no mapped pages, which nobody could look at on their way. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = sums_close,
	.xRead = sums_read,
	.xWrite = sums_write,
	.xTruncate = sums_truncate,
	.xSync = sums_sync,
	.xFileSize = sums_size,
	.xLock = sums_lock,
	.xUnlock = sums_unlock,
	.xCheckReservedLock = sums_is_reserved,
	.xFileControl = sums_control,
	.xSectorSize = sums_sector,
	.xDeviceCharacteristics = sums_traits,
	.xShmMap = sums_shm_map,
	.xShmLock = sums_shm_lock,
	.xShmBarrier = sums_shm_barrier,
	.xShmUnmap = sums_shm_unmap,
};

static int sums_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	struct sums_file *s = file_of(f);
	int r;

	(void)v;
	*s = (struct sums_file){ .database = flags & SQLITE_OPEN_MAIN_DB };
	s->real = (sqlite3_file *)(void *)(s + 1);
	s->real->pMethods = NULL;
	r = real_vfs()->xOpen(real_vfs(), name, s->real, flags, out);
	f->pMethods = s->real->pMethods ? &methods : NULL; /* to be closed also after an error */
	return r;
}

/* The rest of its own calls know no files: SQLite's functions work for us as they are, if they are told
 * that they are called for themselves. */
static int sums_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v;
	return real_vfs()->xDelete(real_vfs(), name, sync);
}

static int sums_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
	(void)v;
	return real_vfs()->xAccess(real_vfs(), name, flags, out);
}

static int sums_full_name(sqlite3_vfs *v, const char *name, int n, char *out)
{
	(void)v;
	return real_vfs()->xFullPathname(real_vfs(), name, n, out);
}

static int sums_randomness(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	return real_vfs()->xRandomness(real_vfs(), n, out);
}

static int sums_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return real_vfs()->xSleep(real_vfs(), us);
}

static int sums_time(sqlite3_vfs *v, double *out)
{
	(void)v;
	return real_vfs()->xCurrentTime(real_vfs(), out);
}

static int sums_last_error(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	return real_vfs()->xGetLastError(real_vfs(), n, out);
}

static void register_once(void)
{
	sqlite3_vfs *real = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;

	if (!real) {
		registered = -ENOMEM;
		return;
	}
	vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = (int)sizeof(struct sums_file) + real->szOsFile,
		.mxPathname = real->mxPathname,
		.zName = SUMS_VFS,
		.pAppData = real,
		.xOpen = sums_open,
		.xDelete = sums_delete,
		.xAccess = sums_access,
		.xFullPathname = sums_full_name,
		.xRandomness = sums_randomness,
		.xSleep = sums_sleep,
		.xCurrentTime = sums_time,
		.xGetLastError = sums_last_error,
	};
	registered = sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? 0 : -ENOMEM;
}

int sums_register(void)
{
	pthread_once(&once, register_once);
	return registered;
}
