/* SPDX-License-Identifier: MPL-2.0 */
/* precheck.h - what has to be right on this machine before something can be mounted. */
#ifndef FS_PRECHECK_H
#define FS_PRECHECK_H

#include "base/util.h"

/* Can /dev/fuse be opened?  0, or -errno and one line in why that says what to do. */
int precheck_device(char why[static 512]) MUST_CHECK;
/* May this user let others into a mount (fusermount3 decides, by /etc/fuse.conf)? */
bool precheck_allow_other(void);
/* Of libfuse, as "3.14.0". */
const char *precheck_libfuse(void);

#endif
