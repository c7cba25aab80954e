/* SPDX-License-Identifier: MPL-2.0 */
/* cache_show.h - mdcfs cache show.  Threads: one owner.  0 or -errno (logged). */
#ifndef CLI_CACHE_SHOW_H
#define CLI_CACHE_SHOW_H

#include "base/options.h"
#include "cli/cache_list.h"

/* Print the figures of all, and the items that are chosen. */
int cache_show(struct cache *c, const struct options *opt, const struct cache_list *l,
	       bool as_json) MUST_CHECK;

#endif
