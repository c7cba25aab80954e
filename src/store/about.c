/* SPDX-License-Identifier: MPL-2.0 */
/* about.c - see about.h. */
#include "store/about.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/json.h"

#define NOTE "about.json"
#define NOTE_MAX 8192u
#define ENTER_TRIES 8

/* -- the note -- */

static char *print_note(const struct about *a)
{
	AUTO(auto_json_free) struct json *j = json_object();

	json_set_str(j, "name", a->name);
	json_set_str(j, "file", a->file);
	json_set_str(j, "version", a->version);
	json_set_u64(j, "size", a->size);
	if (a->of[0])
		json_set_str(j, "of", a->of);
	if (a->outer[0])
		json_set_str(j, "outer", a->outer);
	return json_print(j, false);
}

int about_note(const char *dir, const struct about *a)
{
	AUTO(auto_free) char *path = path_join(dir, NOTE);
	AUTO(auto_free) char *text = print_note(a);
	AUTO(auto_free) char *old = NULL;

	if (!path || !text)
		return -ENOMEM;
	if (file_slurp(path, NOTE_MAX, &old, NULL) == 0 && strcmp(old, text) == 0)
		return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	return file_replace(path, text, strlen(text), 0600);
}

/* Too long is as good as absent. */
static void take(const struct json *j, const char *key, char *out, size_t cap)
{
	const char *s = json_str(j, key);

	if (s && strlen(s) < cap)
		memcpy(out, s, strlen(s) + 1);
}

int about_read(const char *dir, struct about *out)
{
	AUTO(auto_free) char *path = path_join(dir, NOTE);
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = NULL;

	memset(out, 0, sizeof(*out));
	if (!path || file_slurp(path, NOTE_MAX, &text, NULL) < 0 || json_parse(text, &j) < 0 ||
	    !json_str(j, "name"))
		return -ENOENT;
	take(j, "name", out->name, sizeof(out->name));
	take(j, "file", out->file, sizeof(out->file));
	take(j, "version", out->version, sizeof(out->version));
	take(j, "of", out->of, sizeof(out->of));
	take(j, "outer", out->outer, sizeof(out->outer));
	(void)json_u64(j, "size", &out->size);
	return 0;
}

int64_t about_used(const char *dir)
{
	AUTO(auto_free) char *path = path_join(dir, NOTE);
	struct stat st;

	return path && lstat(path, &st) == 0 ? clock_stamp(&st.st_mtim) : 0;
}

/* -- the use -- */

static int lock(int fd, int how)
{
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

/* 0; -EBUSY; -EAGAIN when it was removed before we had it. */
static int take_lock(const char *dir, int how, int *out)
{
	AUTO(auto_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = lock(fd, how);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return -EAGAIN;
	*out = fd;
	fd = -1;
	return 0;
}

int about_enter(const char *dir, const struct about *a, int *use)
{
	int fd = -1, r = -EAGAIN;

	for (int i = 0; i < ENTER_TRIES && (r == -EAGAIN || r == -ENOENT); i++) {
		r = dir_make(dir, 0700);
		if (r == 0)
			r = take_lock(dir, LOCK_SH, &fd);
	}
	if (r < 0)
		return r;
	if (a)
		r = about_note(dir, a);
	*use = fd; /* a note that could not be written is no reason to be without the lock */
	return 0;
}

void about_leave(const char *dir, int use)
{
	AUTO(auto_free) char *path = dir ? path_join(dir, NOTE) : NULL;

	if (use < 0)
		return;
	if (path)
		(void)!utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	close(use);
}

bool about_in_use(const char *dir)
{
	AUTO(auto_close) int fd = -1;

	return take_lock(dir, LOCK_EX | LOCK_NB, &fd) == -EBUSY;
}

int about_seize(const char *dir, int *fd)
{
	int r = take_lock(dir, LOCK_EX | LOCK_NB, fd);

	return r == -EAGAIN ? -ENOENT : r; /* removed just now */
}

/* The descriptor is read through one of its own: its place in the directory is not ours. */
static int empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d) {
		r = -errno;
		auto_close(&fd);
		return r;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(dir, e->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	closedir(d);
	return r;
}

int about_remove(const char *dir)
{
	AUTO(auto_close) int fd = -1;
	int r = take_lock(dir, LOCK_EX | LOCK_NB, &fd);

	if (r == 0)
		r = empty(fd);
	if (r == 0 && rmdir(dir) < 0)
		r = -errno;
	return r == -EAGAIN || r == -ENOENT ? 0 : r;
}
