/* SPDX-License-Identifier: MPL-2.0 */
/* umount.c - mdcfs umount: take mounts down and wait until they and their daemons are gone.
 * Nothing here asks the mount itself but peek_file(), whose wait is bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/holders.h"
#include "cli/mounts.h"
#include "cli/peek.h"
#include "net/json.h"

#define GONE_MS 10000
#define PEEK_MS 2000

static const char help[] =
	"Usage: mdcfs umount [-l] MOUNTPOINT...\n"
	"\n"
	"Unmount and wait until the mount and its daemon are gone.\n"
	"\n"
	"  -l, --lazy   detach at once, also when busy or hung: the name is free,\n"
	"               the rest goes when its last user has gone\n"
	"  -h, --help   show this\n";

/* Run fusermount3 or its older name; its messages end up in why.  Its exit status, or -errno. */
static int run_helper(const char *const argv[], int to)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r, status;

	r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = -posix_spawn_file_actions_adddup2(&actions, to, 2);
	if (r == 0)
		r = -posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				  environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* One that says a line or two, so a pipe holds all of it. */
static int unmount_by_helper(const char *path, bool lazy, char why[static 256])
{
	const char *argv[] = { "fusermount3", lazy ? "-uz" : "-u", "--", path, NULL };
	int ends[2], r;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = run_helper(argv, ends[1]);
	if (r == -ENOENT) {
		argv[0] = "fusermount";
		r = run_helper(argv, ends[1]);
	}
	n = read(ends[0], why, 255);
	why[n > 0 ? n : 0] = '\0';
	why[strcspn(why, "\n")] = '\0';
	close(ends[0]);
	close(ends[1]);
	if (r > 0)
		return strstr(why, strerror(EBUSY)) || strstr(why, "busy") ? -EBUSY : -EPERM;
	if (r == -ENOENT)
		snprintf(why, 256, "neither fusermount3 nor fusermount is installed");
	return r;
}

static int unmount(const char *path, bool lazy, char why[static 256])
{
	why[0] = '\0';
	if (geteuid() == 0) {
		if (umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
			return 0;
		if (errno != EPERM)
			return -errno;
	}
	return unmount_by_helper(path, lazy, why);
}

/* /proc/PID/cmdline names us?  A pid of another namespace would name somebody else. */
static bool is_ours(uint64_t pid)
{
	char path[64], text[512] = "";
	AUTO(auto_close) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%llu/cmdline", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
	return n > 0 && memmem(text, (size_t)n, "mdcfs", 5);
}

/* A pidfd (pidfd_open(2)) of the daemon behind a mount, -1 when it cannot be told. */
static int open_daemon(const char *path)
{
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *status = NULL;
	uint64_t pid;

	if (peek_file(path, ".mdcfs/status.json", PEEK_MS, &text) < 0 ||
	    json_parse(text, &status) < 0 || !json_u64(status, "pid", &pid) || pid == 0 ||
	    pid > INT32_MAX || !is_ours(pid))
		return -1;
	return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0u);
}

/* How many mounts of ours are stacked at path? */
static size_t count_at(const char *path)
{
	AUTO(mounts_free) struct mounts m = { 0 };
	size_t n = 0;

	if (mounts_read(&m) < 0)
		return 0;
	for (size_t i = 0; i < m.n; i++)
		n += strcmp(m.at[i].mountpoint, path) == 0 &&
		     strcmp(m.at[i].fstype, MOUNTS_FSTYPE) == 0;
	return n;
}

/* Until fewer than before are at path, then until the daemon has ended.  poll(2) on the kernel's
 * table returns when that changes. */
static int wait_gone(const char *path, size_t before, int daemon, int64_t until)
{
	AUTO(auto_close) int table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = table, .events = POLLPRI };

	while (count_at(path) >= before && clock_ms() < until)
		(void)poll(&p, 1, (int)MAX(MIN(until - clock_ms(), 200), 0));
	if (count_at(path) >= before)
		return log_error(-ETIMEDOUT, "%s is still mounted", path);
	p = (struct pollfd){ .fd = daemon, .events = POLLIN };
	while (daemon >= 0 && poll(&p, 1, (int)MAX(until - clock_ms(), 0)) <= 0)
		if (clock_ms() >= until)
			return log_error(-ETIMEDOUT, "%s is unmounted, its daemon goes on", path);
	return 0;
}

static int say_why(const char *path, int r, const char *why)
{
	AUTO(auto_free) char *list = NULL;

	if (r != -EBUSY)
		return why[0] ? log_error(r, "cannot unmount %s (%s)", path, why)
			      : log_error(r, "cannot unmount %s", path);
	list = holders_list(path);
	if (list && *list)
		(void)log_error(0, "%s is busy: in use by %s", path, list);
	else
		(void)log_error(0, "%s is busy: a process has a file or its directory there", path);
	(void)log_error(0, "leave it and try again, or use 'mdcfs umount -l' to detach it now");
	return r;
}

/* The path that the kernel's table has for it; -EINVAL when that is no mount of ours. */
static int find_mount(const char *arg, char **out)
{
	AUTO(mounts_free) struct mounts m = { 0 };
	AUTO(auto_free) char *path = NULL;
	const struct mount *at;
	int r = mounts_path(arg, &path);

	if (r == 0)
		r = mounts_read(&m);
	if (r < 0)
		return log_error(r, "%s", arg);
	at = mounts_find(&m, path);
	if (!at) { /* through a symbolic link, perhaps */
		free(path);
		path = realpath(arg, NULL);
		at = path ? mounts_find(&m, path) : NULL;
	}
	if (at && strcmp(at->fstype, MOUNTS_FSTYPE) == 0) {
		*out = steal(&path);
		return 0;
	}
	if (at)
		(void)log_error(0, "%s is no mdcfs mount but %s", arg, at->fstype);
	else
		(void)log_error(0, "%s is not a mount point", arg);
	return -EINVAL;
}

static int umount_one(const char *arg, bool lazy)
{
	AUTO(auto_free) char *path = NULL;
	AUTO(auto_close) int daemon = -1;
	char why[256];
	size_t before;
	int r = find_mount(arg, &path);

	if (r < 0)
		return r;
	if (!lazy)
		daemon = open_daemon(path);
	before = count_at(path);
	r = unmount(path, lazy, why);
	if (r < 0)
		return say_why(path, r, why);
	if (lazy)
		log_info("%s is detached; its daemon ends with its last user", path);
	return wait_gone(path, before, daemon, clock_ms() + GONE_MS);
}

int command_umount(int argc, char **argv)
{
	static const struct option longs[] = { { "lazy", no_argument, NULL, 'l' }, { 0 } };
	struct command_common c = { .help = help };
	bool lazy = false;
	int option, r = 0;

	while ((option = command_option(argc, argv, &c, "l", longs)) != -1) {
		if (option == 0)
			return c.result;
		lazy = true;
	}
	if (optind == argc)
		return command_misused(argv[0], "no mount point is given");
	for (int i = optind; i < argc; i++) {
		int one = umount_one(argv[i], lazy);

		r = r < 0 ? r : one;
	}
	return r;
}
