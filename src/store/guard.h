/* SPDX-License-Identifier: MPL-2.0 */
/* guard.h - shared file mappings that survive a failing disk.
 *
 * A mapped page that cannot be read, or that lies behind the end of a file somebody has cut,
 * raises SIGBUS.  Inside guard_enter() .. guard_leave() the page is replaced by private zeros
 * instead, *hit becomes true and the access goes on; everywhere else the signal does what it
 * did before.  Not nested.  Threads: any; each has its own guard.
 */
#ifndef STORE_GUARD_H
#define STORE_GUARD_H

#include <stdatomic.h>

#include "base/util.h"

/* Install the handler, also when somebody else has put his own in its place (and ignore SIGXFSZ
 * where nobody cares for it: a file size limit shall be an error of the write).  Called by
 * whoever maps something. */
void guard_init(void);
/* Accesses to [p, p + n), n at most a page, are guarded from here on. */
void guard_enter(const void *p, size_t n, atomic_bool *hit);
void guard_leave(void);

#endif
