/* SPDX-License-Identifier: MPL-2.0 */
/* catalogue.h - searching what the Mozilla Data Collective has: GET /datasets, page by page.
 * No key is needed and none is sent; nothing here costs quota.  Threads: any; blocks.
 */
#ifndef SOURCE_CATALOGUE_H
#define SOURCE_CATALOGUE_H

#include "net/json.h"
#include "source/source.h"

#define CATALOGUE_PAGE 100u   /* items that one request may ask for */
#define CATALOGUE_MAX 100000u /* items of one search; more are not asked for */

struct catalogue_term {
	const char *name, *value; /* as the API calls them: "q", "task", "sort", ... */
};

/* All datasets that match the terms, at most limit of them (0: all), each once, in the API's order: an
 * array of its summaries.  *total: how many the API says there are.  The list may change while its
 * pages are turned: what comes twice is left out, and a shorter list than was announced is no error.
 * 0; else -errno and one line in why. */
int catalogue_search(const struct source_env *env, const struct catalogue_term *terms, size_t n,
		     uint64_t limit, struct json **items, uint64_t *total,
		     char why[static 512]) MUST_CHECK;
/* The values that can be searched for, as received: {tasks, locales, licenses, formats}. */
int catalogue_filters(const struct source_env *env, struct json **out,
		      char why[static 512]) MUST_CHECK;

#endif
