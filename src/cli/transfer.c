/* SPDX-License-Identifier: MPL-2.0 */
/* transfer.c - see transfer.h. */
#include "cli/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/index/index_copy.h"
#include "archive/index/index_vet.h"
#include "archive/index/parcel.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/human.h"

/* A file under construction: gone when the scope is left, unless it was kept. */
struct draft {
	char *path;
	int fd;
};

static void draft_drop(struct draft *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->path)
		unlink(d->path);
	free(d->path);
}

/* dir/.NAME-XXXXXX, empty, 0600.  SQLite puts nothing beside it. */
static int draft_new(const char *dir, const char *name, struct draft *out)
{
	struct draft d = { .fd = -1 };

	if (asprintf(&d.path, "%s/.%s-XXXXXX", dir, name) < 0)
		return -ENOMEM;
	d.fd = mkostemp(d.path, O_CLOEXEC);
	if (d.fd < 0) {
		int r = -errno;

		free(d.path);
		return log_error(r, "no file can be made in %s", dir);
	}
	*out = d;
	return 0;
}

/* ---- export ---- */

/* Only what is whole is worth carrying. */
static int check_complete(const struct index_summary *s, const struct volume *v)
{
	const char *name = v->dataset->filename;

	if (s->complete)
		return 0;
	if (s->damaged)
		return log_error(0, "%s is damaged, its index has a part of it: %s", name,
				 s->error),
		       -EBADMSG;
	return log_error(0, "the index of %s is not complete: `mdcfs index build` completes it",
			 name),
	       -ENODATA;
}

static int find(const struct volume *v, char **out)
{
	AUTO(auto_free) char *path = NULL;
	const char *dir = object_dir(v->object);
	struct index_summary s;
	int r;

	if (!dir)
		return log_error(0, "there is no cache directory, and so no index"), -ENOENT;
	path = path_join(dir, "index.db");
	r = path ? index_summary(path, &s) : -ENOMEM;
	if (r == -ENOENT || r == -ESTALE)
		return log_error(0, "%s has no index yet: `mdcfs index build` makes it",
				 v->dataset->filename),
		       -ENOENT;
	if (r < 0)
		return log_error(r, "%s", path);
	r = check_complete(&s, v);
	if (r == 0)
		*out = steal(&path);
	return r;
}

