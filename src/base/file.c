/* SPDX-License-Identifier: MPL-2.0 */
/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int file_slurp(const char *path, size_t max, char **out, size_t *len)
{
	AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(auto_free) char *p = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	p = malloc((size_t)st.st_size + 1);
	if (!p)
		return -ENOMEM;
	r = file_read_at(fd, p, (size_t)st.st_size, 0);
	if (r < 0)
		return r;
	p[st.st_size] = '\0';
	if (len)
		*len = (size_t)st.st_size;
	*out = steal(&p);
	return 0;
}

int file_replace(const char *path, const void *p, size_t n, mode_t mode)
{
	AUTO(auto_free) char *tmp = NULL;
	AUTO(auto_close) int fd = -1;
	int r;

	if (asprintf(&tmp, "%s.%ld.tmp", path, (long)getpid()) < 0) {
		tmp = NULL;
		return -ENOMEM;
	}
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = file_write_at(fd, p, n, 0);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int dir_make(const char *path, mode_t mode)
{
	AUTO(auto_free) char *p = strdup(path);
	struct stat st;

	if (!p)
		return -ENOMEM;
	for (char *slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(p, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	return stat(p, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_lock(const char *path, bool wait, int *fd)
{
	AUTO(auto_close) int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (f < 0)
		return -errno;
	while (flock(f, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
		if (errno != EINTR)
			return -errno;
	*fd = f;
	f = -1;
	return 0;
}

int file_read_at(int fd, void *buf, size_t len, uint64_t off)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <
		    0) /* a file system that found damage says EBADMSG, which means more above */
			return errno == EBADMSG ? -EIO : -errno;
		if (n == 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

int file_write_at(int fd, const void *buf, size_t len, uint64_t off)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int file_write(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

char *path_join(const char *dir, const char *name)
{
	char *p;

	return asprintf(&p, "%s/%s", dir, name) < 0 ? NULL : p;
}

char *path_xdg(const char *var, const char *fallback)
{
	const char *v = getenv(var), *home = getenv("HOME");

	if (v && v[0] == '/')
		return strdup(v);
	return home && home[0] ? path_join(home, fallback) : NULL;
}

/* On a full disk nothing can be found out; nearly every file system can. */
static int punches(int fd, bool *yes)
{
	const off_t hole = 1 << 20;
	const char mark = 'x';
	struct stat st;

	*yes = true;
	if (pwrite(fd, &mark, 1, hole) != 1)
		return errno == ENOSPC || errno == EDQUOT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_blocks * 512 >= hole)
		return -EOPNOTSUPP;
	*yes = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole, 4096) == 0 ||
	       (errno != EOPNOTSUPP && errno != ENOSYS);
	return 0;
}

int file_punches(const char *dir, bool *yes)
{
	AUTO(auto_free) char *path = path_join(dir, ".holes-XXXXXX");
	AUTO(auto_close) int fd = -1;

	if (!path)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return (*yes = errno == ENOSPC || errno == EDQUOT) ? 0 : -errno;
	unlink(path);
	return punches(fd, yes);
}
