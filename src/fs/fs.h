/* SPDX-License-Identifier: MPL-2.0 */
/* fs.h - the mounted filesystem: what it is made of, and its life.
 *
 * Threads: libfuse's workers decode a request and answer it or park it; the pool runs parked ones
 * again; one timer thread ends those whose deadline has come.
 * Lock order: fs.lock > everything below (archive, memory, wait, pool).
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/list.h"
#include "fs/automount.h"
#include "fs/branch.h"
#include "fs/nest.h"
#include "fs/volumes.h"

struct fuse_session;

struct fs {
	struct store *st;
	const struct source_env *src; /* what a source is opened with */
	const struct options *opt;
	const char *mountpoint;       /* absolute; for the status */
	uid_t uid;
	gid_t gid;
	int64_t since;                /* seconds since 1970 */
	struct volumes *volumes;      /* the datasets; they may become more while mounted */
	struct errands *errands;      /* what blocks on the network while mounted */
	struct automount *automount;  /* brings datasets that are looked up; NULL: only what was named */
	struct branch **branches;     /* [0 .. n_branches); constant */
	unsigned n_branches;
	struct nest *nest;            /* archives inside them; NULL without -o nested */
	_Atomic bool nested_hidden;   /* one that cannot be shown has been named in the log */
	bool no_open;                 /* the kernel does without opens of files; not with branches,
				       * whose files may have no size yet */

	struct fuse_session *session;
	bool introduced; /* the kernel's first request was answered; see parallel.h */
	unsigned dev_major, dev_minor; /* of the mount */
	_Atomic bool read_ahead_raised;
	void (*ready)(void *arg); /* called once, when the kernel's first request was answered */
	void *ready_arg;

	pthread_mutex_t lock;         /* guards what follows */
	pthread_cond_t changed;
	struct list parked;           /* struct request */
	unsigned n_replying;          /* were parked, and are being answered */
	bool ending;
	pthread_t timer;
	bool timer_runs;
	struct control_text {         /* what the control files said when last asked for */
		char *text;
		size_t len;
		struct timespec mtime;
	} control[3];
};

/* Mount at fs->mountpoint.  -EACCES, -ENODEV, -EPERM, ... with one line in why. */
int fs_mount(struct fs *fs, char why[static 512]) MUST_CHECK;
/* Serve until unmounted or fs_exit(); 0, or a signal's number, or -errno. */
int fs_serve(struct fs *fs) MUST_CHECK;
/* The kernel has taken note of our answer to its first request: ask for larger reads, once. */
void fs_raise_read_ahead(struct fs *fs);
/* Unmount if it still is mounted, wake whoever is parked, end the timer. */
void fs_unmount(struct fs *fs);

#endif
