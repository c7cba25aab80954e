/* SPDX-License-Identifier: MPL-2.0 */
/* tarprobe.h - is there a tar in it?  The probe of the compressed tars; private to the archive layer. */
#ifndef ARCHIVE_TARPROBE_H
#define ARCHIVE_TARPROBE_H

#include "archive/format.h"

/* The probe of format.h: the file has units (codec.h), and they decode to a tar, or to nothing that
 * tells what it is while the file's name says that it is one. */
int tarprobe(struct pass *p, const struct format *f) MUST_CHECK;

#endif
