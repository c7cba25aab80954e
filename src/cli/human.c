/* SPDX-License-Identifier: MPL-2.0 */
/* human.c - see human.h. */
#include "cli/human.h"

#include <inttypes.h>
#include <string.h>
#include <wchar.h>

const char *human_count(uint64_t n, char out[static 32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *p = out;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return out;
}

const char *human_size(uint64_t bytes, char out[static 32])
{
	static const char units[] = "KMGTPE";
	unsigned u = 0;
	uint64_t whole = bytes >> 10, rest = bytes & 1023;

	if (bytes < 1024) {
		snprintf(out, 32, "%" PRIu64 " bytes", bytes);
		return out;
	}
	for (; whole >= 1024; u++) {
		rest = whole & 1023;
		whole >>= 10;
	}
	snprintf(out, 32, "%" PRIu64 ".%" PRIu64 " %ciB", whole, rest * 10 / 1024, units[u]);
	return out;
}

const char *human_secs(int64_t secs, char out[static 32])
{
	int64_t s = MAX(secs, 0);

	if (s < 60)
		snprintf(out, 32, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(out, 32, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
	return out;
}

/* One character for people: the bytes it takes and the columns it fills.  What is no character of the
 * locale, or none that may reach a terminal, is shown as '?'. */
struct glyph {
	size_t bytes;
	unsigned columns;
	bool shown;
};

static struct glyph glyph_at(const char *p)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, p, MB_CUR_MAX, &state);
	int columns;

	if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
		return (struct glyph){ 1, 1, false };
	columns = wcwidth(c);
	if (columns < 0)
		return (struct glyph){ n, 1, false };
	return (struct glyph){ n, (unsigned)columns, true };
}

unsigned human_columns(const char *text)
{
	unsigned columns = 0;

	for (struct glyph g; *text; text += g.bytes) {
		g = glyph_at(text);
		columns += g.columns;
	}
	return columns;
}

void human_print_cut(FILE *f, const char *text, unsigned columns)
{
	bool cut = human_columns(text) > columns;
	unsigned room = cut ? columns - MIN(columns, 3) : columns;

	for (struct glyph g; *text; text += g.bytes) {
		g = glyph_at(text);
		if (g.columns > room)
			break;
		room -= g.columns;
		if (g.shown)
			fwrite(text, 1, g.bytes, f);
		else
			fputc('?', f);
	}
	if (cut)
		fprintf(f, "%.*s", (int)MIN(columns, 3), "...");
}

void human_print(FILE *f, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			fputc('?', f);
			p++;
		} else {
			fputc(*p < 0x20 || *p == 0x7f ? '?' : *p, f);
		}
	}
}
