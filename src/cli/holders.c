/* SPDX-License-Identifier: MPL-2.0 */
/* holders.c - see holders.h. */
#include "cli/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"

#define HOLDERS_MAX 8

static void auto_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Does the link at dirfd/name lead to mountpoint or below? */
static bool link_below(int dirfd, const char *name, const char *mountpoint)
{
	char target[PATH_MAX];
	size_t len = strlen(mountpoint);
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0 || (size_t)n < len)
		return false;
	target[n] = '\0';
	return strncmp(target, mountpoint, len) == 0 && (target[len] == '\0' || target[len] == '/');
}

/* proc is the process's directory below /proc. */
static bool holds(int proc, const char *mountpoint)
{
	AUTO(auto_closedir) DIR *fds = NULL;
	struct dirent *e;
	int fd;

	if (link_below(proc, "cwd", mountpoint) || link_below(proc, "root", mountpoint))
		return true;
	fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	fds = fdopendir(fd);
	if (!fds) {
		close(fd);
		return false;
	}
	while ((e = readdir(fds)))
		if (link_below(fd, e->d_name, mountpoint))
			return true;
	return false;
}

static int add_process(struct buf *b, int proc, const char *pid)
{
	char comm[64] = "";
	AUTO(auto_close) int fd = openat(proc, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, comm, sizeof(comm) - 1) : 0;

	comm[n > 0 ? strcspn(comm, "\n") : 0] = '\0';
	return buf_addf(b, "%s%s (%s)", b->len ? ", " : "", comm[0] ? comm : "process", pid);
}

char *holders_list(const char *mountpoint)
{
	AUTO(auto_closedir) DIR *d = opendir("/proc");
	AUTO(buf_free) struct buf b = BUF_INIT(4096);
	struct dirent *e;
	unsigned found = 0;

	if (buf_add(&b, "", 0) < 0)
		return NULL;
	while (d && found < HOLDERS_MAX && (e = readdir(d))) {
		AUTO(auto_close) int proc = -1;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		proc = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc >= 0 && holds(proc, mountpoint) && add_process(&b, proc, e->d_name) == 0)
			found++;
	}
	if (found == HOLDERS_MAX && buf_addf(&b, ", ...") < 0)
		return NULL;
	return buf_take(&b);
}
