/* SPDX-License-Identifier: MPL-2.0 */
/* portal_push.h - files below push/ that are open: what is written is gathered, and sent when it is whole.
 *
 * Every close() of a descriptor comes as a flush, also that of a copy which somebody inherited.  So a flush
 * sends what has been written if that is JSON, an object or an array, and reports the portal's answer;
 * when it is not (yet), it fails with -EINVAL and keeps it.  Threads: any.
 */
#ifndef FS_PORTAL_PUSH_H
#define FS_PORTAL_PUSH_H

#include "source/ods_catalog.h"
#include "source/ods_push.h"

struct portal_push;

int portal_push_new(struct ods *o, struct ods_catalog *c, struct portal_push **out) MUST_CHECK;
struct portal_push *portal_push_free(struct portal_push *t); /* nothing under way; NULL ok */

/* resource: borrowed for good.  0; -EACCES: there is no push key (logged); -ENFILE, -ENOMEM. */
int portal_push_open(struct portal_push *t, uint32_t dataset, const char *resource,
		     uint64_t *handle) MUST_CHECK;
/* 0; -EFBIG beyond ODS_PUSH_MAX; -EINVAL: behind a gap. */
int portal_push_write(struct portal_push *t, uint64_t handle, const void *p, size_t n, uint64_t off,
		      bool append) MUST_CHECK;
int portal_push_flush(struct portal_push *t, uint64_t handle, struct waiter *w) MUST_CHECK;
void portal_push_release(struct portal_push *t, uint64_t handle);

#endif
