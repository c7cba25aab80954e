/* SPDX-License-Identifier: MPL-2.0 */
/* suggest.c - see suggest.h. */
#include "base/suggest.h"

#include <string.h>

#define WORD_MAX 32
#define SLIPS_MAX 2

/* Optimal string alignment: Levenshtein's table plus swaps of neighbours. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (unsigned i = 0; i <= na; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, d[i - 1][j] + 1);
			best = MIN(best, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[na][nb];
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t na = strlen(s->typed), nb = strlen(candidate);
	unsigned slips;

	if (na > WORD_MAX || nb > WORD_MAX)
		return;
	slips = distance(s->typed, na, candidate, nb);
	/* two slips in a three-letter word leave nothing of it */
	if (slips > SLIPS_MAX || slips * 2 >= MAX(na, nb) || (s->best && slips >= s->slips))
		return;
	s->best = candidate;
	s->slips = slips;
}
