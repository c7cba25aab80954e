/* SPDX-License-Identifier: MPL-2.0 */
/* place.c - see place.h. */
#include "archive/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "archive/index/index_copy.h"
#include "base/file.h"
#include "base/log.h"

static char *path_of(const char *dir)
{
	return path_join(dir, "index.db");
}

/* -- temporary places -- */

static void remove_temp(const char *dir)
{
	static const char *const files[] = { "index.db", "index.db-wal", "index.db-shm",
					     "index.db-journal", "index.db.lock",
					     "index.db.damaged" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(auto_free) char *p = path_join(dir, files[i]);

		if (p)
			unlink(p);
	}
	rmdir(dir);
}

/* Make a directory of our own and have use() put the index there, in the first place where that
 * works.  *dir: malloc'd. */
static int use_temp(struct archive *a, int (*use)(struct archive *a, const char *path), char **dir)
{
	const char *tmp = getenv("TMPDIR");
	const char *const places[] = { tmp && tmp[0] == '/' ? tmp : "/tmp", "/dev/shm" };
	int r = -EROFS;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r < 0; i++) {
		AUTO(auto_free) char *made = path_join(places[i], "mdcfs-XXXXXX");
		AUTO(auto_free) char *path = NULL;

		if (!made)
			return -ENOMEM;
		if (!mkdtemp(made)) {
			r = -errno;
			continue;
		}
		path = path_of(made);
		r = path ? use(a, path) : -ENOMEM;
		if (r == 0)
			*dir = steal(&made);
		else
			remove_temp(made);
	}
	return r;
}

/* -- opening -- */

static int open_at(struct archive *a, const char *path)
{
	return index_open(path, a->c.raw->identity, &a->index);
}

static void meter(struct archive *a)
{
	if (a->c.st->cache && !a->temp_dir && meter_new(a->c.st->cache, a->c.dir, &a->meter) < 0)
		debug(index, "%s: its index is counted later", a->filename);
}

int place_open(struct archive *a)
{
	AUTO(auto_free) char *path = NULL;
	int r = -EROFS;

	if (a->c.dir) {
		path = path_of(a->c.dir);
		r = path ? open_at(a, path) : -ENOMEM;
		if (r == 0)
			meter(a);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	r = use_temp(a, open_at, &a->temp_dir);
	if (r < 0)
		return log_error(
			r, "no place for the index: no cache directory, and no temporary one");
	if (a->c.dir)
		(void)log_warn(0, "%s: the index is kept in a temporary place for now: %s",
			       a->filename, a->temp_dir);
	return 0;
}

/* -- moving -- */

bool place_failed(struct archive *a, int r)
{
	int e = index_write_error(a->index);

	return r < 0 && r != -ECANCELED && (e == -ENOSPC || e == -EROFS || e == -EIO);
}

static int move_to(struct archive *a, const char *path)
{
	return index_move(a->index, path);
}

int place_move(struct archive *a)
{
	char *dir = NULL;
	int why = index_write_error(a->index), r;

	if (a->temp_dir)
		return -EEXIST;
	r = use_temp(a, move_to, &dir);
	if (r < 0)
		return log_error(r, "%s: the index cannot be written, nor kept elsewhere",
				 a->filename);
	(void)log_warn(why, "%s: the index cannot be written; it goes on in %s", a->filename, dir);
	a->meter = meter_free(a->meter);
	LOCK_SCOPE(&a->lock);
	a->temp_dir = dir;
	return 0;
}

/* -- back -- */

static int bring_back(struct archive *a)
{
	AUTO(auto_free) char *draft = path_join(a->c.dir, ".draft-XXXXXX");
	AUTO(auto_free) char *path = path_of(a->c.dir);
	AUTO(auto_close) int fd = -1;
	int r;

	if (!draft || !path)
		return -ENOMEM;
	r = dir_make(a->c.dir, 0700);
	if (r < 0)
		return r;
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = index_copy_out(index_file(a->index), draft);
	if (r == 0)
		r = index_copy_in(draft, path);
	unlink(draft);
	return r;
}

void place_keep(struct archive *a)
{
	int r;

	if (!a->temp_dir || !a->c.dir || a->kept || !index_number(a->index, "complete", 0))
		return;
	r = bring_back(a);
	if (r == 0)
		log_info("%s: the index is in the cache again", a->filename);
	else if (r != -EEXIST)
		(void)log_warn(r, "%s: the index cannot be brought back to the cache", a->filename);
	a->kept = r == 0 || r == -EEXIST;
}

void place_close(struct archive *a)
{
	if (a->index)
		place_keep(a);
	index_close(a->index);
	meter_free(a->meter);
	if (a->temp_dir)
		remove_temp(a->temp_dir);
	free(a->temp_dir);
}
