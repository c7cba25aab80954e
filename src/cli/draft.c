/* SPDX-License-Identifier: MPL-2.0 */
/* draft.c - see draft.h. */
#include "cli/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"

#define RANDOM "XXXXXX" /* mkostemp(3) */
#define MAKE_TRIES 8

void draft_drop(struct draft *d)
{
	if (d->path)
		unlink(d->path);
	free(steal(&d->path));
	if (d->fd >= 0)
		close(d->fd);
	if (d->folder >= 0)
		close(d->folder);
}

/* .NAME- and as many characters as mkostemp() makes up */
static bool is_draft(const char *file, const char *name)
{
	size_t n = strlen(name);

	return file[0] == '.' && strncmp(file + 1, name, n) == 0 && file[n + 1] == '-' &&
	       strlen(file + n + 2) == strlen(RANDOM);
}

/* Its maker has a lock on it as long as it lives. */
static bool remove_if_left(int folder, const char *file)
{
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	bool removed;

	if (fd < 0)
		return false;
	removed = flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, file, 0) == 0;
	close(fd);
	return removed;
}

unsigned draft_sweep(int folder, const char *name)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned removed = 0;
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((e = readdir(d)))
		if (is_draft(e->d_name, name))
			removed += remove_if_left(folder, e->d_name);
	closedir(d);
	return removed;
}

/* -1: it cannot be locked. */
static int enter(const char *dir, const char *name)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_SH) < 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return -1;
	}
	(void)draft_sweep(fd, name);
	return fd;
}

/* 0; -EAGAIN when somebody has taken it for a left one before it was locked. */
static int make(const char *dir, const char *name, struct draft *d)
{
	struct stat st;

	if (asprintf(&d->path, "%s/.%s-" RANDOM, dir, name) < 0) {
		d->path = NULL;
		return -ENOMEM;
	}
	d->fd = mkostemp(d->path, O_CLOEXEC);
	if (d->fd >= 0 && (d->folder < 0 || (flock(d->fd, LOCK_EX | LOCK_NB) == 0 &&
					     fstat(d->fd, &st) == 0 && st.st_nlink > 0)))
		return 0;
	if (d->fd < 0) {
		int r = -errno;

		free(steal(&d->path));
		return r;
	}
	unlink(d->path);
	free(steal(&d->path));
	close(d->fd);
	d->fd = -1;
	return -EAGAIN;
}

int draft_new(const char *dir, const char *name, struct draft *out)
{
	AUTO(draft_drop) struct draft d = { .fd = -1, .folder = enter(dir, name) };
	int r = -EAGAIN;

	for (int i = 0; i < MAKE_TRIES && r == -EAGAIN; i++)
		r = make(dir, name, &d);
	if (r < 0)
		return log_error(r, "no file can be made in %s", dir);
	*out = d;
	d = (struct draft)DRAFT_NONE;
	return 0;
}
