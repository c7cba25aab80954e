/* SPDX-License-Identifier: MPL-2.0 */
/* cache_verify.h - mdcfs cache verify: every recorded block against its checksum.
 * Threads: one owner.  Errors are logged.
 */
#ifndef CLI_CACHE_VERIFY_H
#define CLI_CACHE_VERIFY_H

#include "cli/cache_list.h"

/* Read the chosen items and forget what is damaged, with a bar.  Prints what was found.  0; -EBADMSG:
 * something was damaged; -errno. */
int cache_verify(struct cache *c, const struct cache_list *l, bool as_json) MUST_CHECK;

#endif
