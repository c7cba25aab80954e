/* SPDX-License-Identifier: MPL-2.0 */
/* ods_params.h - parameters of a query as they stand in a path: NAME=VALUE&NAME=VALUE, as in a URL.
 * Percent escapes are decoded ("%2F" is a slash, "%26" an ampersand), "+" is a blank and "%2B" a plus.
 * Names are checked against what the API knows.  Pure; threads: any.
 */
#ifndef SOURCE_ODS_PARAMS_H
#define SOURCE_ODS_PARAMS_H

#include "base/util.h"

enum ods_api { ODS_CATALOGUE, ODS_RECORDS, ODS_ANALYSIS, ODS_CLUSTERS };

#define ODS_WINDOW 10000u /* start + rows of a records search */

struct ods_params {
	char *query;	/* "&q=paris&rows=5", encoded for a URL; caller frees */
	uint64_t start; /* 0 when not given */
	int64_t rows;	/* -1 when not given, or given as -1: all */
};

/* 0; -ENOENT with a line in why: a name that the API does not know (with those that it does), or no
 * NAME=VALUE; -EINVAL with a line: a value that is none; -ENOMEM. */
int ods_params(enum ods_api api, const char *text, struct ods_params *out,
	       char why[static 512]) MUST_CHECK;

#endif