/* The database as one file without gaps, then packed to the descriptor. */
static int pack(const struct volume *v, const char *path, int to)
{
	AUTO(draft_drop) struct draft copy = { .fd = -1 };
	struct parcel p = { .index_format = index_copy_format() };
	struct stat st;
	int r = draft_new(object_dir(v->object), "export", &copy);

	if (r < 0)
		return r;
	r = index_copy_out(path, copy.path);
	if (r < 0)
		return r;
	if (fstat(copy.fd, &st) < 0)
		return log_error(-errno, "%s", copy.path);
	p.size = (uint64_t)st.st_size;
	memcpy(p.identity, v->raw->identity, sizeof(p.identity));
	r = parcel_pack(&p, copy.fd, to);
	return r < 0 ? log_error(r, "the index cannot be written") : 0;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* As open(2) would have made it. */
static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int export_file(const struct volume *v, const char *path, const char *to)
{
	AUTO(draft_drop) struct draft file = { .fd = -1 };
	AUTO(auto_free) char *dir = directory_of(to);
	char size[32];
	struct stat st;
	int r;

	if (stat(to, &st) == 0 && !S_ISREG(st.st_mode))
		return log_error(0, "%s is there, and no regular file", to), -EEXIST;
	r = dir ? draft_new(dir, "mdcfs-index", &file) : -ENOMEM;
	if (r == 0)
		r = pack(v, path, file.fd);
	if (r < 0)
		return r;
	if (fchmod(file.fd, usual_mode()) < 0 || fsync(file.fd) < 0 || fstat(file.fd, &st) < 0 ||
	    rename(file.path, to) < 0)
		return log_error(-errno, "%s", to);
	free(steal(&file.path));
	printf("%s: %s\n", to, human_size((uint64_t)st.st_size, size));
	return 0;
}

int transfer_export(struct engine *e, const char *spec, const char *to)
{
	AUTO(auto_free) char *path = NULL;
	int r = engine_open(e);

	e->st.facts_first = true;
	if (r == 0)
		r = engine_resolve(e, spec);
	if (r == 0)
		r = find(e->volumes[0], &path);
	if (r < 0)
		return r;
	if (strcmp(to, "-") != 0)
		return export_file(e->volumes[0], path, to);
	if (isatty(STDOUT_FILENO))
		return log_error(0, "an index is nothing for a terminal: give a file name"),
		       -EINVAL;
	return pack(e->volumes[0], path, STDOUT_FILENO);
}

/* ---- import ---- */

static int refuse(const char *from, int r, const char *why)
{
	if (why[0])
		return log_error(0, "%s %s; nothing was changed", from, why), r;
	return log_error(r, "%s; nothing was changed", from);
}

static int check_file(const char *from, int fd, struct parcel *p)
{
	char why[256] = "";
	int r = parcel_check(fd, p, why);

	if (r == 0 && p->index_format != index_copy_format()) {
		snprintf(why, sizeof(why),
			 "holds an index of format %u, this mdcfs has format %u: export it with "
			 "the same version of mdcfs, or build the index here",
			 p->index_format, index_copy_format());
		r = -EBADMSG;
	}
	return r < 0 ? refuse(from, r, why) : 0;
}

/* Is it of the archive that was named? */
static int check_source(struct engine *e, const char *from, const struct parcel *p,
			const char *spec)
{
	int r = engine_resolve(e, spec);

	if (r < 0)
		return r;
	if (strcmp(e->volumes[0]->raw->identity, p->identity) == 0)
		return 0;
	return log_error(0,
			 "%s is the index of another archive, or of another version of %s; nothing "
			 "was changed",
			 from, spec),
	       -ESTALE;
}

static int say_put(int r, const char *from, const char *path)
{
	switch (r) {
	case 0:
	case -EEXIST:
		return 0;
	case -EBUSY:
		return log_error(0, "the index is in use: unmount the archive first; nothing was "
				    "changed"),
		       r;
	case -EAGAIN:
		return log_error(0,
				 "%s-wal is left of an index that is gone: remove it; nothing "
				 "was changed",
				 path),
		       r;
	case -EUCLEAN:
		return log_error(0, "%s is damaged: remove it; nothing was changed", path), r;
	default:
		return log_error(r, "%s cannot be put to %s", from, path);
	}
}

/* Unpacked beside where it belongs, looked at, and put there. */
static int put(const char *from, int fd, const struct parcel *p, const char *dir, bool *was_there)
{
	AUTO(draft_drop) struct draft db = { .fd = -1 };
	AUTO(auto_free) char *path = path_join(dir, "index.db");
	char why[256] = "";
	int r = path ? draft_new(dir, "import", &db) : -ENOMEM;

	if (r < 0)
		return r;
	r = parcel_unpack(fd, p, db.fd, why);
	if (r == 0)
		r = fsync(db.fd) < 0 ? -errno : index_vet(db.path, p->identity, UINT64_MAX, why);
	if (r < 0)
		return refuse(from, r, why);
	r = index_copy_in(db.path, path);
	*was_there = r == -EEXIST;
	return say_put(r, from, path);
}

int transfer_import(struct engine *e, const char *from, const char *spec)
{
	AUTO(auto_close) int fd = open(from, O_RDONLY | O_CLOEXEC);
	AUTO(auto_free) char *dir = NULL;
	struct parcel p;
	bool was_there = false;
	int r;

	if (fd < 0)
		return log_error(-errno, "%s", from);
	r = check_file(from, fd, &p);
	if (r == 0)
		r = engine_open(e);
	if (r < 0)
		return r;
	if (!e->st.cache)
		return log_error(0, "there is no cache directory to put it into"), -EROFS;
	if (spec)
		r = check_source(e, from, &p, spec);
	if (r == 0)
		r = cache_object_dir(e->st.cache, p.identity, &dir);
	if (r == 0)
		r = put(from, fd, &p, dir, &was_there);
	if (r == 0)
		printf("%s: %s\n", from,
		       was_there ? "there is a complete index of this archive already, it stays"
				 : "imported");
	return r;
}
