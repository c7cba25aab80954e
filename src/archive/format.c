/* SPDX-License-Identifier: MPL-2.0 */
/* format.c - see format.h. */
#include "config.h"

#include "archive/format.h"

#include <string.h>

/* The order matters: what knows itself by its first bytes comes first. */
static const struct format *const formats[] = {
	&format_targz,
#ifdef HAVE_LZMA
	&format_tarxz,
#endif
#ifdef HAVE_ZSTD
	&format_tarzst,
#endif
#ifdef HAVE_BZIP2
	&format_tarbz2,
#endif
#ifdef HAVE_LZ4
	&format_tarlz4,
#endif
	&format_zip,
	&format_tar,
	&format_foreign,
};

const struct format *format_find(const unsigned char *head, size_t n, const char *filename,
				 const struct format *after)
{
	size_t i = 0;

	while (after && formats[i++] != after)
		;
	for (; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->match(head, n, filename))
			return formats[i];
	return NULL;
}

const struct format *format_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

void format_layer(const struct format *f, char out[static FORMAT_LAYER])
{
	char kind[16];
	size_t n = 0;

	for (const char *s = f->name; *s && n < sizeof(kind) - 1; s++)
		if (*s != '.')
			kind[n++] = *s;
	kind[n] = '\0';
	snprintf(out, FORMAT_LAYER, "stream-%s-%u", kind, f->layout);
}

bool archive_layer_is_old(const char *layer)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char now[FORMAT_LAYER];
		size_t n;

		format_layer(formats[i], now);
		n = (size_t)(strrchr(now, '-') - now) + 1;
		if (strncmp(layer, now, n) == 0)
			return strcmp(layer, now) != 0;
	}
	return false;
}
