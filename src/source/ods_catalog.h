/* SPDX-License-Identifier: MPL-2.0 */
/* ods_catalog.h - the datasets of a portal, as far as anybody has asked.
 *
 * A dataset has a number from when it is first heard of (0, 1, ... for good); a table of ids in memory
 * (about 100 bytes each) says where in a file without a name its metadata lie, as the portal gave
 * them.  So a portal of 30 000 datasets takes some 3 MB of memory, and one page of the search while
 * it is listed.
 *
 * All of them are listed by the search, page by page, for as long as somebody waits; a name that is
 * asked for before that is one lookup.  What is younger than metadata_ttl is not asked again; what
 * cannot be asked again (no calls left, no network) is believed for longer.
 * Pages that get shorter while they are read, or repeat datasets, are expected: when the number of
 * datasets changes on the way the pages are read once more, and what either time showed is listed.
 *
 * Threads: any.  Nothing blocks but on local disk.
 */
#ifndef SOURCE_ODS_CATALOG_H
#define SOURCE_ODS_CATALOG_H

#include "source/ods.h"

#define ODS_DATASETS_MAX (1u << 20)

struct ods_catalog;

struct ods_dataset {
	const char *id;	  /* as the portal says it; borrowed for good */
	uint64_t version; /* changes with its modified and data_processed dates */
	int64_t mtime;	  /* the later of these, seconds since 1970; 0: none */
	bool geo;	  /* has places or geometry */
	bool files;	  /* its records have files */
	bool listed;	  /* the search shows it, or it was asked for by name; false: it is gone */
};

/* only: the one dataset that there is to be, or NULL.  0 or -errno (logged). */
int ods_catalog_new(struct ods *o, const char *only, struct ods_catalog **out) MUST_CHECK;
struct ods_catalog *ods_catalog_free(struct ods_catalog *c); /* no call under way; NULL ok */

/* 0 when the portal has answered once; PARKED, or why it did not. */
int ods_catalog_first(struct ods_catalog *c, struct waiter *w) MUST_CHECK;
/* 0 when all are known; PARKED, -errno.  renew: a listing older than metadata_ttl is made anew. */
int ods_catalog_list(struct ods_catalog *c, bool renew, struct waiter *w) MUST_CHECK;
/* The number of a dataset whose metadata are young enough.  0, PARKED, -ENOENT, -errno. */
int ods_catalog_find(struct ods_catalog *c, const char *id, struct waiter *w,
		     uint32_t *out) MUST_CHECK;
uint32_t ods_catalog_count(struct ods_catalog *c);
bool ods_catalog_get(struct ods_catalog *c, uint32_t n,
		     struct ods_dataset *out); /* false: no such */
/* Its records have changed, whatever its dates say: it has another version from now on, and is asked
 * for anew. */
void ods_catalog_touch(struct ods_catalog *c, uint32_t n);
/* Take in what a search has said of a dataset, so that nobody need ask.  0 and its number, -EINVAL: its id
 * cannot be a name; -errno. */
int ods_catalog_note(struct ods_catalog *c, const struct json *dataset, uint32_t *n) MUST_CHECK;
/* Its metadata; the caller frees.  0, -ENOENT, -errno. */
int ods_catalog_details(struct ods_catalog *c, uint32_t n, struct json **out) MUST_CHECK;

#endif
