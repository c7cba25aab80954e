/* SPDX-License-Identifier: MPL-2.0 */
/* portal_names.h - the directories of a portal whose names an answer of the API has: exports,
 * attachments, searches.  Private to portal*.c.
 */
#ifndef FS_PORTAL_NAMES_H
#define FS_PORTAL_NAMES_H

#include "fs/portal_parts.h"

struct portal_name {
	char *name; /* of the entry */
	char *text; /* with kind and dataset: what portal_made() is given */
	enum made_kind kind;
	uint32_t dataset;
};

struct portal_names {
	struct portal_name *v;
	size_t n;
	struct intern *seen; /* the names, since none may come twice */
};
void portal_names_free(struct portal_names *l);

/* Is this directory one of those? */
bool portal_names_has(const struct spot *dir);
/* What of an answer ods_answers.h is to keep, arg being the portal: of a search the datasets' numbers, since a
 * directory made of it is gone through again and again, and the catalogue has all else. */
int portal_names_reduce(void *arg, const struct json *answer, struct json **out) MUST_CHECK;
/* What is in it.  0, PARKED, -errno; to be freed in any case. */
int portal_names_list(struct portal *p, const struct spot *dir, struct waiter *w,
		      struct portal_names *out) MUST_CHECK;

#endif
