/* SPDX-License-Identifier: MPL-2.0 */
/* dataset.h - building a struct dataset from what others say about it.  Pure; threads: any.
 * Names from the network become directory entries, so they are checked here.
 */
#ifndef SOURCE_DATASET_H
#define SOURCE_DATASET_H

#include "net/json.h"
#include "source/source.h"

/* May this be one directory entry: 1 to 255 bytes, no "/", no control characters, not "." or
 * ".."? */
bool dataset_name_ok(const char *name);
/* The directory name for a file: without its archive suffix; malloc'd, NULL without memory. */
char *dataset_slug(const char *filename);
/* Set slug and filename (copied).  0, -ENOMEM; -EBADMSG with the reason in why: not path-safe, or
 * a slug that the mount uses itself. */
int dataset_set_names(struct dataset *d, const char *slug, const char *filename,
		      char why[static 512]) MUST_CHECK;
/* A SHA-256 as APIs write it, "sha256:<64 hex>" or bare, any case: to lower-case hex.
 * False, and out is "", for NULL and anything else. */
bool dataset_checksum(const char *text, char out[static DIGEST_HEX]);
/* A copy for people: control characters become spaces (line ends stay when lines is true). */
char *dataset_plain(const char *text, bool lines);
/* README.md from d and, when there are any (NULL ok), the API's details; NULL without memory. */
char *dataset_readme(const struct dataset *d, const struct json *details);
void dataset_clear(struct dataset *d);

#endif
