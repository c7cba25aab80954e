/* SPDX-License-Identifier: MPL-2.0 */
/* objects.c - see objects.h. */
#include "store/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/about.h"
#include "store/blockmap.h"

#define NAME_BYTES 128u
#define GONE ".gone-"	 /* what is being removed; of a process that died meanwhile, too */
#define LEVELS_MAX 64	 /* of archives inside archives */
#define FILES_MAX 65536u /* in one object; more are not looked at */

struct objects {
	char *dir, *pins; /* dir: .../objects; set once */
};

static bool only(const char *s, size_t n, const char *set)
{
	return n > 0 && n <= NAME_BYTES && strspn(s, set) >= n;
}

bool objects_name(const char *s)
{
	return only(s, strlen(s), "0123456789abcdef");
}

bool objects_layer_name(const char *s, size_t n)
{
	return only(s, n, "abcdefghijklmnopqrstuvwxyz0123456789-_");
}

/* -- opening -- */

int objects_open(const char *dir, struct objects **out)
{
	struct objects *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->dir = path_join(dir, "objects");
	o->pins = path_join(dir, "pins");
	if (!o->dir || !o->pins) {
		objects_close(o);
		return -ENOMEM;
	}
	*out = o;
	return 0;
}

struct objects *objects_close(struct objects *o)
{
	if (!o)
		return NULL;
	free(o->dir);
	free(o->pins);
	free(o);
	return NULL;
}

/* -- who uses an object -- */

/* The directory of the outermost archive that this one is in, if it is in one. */
static char *outermost(struct objects *o, const char *identity)
{
	char *dir = path_join(o->dir, identity);
	struct about a;

	for (int i = 0; dir && i < LEVELS_MAX && about_read(dir, &a) == 0 && a.outer[0]; i++) {
		free(dir);
		dir = objects_name(a.outer) ? path_join(o->dir, a.outer) : NULL;
	}
	return dir;
}

static bool is_in_use(struct objects *o, const char *identity)
{
	AUTO(auto_free) char *dir = path_join(o->dir, identity);
	AUTO(auto_free) char *outer = outermost(o, identity);

	return !dir || !outer || about_in_use(dir) ||
	       (strcmp(dir, outer) != 0 && about_in_use(outer));
}

/* Nobody else uses it while these are held. */
struct seizure {
	int inner, outer;
};

static void release(struct seizure *s)
{
	auto_close(&s->inner);
	auto_close(&s->outer);
}

/* 0; -EBUSY; -ENOENT; -errno. */
static int seize(struct objects *o, const char *identity, struct seizure *s)
{
	AUTO(auto_free) char *dir = objects_name(identity) ? path_join(o->dir, identity) : NULL;
	AUTO(auto_free) char *outer = dir ? outermost(o, identity) : NULL;
	int r;

	if (!outer)
		return objects_name(identity) ? -ENOMEM : -EINVAL;
	r = strcmp(dir, outer) == 0 ? 0 : about_seize(outer, &s->outer);
	if (r == -ENOENT) /* it is gone: nobody comes in through it */
		r = 0;
	return r < 0 ? r : about_seize(dir, &s->inner);
}

/* -- pins -- */

static char *pin_path(struct objects *o, const char *identity)
{
	return objects_name(identity) ? path_join(o->pins, identity) : NULL;
}

int objects_pin(struct objects *o, const char *identity, bool pinned)
{
	AUTO(auto_free) char *path = pin_path(o, identity);
	AUTO(auto_close) int fd = -1;
	int r;

	if (!path)
		return objects_name(identity) ? -ENOMEM : -EINVAL;
	if (!pinned)
		return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
	r = dir_make(o->pins, 0700);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static bool has_pin(struct objects *o, const char *identity)
{
	AUTO(auto_free) char *path = pin_path(o, identity);

	/* Without memory to look: rather keep it. */
	return !path || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* An archive inside another one may have been opened after that one was pinned. */
bool objects_pinned(struct objects *o, const char *identity)
{
	bool pinned = has_pin(o, identity);
	struct about a;

	snprintf(a.outer, sizeof(a.outer), "%s", identity);
	for (int i = 0; !pinned && i < LEVELS_MAX; i++) {
		AUTO(auto_free) char *dir = path_join(o->dir, a.outer);

		if (dir && (about_read(dir, &a) < 0 || !objects_name(a.outer)))
			break;
		pinned = !dir || has_pin(o, a.outer);
	}
	return pinned;
}

/* -- walking -- */

static bool is_data(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".data") == 0 && objects_layer_name(name, n - 5);
}

static uint64_t on_disk(const struct stat *st)
{
	return st->st_blocks > 0 ? (uint64_t)st->st_blocks * 512 : 0;
}

/* What a directory (at dirfd, name) and the files in it take. */
static void measure_object(int dirfd, const char *name, struct object_info *info)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d) {
		auto_close(&fd);
		return;
	}
	if (fstat(fd, &st) == 0) {
		info->meta += on_disk(&st);
		info->used = clock_stamp(&st.st_mtim);
	}
	for (unsigned n = 0; n < FILES_MAX && (e = readdir(d)); n++) {
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (is_data(e->d_name))
			info->data += on_disk(&st);
		else
			info->meta += on_disk(&st);
	}
	closedir(d);
}

uint64_t objects_meta(const char *dir)
{
	struct object_info info = { 0 };

	measure_object(AT_FDCWD, dir, &info);
	return info.meta;
}

