/* SPDX-License-Identifier: MPL-2.0 */
/* peek.c - see peek.h.
 *
 * A read of a hung mount cannot be ended, not even by SIGKILL before the mount is gone.  So the
 * child keeps nothing of ours open, and it is not waited for once it is late.
 */
#include "cli/peek.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#define CONTENT_MAX ((size_t)1 << 20)

/* The child's whole life: the content to the pipe; its exit status is the errno. */
static int child_copy(const char *path, int to)
{
	char part[4096];
	int null = open("/dev/null", O_RDWR), from;
	ssize_t n;

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		if (dup2(null, fd) < 0)
			return errno;
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return errno;
	while ((n = read(from, part, sizeof(part))) > 0)
		if (write(to, part, (size_t)n) != n)
			return EPIPE;
	return n < 0 ? errno : 0;
}

static int receive(int fd, int64_t until, struct buf *b)
{
	char part[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = until - clock_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		ssize_t n;
		int r;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready < 0 ? -errno : -ETIMEDOUT;
		n = read(fd, part, sizeof(part));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = buf_add(b, part, (size_t)n);
		if (r < 0)
			return r == -EMSGSIZE ? -EFBIG : r;
	}
}

/* The child's errno.  Its end is waited for up to the deadline only: closing a file can hang too.
 * One that is late is killed and left to init. */
static int reap(pid_t pid, int r, int64_t until)
{
	int status;
	pid_t got = 0;

	while (r == 0 && (got = waitpid(pid, &status, WNOHANG)) == 0 && clock_ms() < until)
		(void)poll(NULL, 0, 2);
	if (got == pid)
		return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	if (got < 0)
		return -errno;
	kill(pid, SIGKILL);
	(void)waitpid(pid, &status, WNOHANG);
	return r < 0 ? r : -ETIMEDOUT;
}

int peek_file(const char *mountpoint, const char *name, int timeout_ms, char **out)
{
	AUTO(auto_free) char *path = path_join(mountpoint, name);
	AUTO(buf_free) struct buf b = BUF_INIT(CONTENT_MAX);
	int64_t until = clock_ms() + timeout_ms;
	int ends[2];
	pid_t pid;
	int r;

	if (!path)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		r = child_copy(path, ends[1]);
		free(steal(&path)); /* no leak for valgrind to see */
		_exit(r);
	}
	r = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (pid > 0)
		r = reap(pid, receive(ends[0], until, &b), until);
	close(ends[0]);
	if (r == 0)
		r = buf_add(&b, "", 0); /* "", not NULL, for an empty file */
	if (r == 0)
		*out = buf_take(&b);
	return r;
}
