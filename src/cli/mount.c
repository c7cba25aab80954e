/* SPDX-License-Identifier: MPL-2.0 */
/* mount.c - mdcfs mount: check, open everything, mount, and stay.
 *
 * Without -f the mount lives in a child in the background.  The parent waits until the mount
 * answers or has failed; the child's messages go to the terminal until then, afterwards to syslog.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/engine.h"
#include "cli/mounts.h"
#include "fs/fs.h"
#include "net/url.h"

static const char help[] =
	"Usage: mdcfs mount [-f] [-o OPTION[,OPTION...]] [SOURCE...] MOUNTPOINT\n"
	"\n"
	"Mount datasets read-only; returns when the mount answers. Without a SOURCE it is\n"
	"empty, and a dataset comes when it is looked up: cd MOUNTPOINT/SLUG.\n"
	"\n"
	"SOURCE is one of\n"
	"  SLUG, ID, mdc:SLUG   a Mozilla Data Collective dataset (needs MDC_API_KEY)\n"
	"  ods:DOMAIN           an OpenDataSoft portal, or ods:DOMAIN/DATASET\n"
	"  https://HOST/FILE    an archive or file behind a server that answers ranges\n"
	"  /PATH/FILE           a local one\n"
	"\n"
	"  -f, --foreground     stay in the foreground, log to stderr; Ctrl-C unmounts\n"
	"  -o OPTION=VALUE      set an option, see below\n"
	"  -h, --help           show this\n"
	"\n";

struct mount_run {
	struct engine engine;
	struct fs fs;
	char **specs;
	unsigned n_specs;
	char *mountpoint;
	bool foreground;
	int report; /* the parent reads one byte here when the mount answers; -1 in the foreground */
};

/* ---- the mount point ---- */

