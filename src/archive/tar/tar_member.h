/* SPDX-License-Identifier: MPL-2.0 */
/* tar_member.h - one member of a tar archive while its headers pass: what they say together,
 * and what has to be read before it can be reported.  Knows blocks, no offsets.
 * Threads: one owner.
 */
#ifndef ARCHIVE_TAR_MEMBER_H
#define ARCHIVE_TAR_MEMBER_H

#include "archive/tar/tar_header.h"
#include "archive/tar/tar_pax.h"
#include "base/buf.h"

enum { TAR_MEMBER_PATH, TAR_MEMBER_LINK };
enum { TAR_MEMBER_NAME_MAX = 64 << 10 }; /* bytes of a GNU long name; a longer one is damage */

struct tar_member {
	struct tar_header h;	      /* the last header */
	const struct tar_pax *global; /* borrowed */
	bool has_local, has_name[2];
	struct tar_pax local; /* a copy of global with the member's own records on top */
	struct buf name[2];   /* GNU long names; NUL-terminated */
	uint32_t kind;	      /* S_IFMT bits */
	uint64_t size;	      /* bytes in the stream from here on, without the padding;
					 UINT64_MAX: not credible */
	bool sparse, map_bad; /* local.map is its map */
	uint64_t sparse_size;
	struct tar_sparse_text text;
};

/* What to do with the next block. */
enum tar_next {
	TAR_NEXT_REPORT,    /* nothing: the member is known, its data begins */
	TAR_NEXT_DROP,	    /* nothing: the member is damaged, size bytes follow */
	TAR_NEXT_PEEK,	    /* look whether data follows at all: tar_member_bare() */
	TAR_NEXT_EXTENSION, /* tar_member_extension() */
	TAR_NEXT_MAP	    /* tar_member_map() */
};

void tar_member_init(struct tar_member *m, const struct tar_pax *global);
void tar_member_forget(struct tar_member *m); /* make ready for the next one */
void tar_member_free(struct tar_member *m);
/* Take the global records over before a local header.  0 or -ENOMEM. */
int tar_member_local(struct tar_member *m) MUST_CHECK;
/* These return an enum tar_next, or -ENOMEM.  The header is m->h, read from block. */
int tar_member_header(struct tar_member *m, const unsigned char *block) MUST_CHECK;
int tar_member_extension(struct tar_member *m, const unsigned char *block) MUST_CHECK;
int tar_member_map(struct tar_member *m, const unsigned char *block) MUST_CHECK;
/* Is block, the one behind a header that promised data, none of it?  pax: the archive has pax
 * headers. */
bool tar_member_bare(const unsigned char *block, bool pax);
/* Is its sparse map, if any, in order? */
bool tar_member_sound(const struct tar_member *m);
/* All fields but header and data; pointers are valid until m changes. */
void tar_member_describe(const struct tar_member *m, struct tar_entry *out);

#endif
