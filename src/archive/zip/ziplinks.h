/* SPDX-License-Identifier: MPL-2.0 */
/* ziplinks.h - the hard links of a zip, which may come before what they are links to; private to the
 * archive layer.  PKWARE's archivers for Unix write such.  Threads: the pass.
 */
#ifndef ARCHIVE_ZIPLINKS_H
#define ARCHIVE_ZIPLINKS_H

#include "archive/pass.h"
#include "base/buf.h"

#define ZIPLINKS_BYTES ((size_t)64 << 20) /* of names; links beyond are left out */

struct ziplinks {
	struct buf names; /* path and target, each with its NUL, of every link */
	uint64_t lost;	  /* links that found no room */
};

#define ZIPLINKS_INIT \
	{ \
		BUF_INIT(ZIPLINKS_BYTES), 0 \
	}

void ziplinks_free(struct ziplinks *l);
/* Remember that path is a link to target.  0, -ENOMEM. */
int ziplinks_add(struct ziplinks *l, const char *path, const char *target) MUST_CHECK;
/* Make all of them members, links to links too; what leads nowhere is left out and counted.
 * 0, -errno: the index cannot be written. */
int ziplinks_resolve(struct ziplinks *l, struct pass *p) MUST_CHECK;

#endif
