/* SPDX-License-Identifier: MPL-2.0 */
/* fs.c - see fs.h: mounting, serving, unmounting. */
#include "fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "fs/control.h"
#include "fs/ops.h"
#include "fs/parallel.h"
#include "fs/precheck.h"

#define TICK_MS 1000
#define READ_AHEAD_KB 1024

/* What df and mount show as the device: the first dataset, if its name needs no quoting there. */
static const char *shown_name(const struct fs *fs)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *dir = volumes_count(fs->volumes) > 0 ? volumes_at(fs->volumes, 0)->dir : "";

	return dir[0] && dir[strspn(dir, plain)] == '\0' ? dir : "datasets";
}

static int mount_args(struct fs *fs, struct fuse_args *args)
{
	AUTO(auto_free) char *opts = NULL;

	if (asprintf(&opts, "fsname=mdcfs:%s,subtype=mdcfs,default_permissions,nosuid,nodev%s%s",
		     shown_name(fs), fs->opt->allow_other ? ",allow_other" : "",
		     fs->opt->ro ? ",ro" : "") < 0) {
		opts = NULL;
		return -ENOMEM;
	}
	if (fuse_opt_add_arg(args, "mdcfs") < 0 || fuse_opt_add_arg(args, "-o") < 0 ||
	    fuse_opt_add_arg(args, opts) < 0)
		return -ENOMEM;
	return 0;
}

/* The device number of the mount, without a question to ourselves. */
static void find_device(struct fs *fs)
{
	struct statx st = { 0 };

	if (statx(AT_FDCWD, fs->mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0) {
		fs->dev_major = st.stx_dev_major;
		fs->dev_minor = st.stx_dev_minor;
	}
}

/* The kernel reads 128 KiB at once whatever our first answer wishes; root may tell it again later. */
void fs_raise_read_ahead(struct fs *fs)
{
	AUTO(auto_close) int fd = -1;
	char text[64];

	if (atomic_load_explicit(&fs->read_ahead_raised, memory_order_relaxed) ||
	    atomic_exchange(&fs->read_ahead_raised, true))
		return;
	if (fs->dev_major != 0 || fs->dev_minor == 0) /* not an anonymous device: not ours */
		return;
	snprintf(text, sizeof(text), "/sys/class/bdi/0:%u/read_ahead_kb", fs->dev_minor);
	fd = open(text, O_WRONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%u", READ_AHEAD_KB);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		debug(fs, "the kernel's read-ahead stays at its default");
}

int fs_mount(struct fs *fs, char why[static 512])
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r = precheck_device(why);

	if (r < 0)
		return r;
	if (fs->opt->allow_other && !precheck_allow_other()) {
		snprintf(why, 512, "allow_other needs the line user_allow_other in /etc/fuse.conf");
		return -EPERM;
	}
	pthread_mutex_init(&fs->lock, NULL);
	cond_init(&fs->changed);
	list_init(&fs->parked);
	r = mount_args(fs, &args);
	if (r == 0)
		fs->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), fs);
	fuse_opt_free_args(&args);
	if (!fs->session) {
		snprintf(why, 512, "%s: libfuse cannot start a session", fs->mountpoint);
		return r < 0 ? r : -EIO;
	}
	errno = 0;
	if (fuse_session_mount(fs->session, fs->mountpoint) != 0) {
		r = errno ? -errno : -EIO;
		snprintf(why, 512, "%s: cannot be mounted: %s%s", fs->mountpoint, strerror(-r),
			 geteuid() != 0 ? " (is fusermount3 installed?)" : "");
		fuse_session_destroy(fs->session);
		fs->session = NULL;
		return r;
	}
	parallel_enable(fs);
	find_device(fs);
	return 0;
}

static void tick_archives(struct fs *fs)
{
	for (unsigned i = 0, n = volumes_count(fs->volumes); i < n; i++) {
		struct volume *v = volumes_at(fs->volumes, i), *sample;

		if (v->archive)
			archive_tick(v->archive);
		if (extras_known_sample(&v->extras, &sample) && sample && sample->archive)
			archive_tick(sample->archive);
	}
}

static void *timer(void *arg)
{
	struct fs *fs = arg;
	bool ending = false;

	while (!ending) {
		pthread_mutex_lock(&fs->lock);
		if (!fs->ending)
			(void)cond_wait_ms(&fs->changed, &fs->lock, TICK_MS);
		ending = fs->ending;
		pthread_mutex_unlock(&fs->lock);
		request_check_deadlines(fs);
		tick_archives(fs);
		if (fs->nest)
			nest_tick(fs->nest);
	}
	return NULL;
}

int fs_serve(struct fs *fs)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	int r;

	if (!cfg)
		return -ENOMEM;
	fuse_loop_cfg_set_max_threads(cfg, MAX(fs->opt->threads, 1));
	fuse_loop_cfg_set_idle_threads(cfg, MIN(MAX(fs->opt->threads, 1), 4));
	fuse_loop_cfg_set_clone_fd(cfg, 0);
	r = fuse_set_signal_handlers(fs->session) < 0 ? -EIO : 0;
	if (r == 0) {
		fs->timer_runs = pthread_create(&fs->timer, NULL, timer, fs) == 0;
		r = fuse_session_loop_mt(fs->session, cfg);
		fuse_remove_signal_handlers(fs->session);
	}
	fuse_loop_cfg_destroy(cfg);
	return r;
}

void fs_unmount(struct fs *fs)
{
	if (!fs->session)
		return;
	request_end_all(fs);
	if (fs->timer_runs)
		pthread_join(fs->timer, NULL);
	fuse_session_unmount(fs->session);
	fuse_session_destroy(fs->session);
	fs->session = NULL;
	control_free(fs);
	pthread_cond_destroy(&fs->changed);
	pthread_mutex_destroy(&fs->lock);
}
