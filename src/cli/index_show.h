/* SPDX-License-Identifier: MPL-2.0 */
/* index_show.h - mdcfs index show: what is known of an archive's index. */
#ifndef CLI_INDEX_SHOW_H
#define CLI_INDEX_SHOW_H

#include "cli/engine.h"

/* Print the index of a volume that was resolved, as JSON or for people.  0; -ENOENT: there is
 * none (which is printed too); -errno (logged). */
int index_show_volume(const struct volume *v, bool as_json) MUST_CHECK;
/* The command: SOURCE is resolved without asking storage for what is known. */
int index_show(struct engine *e, const char *spec, bool as_json) MUST_CHECK;

#endif
