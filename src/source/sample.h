/* SPDX-License-Identifier: MPL-2.0 */
/* sample.h - the sample of a dataset: a small archive of its own, with download sessions of its own.
 *
 * Its name and size come with a session alone, so the first time it costs one of the day's samples
 * to know them; from then on they are kept, as is for a day that there is none.
 */
#ifndef SOURCE_SAMPLE_H
#define SOURCE_SAMPLE_H

#include "source/scheme.h"

struct sample_config {
	const struct source_env *env; /* outlives the source */
	const char *api;	      /* its base URL; this and all below are copied */
	const struct dataset *of;
};

/* Blocks, for 30 s at most.  0; -ENOENT: the dataset has no sample; -errno and one line in why, "" when
 * the log has it already.  Not on the I/O thread nor in the pool. */
int sample_open(const struct sample_config *c, struct source **out,
		char why[static 512]) MUST_CHECK;

#endif
