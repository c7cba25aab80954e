/* SPDX-License-Identifier: MPL-2.0 */
/* suggest.h - "did you mean ...?" for a mistyped word.  Pure; threads: any. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include "base/util.h"

/* Start with { .typed = word }, offer every candidate, read .best: the closest one within two
 * slips (a letter too many, too few, wrong, or two swapped), NULL when there is none. */
struct suggest {
	const char *typed, *best;
	unsigned slips; /* of best */
};
void suggest_offer(struct suggest *s, const char *candidate);

#endif
