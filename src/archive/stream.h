/* SPDX-License-Identifier: MPL-2.0 */
/* stream.h - how the blocks of an archive's decoded stream are brought; private to the archive layer.
 * The argument of the operations is the archive.
 * Threads: any. */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

#include "archive/state.h"

extern const struct blocks_ops stream_ops;

#endif
