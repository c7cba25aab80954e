/* SPDX-License-Identifier: MPL-2.0 */
/* ods_meta.h - what a portal's metadata of a dataset say, in the layouts of v1 and v2.  Pure; threads:
 * any. */
#ifndef SOURCE_ODS_META_H
#define SOURCE_ODS_META_H

#include "net/json.h"

/* Its id; NULL: it has none.  Borrowed, as the next. */
const char *ods_meta_id(const struct json *dataset);
/* A text of metas, or of metas.default; NULL: absent. */
const char *ods_meta_str(const struct json *dataset, const char *name);
/* Has it a field of places or shapes? */
bool ods_meta_geo(const struct json *dataset);
/* Is this one of its fields, and has records that are files?  Has it such a field? */
bool ods_meta_is_file(const struct json *field);
bool ods_meta_files(const struct json *dataset);
/* A number that changes with its dates, and the later of them (seconds since 1970; 0: none).  0 or
 * -ENOMEM. */
int ods_meta_version(const struct json *dataset, uint64_t *version, int64_t *mtime) MUST_CHECK;

#endif
