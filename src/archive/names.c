/* SPDX-License-Identifier: MPL-2.0 */
/* names.c - see names.h. */
#include "archive/names.h"

#include <string.h>

#include "base/digest.h"

#define SUFFIX 9u /* '~' and 8 hex digits */

void names_start(struct names *it, const char *path)
{
	it->rest = path;
	it->name[0] = '\0';
	it->len = 0;
	it->hostile = false;
}

static void take(struct names *it, const char *p, size_t len)
{
	size_t keep = len <= NAMES_MAX ? len : NAMES_MAX - SUFFIX;

	memcpy(it->name, p, keep);
	it->name[keep] = '\0';
	it->len = keep;
	if (keep == len)
		return;
	snprintf(it->name + keep, SUFFIX + 1, "~%08x", (unsigned)crc32c(0, p, len));
	it->len = NAMES_MAX;
}

bool names_next(struct names *it)
{
	while (*it->rest) {
		const char *p = it->rest;
		size_t len = strcspn(p, "/");

		it->rest += len + (p[len] == '/');
		if (len == 0 || (len == 1 && p[0] == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			it->hostile = true;
			continue;
		}
		take(it, p, len);
		return true;
	}
	return false;
}
