/* SPDX-License-Identifier: MPL-2.0 */
/* facts.h - what storage said about an object whose source knows no checksum: kept, so that its
 * cached bytes stay readable while the server is gone.  A small JSON file each, mode 0600.
 */
#ifndef STORE_FACTS_H
#define STORE_FACTS_H

#include "base/util.h"

struct facts {
	uint64_t size;
	char version[256]; /* ETag or checksum */
};

/* Best effort: a failure is logged, nobody depends on it. */
void facts_save(const char *state_dir, const char *scheme, const char *key, const struct facts *f);
/* 0 or -ENOENT. */
int facts_load(const char *state_dir, const char *scheme, const char *key,
	       struct facts *f) MUST_CHECK;

#endif
