/* SPDX-License-Identifier: MPL-2.0 */
/* tarpass.h - what the passes over .tar and .tar.gz share; private to the archive layer. */
#ifndef ARCHIVE_TARPASS_H
#define ARCHIVE_TARPASS_H

#include "archive/pass.h"
#include "archive/tar/tar.h"

struct tarpass {
	struct pass *p;
	enum member_layer layer; /* where the members' bytes are */
	struct tar *tar;
	uint64_t from; /* stream offset of the first byte that the parser needs */
};

/* Begin where the index says that an earlier pass came to; sets the pass's save, which expects the
 * pass's arg to be t. */
int tarpass_begin(struct tarpass *t, struct pass *p, enum member_layer layer) MUST_CHECK;
void tarpass_end(struct tarpass *t);
/* The stream's end: 0, or -ENODATA or -EBADMSG with the trouble said. */
int tarpass_finish(struct tarpass *t) MUST_CHECK;

/* Do these bytes begin with a tar header?  With the zeros that end an archive, or nothing? */
bool tarpass_is_header(const unsigned char *head, size_t n);
bool tarpass_is_end(const unsigned char *head, size_t n);

#endif
