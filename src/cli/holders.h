/* SPDX-License-Identifier: MPL-2.0 */
/* holders.h - which processes keep a mount busy, as far as /proc shows them to us. */
#ifndef CLI_HOLDERS_H
#define CLI_HOLDERS_H

#include "base/util.h"

/* "bash (123), python3 (456)" for processes with their root, working directory or an open file
 * at or below mountpoint: at most eight, then "...".  malloc'd, "" when none is seen; NULL
 * without memory.  Does not touch the mount. */
char *holders_list(const char *mountpoint);

#endif
