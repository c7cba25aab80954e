/* SPDX-License-Identifier: MPL-2.0 */
/* portal_parts.h - private to portal*.c.
 *
 * A local number is BRANCH_ROOT; LOCAL_SEARCH for .search; dataset + 1 in bits 8..38 and what in bits 0..7 for what each
 * dataset has; or, with bit 39 set, the number of a name that somebody asked for (struct made).  Those
 * are interned for the life of the mount, MADE_MAX at most.
 */
#ifndef FS_PORTAL_PARTS_H
#define FS_PORTAL_PARTS_H

#include "base/intern.h"
#include "fs/fs.h"
#include "fs/node.h"
#include "fs/portal.h"
#include "fs/portal_files.h"
#include "fs/portal_push.h"
#include "source/ods_answers.h"
#include "source/ods_catalog.h"
#include "source/ods_params.h"

#define PORTAL_LINK "../../" /* from .search/PARAMETERS to a dataset */
#define LOCAL_SEARCH 2u
#define MADE_MAX 65536u
#define MADE_BIT (UINT64_C(1) << 39)

/* What each dataset has; never renumbered within a mount. */
enum what {
	WHAT_DIR,
	WHAT_DETAILS,
	WHAT_README,
	WHAT_CSV,
	WHAT_JSON,
	WHAT_GEOJSON,
	WHAT_QUERY,
	WHAT_ANALYZE,
	WHAT_CLUSTERS,
	WHAT_EXPORTS,
	WHAT_ATTACHMENTS,
	WHAT_PUSH,
	WHAT_IMAGES,
	WHAT_FILES,
};

enum made_kind {
	MADE_QUERY,	 /* query/<text>, a directory */
	MADE_RECORDS,	 /* query/<parameters>/records.<format>: text is "FORMAT PARAMETERS" */
	MADE_ANALYSIS,	 /* analyze/<text> */
	MADE_CLUSTERS,	 /* geocluster/<text> */
	MADE_EXPORT,	 /* exports/<id>.<text>; text is the suffix */
	MADE_PUSH,	 /* push/<text> */
	MADE_SEARCH,	 /* .search/<text>, a directory; of no dataset */
	MADE_LINK,	 /* .search/<parameters>/<id>, a symbolic link; text is the id */
	MADE_ATTACHMENT, /* attachments/<name>; text is "ID/NAME" */
	MADE_ARCHIVE,	 /* a file as a directory; text is "KIND/TEXT" of the file */
	MADE_RECORD,	 /* files/<text>, a directory */
	MADE_FILE,	 /* files/<record>/<name>; text is the file's id */
	MADE_IMAGE,	 /* images/<name>; text is the file's id */
};

struct made {
	enum made_kind kind;
	uint32_t dataset;
	const char *text; /* borrowed for good */
};

struct portal {
	struct branch base;
	struct store *st;
	struct ods *ods;
	struct ods_catalog *catalog;
	struct ods_answers *answers;
	struct portal_files *files;
	struct portal_archives *archives;
	struct portal_media *media;
	struct portal_push *push; /* NULL without -o push */
	pthread_mutex_t lock;	  /* guards made */
	struct intern *made;
	_Atomic bool made_full;
};

/* What a local number is about. */
struct spot {
	bool root, search, is_made; /* search: .search itself */
	uint32_t dataset;
	enum what what;	  /* unless is_made */
	struct made made; /* if it is */
	struct ods_dataset d;
};

static inline uint64_t portal_local(uint32_t dataset, enum what what)
{
	return ((uint64_t)dataset + 1) << 8 | what;
}

/* False: there is no such number. */
bool portal_spot(struct portal *p, uint64_t local, struct spot *out);
/* The local number of a made name, which gets one.  0, -ENOSPC (logged once), -ENOMEM. */
int portal_made(struct portal *p, enum made_kind kind, uint32_t dataset, const char *text,
		uint64_t *local) MUST_CHECK;
bool portal_made_at(struct portal *p, uint32_t n, struct made *out);

/* Where the bytes of a spot come from: its path in the API and its name for the log, malloc'd.
 * 0; -EISDIR and the like for what has none; -EINVAL: a query that the API cannot answer (logged). */
int portal_remote(struct portal *p, const struct spot *s, struct remote *out) MUST_CHECK;
/* The formats of exports. */
struct export_format {
	const char *name, *suffix;
	bool seeks; /* see struct remote */
};
const struct export_format *portal_export(const char *suffix); /* NULL: no such */
const struct export_format *portal_export_named(const char *name);

/* The text of dataset.json and README.md; the caller frees. */
int portal_text(struct portal *p, uint32_t dataset, enum what what, char **out) MUST_CHECK;

/* The functions of branch.h: portal_tree.c. */
int portal_lookup(struct fs *fs, struct branch *b, uint64_t dir, const char *name, struct waiter *w,
		  struct node *out);
int portal_stat(struct fs *fs, struct branch *b, uint64_t local, struct node *out);
int portal_list(struct fs *fs, struct branch *b, uint64_t dir, uint64_t after, struct waiter *w,
		branch_list_fn fn, void *arg);

#endif
