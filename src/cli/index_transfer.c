/* SPDX-License-Identifier: MPL-2.0 */
/* index_transfer.c - see index_transfer.h. */
#include "cli/index_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "archive/index/index_copy.h"
#include "archive/index/index_vet.h"
#include "archive/index/parcel.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/draft.h"
#include "cli/human.h"

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
	struct index_summary s;
	int r = engine_index(v, &path);

	if (r < 0)
		return r;
	r = index_summary(path, &s);
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
	AUTO(draft_drop) struct draft copy = DRAFT_NONE;
	struct parcel p = { .index_format = index_copy_format() };
	struct stat st;
	int r = draft_new(object_dir(v->object), "draft", &copy);

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
	AUTO(draft_drop) struct draft file = DRAFT_NONE;
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

int index_export(struct engine *e, const char *spec, const char *to)
{
	AUTO(auto_free) char *path = NULL;
	int r = engine_open(e);

	e->st.facts_first = true;
	if (r == 0)
		r = engine_resolve(e, spec);
	if (r == 0)
		r = find(volumes_at(e->volumes, 0), &path);
	if (r < 0)
		return r;
	if (strcmp(to, "-") != 0)
		return export_file(volumes_at(e->volumes, 0), path, to);
	if (isatty(STDOUT_FILENO))
		return log_error(0, "an index is nothing for a terminal: give a file name"),
		       -EINVAL;
	return pack(volumes_at(e->volumes, 0), path, STDOUT_FILENO);
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
	if (strcmp(volumes_at(e->volumes, 0)->raw->identity, p->identity) == 0)
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

/* As long as it is unpacked, and when it is copied over one that was begun, again as much. */
static int check_room(const struct engine *e, const char *from, const struct parcel *p,
		      const char *path)
{
	uint64_t reserve, room, need = p->size;
	char size[32], free_size[32], kept[32];
	struct statvfs fs;

	if (statvfs(cache_dir(e->st.cache), &fs) < 0)
		return log_error(-errno, "%s", cache_dir(e->st.cache));
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	reserve = portion_bytes(e->env.opt.cache_reserve, (uint64_t)fs.f_blocks * fs.f_frsize);
	if (access(path, F_OK) == 0 && __builtin_add_overflow(need, p->size, &need))
		need = UINT64_MAX;
	if (room > reserve && room - reserve >= need)
		return 0;
	return log_error(0,
			 "%s needs %s on the cache's disk, where %s are free and cache_reserve "
			 "keeps %s; nothing was changed",
			 from, human_size(need, size), human_size(room, free_size),
			 human_size(reserve, kept)),
	       -ENOSPC;
}

/* Unpacked to the draft and looked at.  size: of the archive, UINT64_MAX when it is not known. */
static int unpack(const char *from, int fd, const struct parcel *p, uint64_t size,
		  const struct draft *to)
{
	char why[256] = "";
	int r = parcel_unpack(fd, p, to->fd, why);

	if (r == 0)
		r = fsync(to->fd) < 0 ? -errno : index_vet(to->path, p->identity, size, why);
	return r < 0 ? refuse(from, r, why) : 0;
}

/* Beside where it belongs, and from there to its place. */
static int put(struct engine *e, const char *from, int fd, const struct parcel *p, bool *was_there)
{
	uint64_t size =
		volumes_count(e->volumes) > 0 ? volumes_at(e->volumes, 0)->raw->size : UINT64_MAX;
	AUTO(draft_drop) struct draft db = DRAFT_NONE;
	AUTO(auto_free) char *dir = NULL, *path = NULL;
	int r = cache_object_dir(e->st.cache, p->identity, &dir);

	if (r == 0 && !(path = path_join(dir, "index.db")))
		r = -ENOMEM;
	if (r == 0)
		r = draft_new(dir, "draft", &db); /* it removes old ones first */
	if (r == 0)
		r = check_room(e, from, p, path);
	if (r == 0)
		r = unpack(from, fd, p, size, &db);
	if (r < 0)
		return r;
	r = index_copy_in(db.path, path);
	*was_there = r == -EEXIST;
	return say_put(r, from, path);
}

int index_import(struct engine *e, const char *from, const char *spec)
{
	AUTO(auto_close) int fd = open(from, O_RDONLY | O_CLOEXEC);
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
		r = put(e, from, fd, &p, &was_there);
	if (r == 0)
		printf("%s: %s\n", from,
		       was_there ? "there is a complete index of this archive already, it stays"
				 : "imported");
	return r;
}
