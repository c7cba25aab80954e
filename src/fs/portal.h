/* SPDX-License-Identifier: MPL-2.0 */
/* portal.h - an OpenDataSoft portal as a tree (branch.h):
 *
 *	/<domain>/<dataset id>/	 dataset.json  README.md  records.csv  .json  .geojson
 *				 query/<parameters>/records.csv  .json  .geojson
 *				 analyze/<parameters>.json  .csv    geocluster/<parameters>.json
 *				 exports/  attachments/
 *				 images/<name>	files/<record>/<name>
 *				 push/<resource>, to be written, with -o push
 *	/<domain>/.search/<parameters>/	 links to the datasets that match
 *
 * A directory whose names are made of parameters lists those that were visited in this mount.
 * Where the names of the rest come from is portal_tree.c, where their bytes come from
 * portal_remote.c and portal_files.c.
 */
#ifndef FS_PORTAL_H
#define FS_PORTAL_H

#include "fs/branch.h"
#include "source/source.h"
#include "store/store.h"

/* Open what ods_claims() spec; blocks until the portal has answered once.  0, or -errno and one line
 * in why, "" when the log has it already. */
int portal_open(struct store *st, const struct source_env *env, const char *spec,
		struct branch **out, char why[static 512]) MUST_CHECK;
/* The way back, when http has stopped and the pool has ended.  NULL ok; returns NULL. */
struct branch *portal_close(struct branch *b);

#endif
