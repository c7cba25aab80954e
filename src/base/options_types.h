/* SPDX-License-Identifier: MPL-2.0 */
/* options_types.h - the types of options: how a value is written and read; private to options.c. */
#ifndef BASE_OPTIONS_TYPES_H
#define BASE_OPTIONS_TYPES_H

#include "base/options.h"

#define OPTIONS_TEXT_MAX 4096 /* bytes of one value */

struct option_type {
	const char *metavar; /* for --help */
	const char *allowed; /* completes "VALUE is not ..." */
	const char *alone;   /* value of a bare "name", NULL: it needs one */
	bool owned;	     /* a malloc'd string */
	int (*parse)(const char *text, void *field); /* 0 or -EINVAL; -ENOMEM */
};

extern const struct option_type options_type_STR, options_type_FLAG, options_type_UINT,
	options_type_COUNT, options_type_SIZE, options_type_PORTION, options_type_SECS,
	options_type_LISTING, options_type_PASS, options_type_CACHING;

#endif