static bool is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool empty = true;

	while (d && empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

/* Something is mounted there.  The attributes of a dead mount may still be in the kernel's cache,
 * its figures are not. */
static int say_taken(const char *given, const char *path, bool ours)
{
	struct statvfs st;

	if (ours && statvfs(path, &st) < 0 && errno == ENOTCONN)
		return log_error(
			       0,
			       "mount point %s is a dead mount: free it with `mdcfs umount -l %s`",
			       given, given),
		       -ENOTCONN;
	return log_error(0, "mount point %s is busy: something is mounted there already", given),
	       -EBUSY;
}

static int check_mountpoint(const char *given, char **out)
{
	AUTO(mounts_free) struct mounts m = { 0 };
	AUTO(auto_free) char *path = NULL;
	const struct mount *at;
	struct stat st;
	int r = mounts_path(given, &path);

	if (r == 0)
		r = mounts_read(&m);
	if (r < 0)
		return log_error(r, "mount point %s", given);
	at = mounts_find(&m, path);
	if (at)
		return say_taken(given, path, strcmp(at->fstype, MOUNTS_FSTYPE) == 0);
	if (stat(path, &st) < 0)
		return errno == ENOENT
		       ? log_error(0, "mount point %s does not exist: make it with mkdir", given),
		       -ENOENT : log_error(-errno, "mount point %s", given);
	if (!S_ISDIR(st.st_mode))
		return log_error(0, "mount point %s is not a directory", given), -ENOTDIR;
	if (!is_empty(path))
		return log_error(0, "mount point %s is not empty: use an empty directory", given),
		       -ENOTEMPTY;
	*out = steal(&path);
	return 0;
}

/* ---- serving ---- */

static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	log_to_syslog();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* The kernel's first request has been answered. */
static void on_ready(void *arg)
{
	struct mount_run *m = arg;

	if (m->report < 0)
		return;
	detach();
	if (write(m->report, "+", 1) < 0)
		(void)log_warn(-errno, "the one who asked for the mount has gone");
	close(m->report);
	m->report = -1;
}

static int serve(struct mount_run *m)
{
	char why[512] = "";
	const struct options *opt = &m->engine.env.opt;
	int r = engine_open(&m->engine);

	for (unsigned i = 0; i < m->n_specs && r == 0; i++)
		r = engine_add(&m->engine, m->specs[i]);
	if (r == 0)
		r = engine_nest(&m->engine);
	if (r == 0)
		r = engine_automount(&m->engine);
	if (r == 0)
		r = engine_refresh(&m->engine);
	if (r == 0)
		r = engine_warm(&m->engine);
	if (r < 0)
		return r;
	m->fs.st = &m->engine.st;
	m->fs.src = &m->engine.env.src;
	m->fs.opt = opt;
	m->fs.volumes = m->engine.volumes;
	m->fs.branches = m->engine.branches;
	m->fs.n_branches = m->engine.n_branches;
	m->fs.nest = m->engine.nest;
	m->fs.errands = m->engine.errands;
	m->fs.automount = m->engine.automount;
	m->fs.mountpoint = m->mountpoint;
	m->fs.uid = opt->uid == OPTION_UNSET ? getuid() : opt->uid;
	m->fs.gid = opt->gid == OPTION_UNSET ? getgid() : opt->gid;
	m->fs.since = clock_now();
	m->fs.ready = on_ready;
	m->fs.ready_arg = m;
	r = fs_mount(&m->fs, why);
	if (r < 0)
		return log_error(0, "%s", why), r;
	r = fs_serve(&m->fs);
	return r < 0 ? log_error(r, "%s: the mount has ended", m->mountpoint) : 0;
}

/* Each dataset keeps a few files open, and the soft limit is made for select(2). */
static void raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int serve_and_close(struct mount_run *m)
{
	int r;

	/* Blocks, ranges and replies come and go thousands of times a second: their pages are kept
	 * (a pass gives them back at its end), in few arenas. */
	mallopt(M_MMAP_THRESHOLD, 8 << 20);
	mallopt(M_TRIM_THRESHOLD, 8 << 20);
	mallopt(M_ARENA_MAX, 4);
	raise_file_limit();
	r = serve(m);
	fs_unmount(&m->fs);
	engine_close(&m->engine);
	return r;
}

/* The child said that it is ready, or has ended without. */
static int wait_for_child(pid_t pid, int fd, const char *mountpoint)
{
	struct statvfs st;
	char byte;
	ssize_t n;
	int status;

	while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
		;
	if (n == 1) /* and it does answer, from outside */
		return statvfs(mountpoint, &st) == 0
			       ? 0
			       : log_error(-errno, "%s does not answer", mountpoint);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		return log_error(0, "the mount was ended by signal %d", WTERMSIG(status)), -EINTR;
	return -EIO; /* it has said why */
}

static int run_in_background(struct mount_run *m)
{
	int fds[2];
	pid_t pid;
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return log_error(-errno, "pipe");
	pid = fork();
	if (pid < 0)
		return log_error(-errno, "fork");
	if (pid > 0) {
		close(fds[1]);
		r = wait_for_child(pid, fds[0], m->mountpoint);
		close(fds[0]);
		env_close(&m->engine.env);
		return r;
	}
	close(fds[0]);
	m->report = fds[1];
	setsid();
	if (chdir("/") < 0)
		(void)log_warn(-errno, "chdir /");
	return serve_and_close(m);
}

/* Everybody may read the arguments of a process, and this one lives for days: of a URL what opens it, its
 * query and a password, is taken out.  arg is the kernel's memory, so no longer than it was. */
static void hide_secrets(char *arg)
{
	size_t n = strlen(arg);
	AUTO(auto_free) char *shown = calloc(1, n + 1);

	if (!shown || !url_is_http(arg))
		return;
	url_redact(arg, shown, n + 1);
	memcpy(arg, shown, n);
}

/* A local source is meant relative to where the command was given. */
static int absolute_specs(struct mount_run *m)
{
	for (unsigned i = 0; i < m->n_specs; i++) {
		char *given = m->specs[i];
		char *path = access(given, F_OK) == 0 ? realpath(given, NULL) : NULL;

		m->specs[i] = path ? path : strdup(given);
		if (!m->specs[i]) {
			m->n_specs = i;
			return -ENOMEM;
		}
		hide_secrets(given);
	}
	return 0;
}

static int parse(struct mount_run *m, int argc, char **argv, bool *done)
{
	static const struct option longs[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	while ((c = getopt_long(argc, argv, "fo:h", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			m->foreground = true;
			break;
		case 'o':
			r = env_options(&m->engine.env, optarg);
			if (r < 0)
				return r == -EINVAL ? COMMAND_USAGE : r;
			break;
		case 'h':
			fputs(help, stdout);
			options_print_help(stdout);
			*done = true;
			return 0;
		default:
			return command_misused(argv[0], NULL);
		}
	}
	if (argc - optind < 1)
		return command_misused(argv[0], "where to mount? A mount point is needed");
	m->specs = argv + optind;
	m->n_specs = (unsigned)(argc - optind - 1);
	r = env_options(&m->engine.env, NULL);
	if (m->n_specs == 0)
		m->engine.env.opt.automount = true;
	return r;
}

int command_mount(int argc, char **argv)
{
	struct mount_run m = { .report = -1 };
	bool done = false;
	int r = parse(&m, argc, argv, &done);

	if (r != 0 || done) {
		env_close(&m.engine.env);
		return r;
	}
	r = absolute_specs(&m);
	if (r == 0)
		r = env_resolve(&m.engine.env);
	if (r == 0)
		r = check_mountpoint(argv[argc - 1], &m.mountpoint);
	if (r == 0)
		r = m.foreground ? serve_and_close(&m) : run_in_background(&m);
	else
		env_close(&m.engine.env);
	for (unsigned i = 0; i < m.n_specs; i++)
		free(m.specs[i]);
	free(m.mountpoint);
	return r;
}
