/* SPDX-License-Identifier: MPL-2.0 */
/* ops.h - the FUSE operations: decode, one call into node.h, one reply.  errno turns positive
 * only here and in request.c.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "fs/request.h"

extern const struct fuse_lowlevel_ops fs_ops; /* userdata: struct fs */

#endif
