/* SPDX-License-Identifier: MPL-2.0 */
/* ods_answers.h - small JSON answers of a portal that make directories: what was asked is kept for
 * metadata_ttl, and asked once however many wait for it.  At most ODS_ANSWERS_MAX, of
 * ODS_ANSWERS_BYTES together, are kept, those that were wanted last.  Threads: any.
 */
#ifndef SOURCE_ODS_ANSWERS_H
#define SOURCE_ODS_ANSWERS_H

#include "source/ods.h"

#define ODS_ANSWERS_MAX 256u
#define ODS_ANSWERS_BYTES (64u << 20)
#define ODS_ANSWER_TEXT_MAX (8u << 20) /* bytes; larger ones are refused */

struct ods_answers;

/* What is to be kept of an answer, when not all of it: *out, in the pool, without any lock.  0 or -errno. */
typedef int (*ods_answers_reduce_fn)(void *arg, const struct json *answer, struct json **out);

int ods_answers_new(struct ods *o, ods_answers_reduce_fn reduce, void *arg,
		    struct ods_answers **out) MUST_CHECK;
struct ods_answers *ods_answers_free(struct ods_answers *a); /* no call under way; NULL ok */
/* The answer to GET path (behind ods_base()), the caller's.  0, PARKED, -errno.  An old one serves
 * when no new one is to be had. */
int ods_answers_get(struct ods_answers *a, const char *path, struct waiter *w,
		    struct json **out) MUST_CHECK;

#endif
