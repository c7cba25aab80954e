/* SPDX-License-Identifier: MPL-2.0 */
/* xz_decoder.h - decodes xz blocks, one behind the other (The .xz File Format 1.1.0, section 3). */
#ifndef ARCHIVE_XZ_DECODER_H
#define ARCHIVE_XZ_DECODER_H

#include "archive/codec/codec.h"

/* The decoder of codec.h: begins at a block, ends where the stream's index begins.  The hint is the
 * stream's check (section 2.1.1.2). */
int xz_decoder_new(const struct gzip_point *from, const void *window, size_t n,
		   struct decoder **out) MUST_CHECK;

#endif
