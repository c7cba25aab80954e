/* SPDX-License-Identifier: MPL-2.0 */
/* portal_media.h - what the records of a dataset have in their fields of type file:
 *
 *	images/<name>		those that are images, of all records
 *	files/<record>/<name>	all of them
 *
 * The names are made of one download of just these fields, which is parsed once for each version of a
 * dataset; the lists of the last few datasets are kept.  Private to portal*.c.  Threads: any.
 */
#ifndef FS_PORTAL_MEDIA_H
#define FS_PORTAL_MEDIA_H

#include "fs/portal_parts.h"

#define MEDIA_MAX 16384u /* records, and files, of a dataset that these directories can have */

struct portal_media;

int portal_media_new(struct portal_media **out) MUST_CHECK;
struct portal_media *portal_media_free(struct portal_media *m); /* NULL ok; returns NULL */

/* Is this directory one of those? */
bool portal_media_has(const struct spot *dir);
/* One entry of such a directory; text is what portal_made() is given. */
struct media_entry {
	const char *name, *text; /* borrowed from the list */
	enum made_kind kind;
};
/* What is in dir: a reference to the list, and n entries from first on (media_at()).  0, PARKED, -ENOENT,
 * -EFBIG: more than MEDIA_MAX (logged); -errno. */
struct media_dir {
	struct media *list;
	const struct spot *dir;
	uint32_t first, n;
};
int media_open(struct portal *p, const struct spot *dir, struct waiter *w,
	       struct media_dir *out) MUST_CHECK;
void media_close(struct media_dir *d); /* of zeros: ok */
/* i < n. */
void media_at(const struct media_dir *d, uint32_t i, struct media_entry *out);
bool media_find(const struct media_dir *d, const char *name, struct media_entry *out);

#endif
