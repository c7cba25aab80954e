/* SPDX-License-Identifier: MPL-2.0 */
/* index_transfer.h - mdcfs index export and import: an index carried to another machine (parcel.h). */
#ifndef CLI_INDEX_TRANSFER_H
#define CLI_INDEX_TRANSFER_H

#include "cli/engine.h"

/* Write the complete index of SOURCE to a file, "-" for standard output.  0 or -errno (logged). */
int index_export(struct engine *e, const char *spec, const char *to) MUST_CHECK;
/* Put the index in a file where mounts look for it; spec: what it must be of, NULL: whatever it is
 * of, and nobody is asked.  A complete index that is there stays.  0 or -errno (logged). */
int index_import(struct engine *e, const char *from, const char *spec) MUST_CHECK;

#endif