/* Everything in dir/objects that is an object, or was one. */
static int each_entry(struct objects *o, int (*fn)(void *arg, int dirfd, const char *name),
		      void *arg)
{
	DIR *d = opendir(o->dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (e = readdir(d)))
		if (objects_name(e->d_name) || strncmp(e->d_name, GONE, strlen(GONE)) == 0)
			r = fn(arg, dirfd(d), e->d_name);
	closedir(d);
	return r;
}

struct walk {
	struct objects *o;
	int (*each)(void *arg, const struct object_info *info);
	int (*layer)(void *arg, const char *identity, const char *path);
	void *arg;
	uint64_t data, meta;
};

static int inform(void *arg, int dirfd, const char *name)
{
	struct walk *w = arg;
	struct object_info info = { .identity = name };
	AUTO(auto_free) char *path = NULL;
	int64_t used;

	if (!objects_name(name))
		return 0;
	measure_object(dirfd, name, &info);
	path = path_join(w->o->dir, name);
	used = path ? about_used(path) : 0;
	info.used = MAX(info.used, used);
	info.pinned = objects_pinned(w->o, name);
	info.in_use = is_in_use(w->o, name);
	return w->each(w->arg, &info);
}

int objects_each(struct objects *o, int (*fn)(void *arg, const struct object_info *info), void *arg)
{
	struct walk w = { .o = o, .each = fn, .arg = arg };

	return each_entry(o, inform, &w);
}

static int add_up(void *arg, int dirfd, const char *name)
{
	struct walk *w = arg;
	struct object_info info = { 0 };

	measure_object(dirfd, name, &info);
	w->data += info.data;
	w->meta += info.meta;
	return 0;
}

int objects_measure(struct objects *o, uint64_t *data, uint64_t *meta)
{
	struct walk w = { 0 };
	int r = each_entry(o, add_up, &w);

	if (r == 0) {
		*data = w.data;
		*meta = w.meta;
	}
	return r;
}

static int walk_layers(void *arg, int dirfd, const char *name)
{
	struct walk *w = arg;
	int fd, r = 0;
	struct dirent *e;
	DIR *d;

	if (!objects_name(name))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		auto_close(&fd);
		return 0;
	}
	while (r == 0 && (e = readdir(d))) {
		char *path = NULL;

		if (!is_data(e->d_name))
			continue;
		if (asprintf(&path, "%s/%s/%s", w->o->dir, name, e->d_name) < 0)
			path = NULL;
		r = path ? w->layer(w->arg, name, path) : -ENOMEM;
		free(path);
	}
	closedir(d);
	return r;
}

int objects_each_layer(struct objects *o,
		       int (*fn)(void *arg, const char *identity, const char *path), void *arg)
{
	struct walk w = { .o = o, .layer = fn, .arg = arg };

	return each_entry(o, walk_layers, &w);
}

/* -- removing -- */

/* No record of it may look valid to who has the map open still: an evicting hand would count its
 * bytes a second time. */
static void clear_map(int dirfd, const char *object, const char *name)
{
	AUTO(auto_free) char *path = NULL;
	struct blockmap *m = NULL;
	size_t n = strlen(name);

	if (n <= 4 || strcmp(name + n - 4, ".map") != 0 ||
	    asprintf(&path, "/proc/self/fd/%d/%s/%s", dirfd, object, name) < 0)
		return;
	if (blockmap_open(path, BLOCKMAP_WRITE, &m) == 0)
		blockmap_clear(m);
	blockmap_close(m);
}

static int remove_tree(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		int r = -errno;

		auto_close(&fd);
		return r;
	}
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		clear_map(dirfd, name, e->d_name);
		(void)unlinkat(fd, e->d_name, 0);
	}
	closedir(d);
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int sweep_gone(void *arg, int dirfd, const char *name)
{
	(void)arg;
	if (!objects_name(name)) /* its process may be at it just now: no harm */
		(void)!remove_tree(dirfd, name);
	return 0;
}

/* It leaves its place at once, so that who comes meanwhile makes a new one. */
static int remove_seized(struct objects *o, const char *identity)
{
	AUTO(auto_free) char *path = path_join(o->dir, identity);
	AUTO(auto_free) char *gone = NULL;
	unsigned salt = 0;

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) < 0)
		salt = (unsigned)getpid();
	if (asprintf(&gone, "%s/" GONE "%u-%s", o->dir, salt, identity) < 0)
		gone = NULL;
	if (!path || !gone)
		return -ENOMEM;
	return rename(path, gone) < 0 ? -errno : each_entry(o, sweep_gone, NULL);
}

struct emptying {
	const char *identity;
};

/* The map goes before its data. */
static int empty_layer(void *arg, const char *identity, const char *path)
{
	const struct emptying *of = arg;
	AUTO(auto_free) char *map = NULL;
	struct blockmap *m = NULL;

	if (strcmp(identity, of->identity) != 0)
		return 0;
	if (asprintf(&map, "%.*s.map", (int)(strlen(path) - strlen(".data")), path) < 0) {
		map = NULL;
		return -ENOMEM;
	}
	if (blockmap_open(map, BLOCKMAP_WRITE, &m) == 0)
		blockmap_clear(m);
	blockmap_close(m);
	return truncate(path, 0) < 0 ? -errno : 0;
}

int objects_empty(struct objects *o, const char *identity)
{
	AUTO(release) struct seizure s = { -1, -1 };
	struct emptying of = { identity };
	int r = seize(o, identity, &s);

	return r < 0 ? r : objects_each_layer(o, empty_layer, &of);
}

int objects_remove(struct objects *o, const char *identity)
{
	AUTO(release) struct seizure s = { -1, -1 };
	int r = seize(o, identity, &s);

	return r < 0 ? r : remove_seized(o, identity);
}
