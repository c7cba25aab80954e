/* SPDX-License-Identifier: MPL-2.0 */
/* request.h - one FUSE request that is answered now or parked and run again.
 *
 * run() either replies and returns 0, or returns -errno (replied here), or PARKED, in which case
 * the request may be running again in another thread already.  It calls request_settle() just
 * before it replies.  An interrupt, the deadline and the unmount unpark it with EINTR, ETIMEDOUT
 * and ENOTCONN.
 */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "fs/fs.h"

struct request {
	struct fs *fs;
	fuse_req_t req;
	int (*run)(struct request *q);
	uint64_t ino;
	uint64_t handle; /* of an open file */
	uint64_t off;
	size_t size;
	bool plus;
	struct waiter waiter; /* what run() parks */

	/* Private to request.c */
	struct job job;
	struct list link;
	pthread_mutex_t lock;  /* held from the first run until it is known to the others */
	bool listed, replying;
	_Atomic bool interrupted;
	int64_t since_ms;
	uint64_t progress;

	char name[];
};

/* Run a request; name may be NULL. */
void request_start(struct fs *fs, fuse_req_t req, int (*run)(struct request *q), uint64_t ino,
		   const char *name, size_t size, uint64_t off);
/* The same for an open file. */
void request_start_open(struct fs *fs, fuse_req_t req, int (*run)(struct request *q), uint64_t ino,
			uint64_t handle, size_t size, uint64_t off);
/* The answer is known: no interrupt, deadline or unmount finds the request any more.  libfuse
 * forgets it with the reply, so this comes first. */
void request_settle(struct request *q);
/* End those whose deadline has come; called about once a second. */
void request_check_deadlines(struct fs *fs);
/* Unpark everybody with -ENOTCONN and wait until they have been answered. */
void request_end_all(struct fs *fs);

#endif
