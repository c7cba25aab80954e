/* SPDX-License-Identifier: MPL-2.0 */
/* draft.c - see draft.h. */
#include "cli/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/log.h"

#define RANDOM "XXXXXX" /* mkostemp(3) */

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

/* Nobody has one now, nor can begin one before this is done. */
static void remove_old(int folder, const char *name)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (is_draft(e->d_name, name))
			(void)unlinkat(folder, e->d_name, 0);
	closedir(d);
}

/* -1: it cannot be locked. */
static int enter(const char *dir, const char *name)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_old(fd, name);
	while (flock(fd, LOCK_SH) < 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return -1;
	}
	return fd;
}

int draft_new(const char *dir, const char *name, struct draft *out)
{
	AUTO(draft_drop) struct draft d = { .fd = -1, .folder = enter(dir, name) };
	char *path;

	if (asprintf(&path, "%s/.%s-" RANDOM, dir, name) < 0)
		return -ENOMEM;
	d.fd = mkostemp(path, O_CLOEXEC);
	if (d.fd < 0) {
		int r = -errno;

		free(path);
		return log_error(r, "no file can be made in %s", dir);
	}
	d.path = path;
	*out = d;
	d = (struct draft)DRAFT_NONE;
	return 0;
}
