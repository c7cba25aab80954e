/* SPDX-License-Identifier: MPL-2.0 */
/* ods_push.h - the real-time push of a portal: one POST of JSON to a resource of a dataset, with a push
 * key.  The key is part of the URL, as the API wants it, which no log shows.  Never repeated: the
 * portal would have the records twice.
 */
#ifndef SOURCE_ODS_PUSH_H
#define SOURCE_ODS_PUSH_H

#include "source/ods.h"

#define ODS_PUSH_MAX (5u << 20) /* bytes */

/* Embedded in who pushes.  done() is called once, in the pool: 0, or why it was refused (logged). */
struct ods_push {
	struct http_request rq;
	struct buf answer;
	struct job job;
	struct ods *ods;
	char *url;
	void (*done)(struct ods_push *p, int err);
};

/* data: len bytes, borrowed until done().  0; -EACCES: there is no push key (logged); -EDQUOT, -ENOMEM:
 * done() is not called then. */
int ods_push(struct ods *o, struct ods_push *p, const char *dataset, const char *resource,
	     const void *data, size_t len) MUST_CHECK;

#endif
