/* SPDX-License-Identifier: MPL-2.0 */
/* faultdisk.c - preloaded into the program under test: a disk with faults.
 *
 * The file that $FAULTDISK names has words that say what is wrong just now:
 *
 *   slow      each write of block data takes a second
 *   write     it fails with EIO
 *   late      each read of block data takes a second
 *   read      block data cannot be read: EIO
 *   nopunch   no holes can be punched into any file: EOPNOTSUPP
 *
 * Block data is what is in files whose name ends with ".data".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool is_wrong(const char *word)
{
	const char *path = getenv("FAULTDISK");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	char text[64] = "";

	if (fd < 0)
		return false;
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	syscall(SYS_close, fd);
	return strstr(text, word) != NULL;
}

static bool is_data(int fd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return n > 5 && strcmp(path + n - 5, ".data") == 0;
}

static ssize_t faulty_write(int fd, const void *p, size_t n, off_t at)
{
	static const struct timespec second = { 1, 0 };
	static ssize_t (*real)(int, const void *, size_t, off_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	if (is_data(fd) && is_wrong("slow"))
		nanosleep(&second, NULL);
	if (is_data(fd) && is_wrong("write")) {
		errno = EIO;
		return -1;
	}
	return real(fd, p, n, at);
}

static ssize_t faulty_read(int fd, void *p, size_t n, off_t at)
{
	static const struct timespec second = { 1, 0 };
	static ssize_t (*real)(int, void *, size_t, off_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pread");
	if (is_data(fd) && is_wrong("late"))
		nanosleep(&second, NULL);
	if (is_data(fd) && is_wrong("read")) {
		errno = EIO;
		return -1;
	}
	return real(fd, p, n, at);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return faulty_write(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return faulty_write(fd, p, n, at);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return faulty_read(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
	return faulty_read(fd, p, n, at);
}

static int faulty_fallocate(int fd, int mode, off_t at, off_t n)
{
	static int (*real)(int, int, off_t, off_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fallocate");
	if (mode & FALLOC_FL_PUNCH_HOLE && is_wrong("nopunch")) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return real(fd, mode, at, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	return faulty_fallocate(fd, mode, at, n);
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	return faulty_fallocate(fd, mode, at, n);
}
