/* SPDX-License-Identifier: MPL-2.0 */
/* scheme.c - see scheme.h. */
#include "source/scheme.h"

#include <stdarg.h>

#include "source/dataset.h"

void scheme_clear(struct source *s)
{
	dataset_clear(&s->dataset);
	free(s->key);
	free(s->path);
}

int scheme_fail(char why[static 512], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 512, fmt, ap);
	va_end(ap);
	return r;
}
