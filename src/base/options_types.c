/* SPDX-License-Identifier: MPL-2.0 */
/* options_types.c - see options_types.h. */
#include "base/options_types.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#define SECS_MAX (366 * 86400)
#define COUNT_MAX 1024

/* Digits, then a suffix that ends the text: *unit is what the letter multiplies with. */
static int parse_number(const char *text, const char *letters, const uint64_t *units, uint64_t *out)
{
	const char *letter;
	uint64_t n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return -EINVAL;
	if (*text) {
		letter = strchr(letters, *text);
		if (!letter || text[1] || __builtin_mul_overflow(n, units[letter - letters], &n))
			return -EINVAL;
	}
	*out = n;
	return 0;
}

int options_parse_size(const char *text, uint64_t *out)
{
	static const uint64_t units[] = { 1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40,
					  1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40 };

	return parse_number(text, "KMGTkmgt", units, out);
}

int options_parse_portion(const char *text, struct portion *out)
{
	size_t n = strlen(text);
	char digits[4] = "";
	uint64_t percent, bytes;

	if (n > 1 && n <= sizeof(digits) && text[n - 1] == '%') {
		memcpy(digits, text, n - 1);
		if (parse_number(digits, "", NULL, &percent) < 0 || percent > 100)
			return -EINVAL;
		*out = (struct portion){ 0, (unsigned)percent };
		return 0;
	}
	if (options_parse_size(text, &bytes) < 0)
		return -EINVAL;
	*out = (struct portion){ bytes, 0 };
	return 0;
}

uint64_t portion_bytes(struct portion s, uint64_t of)
{
	return s.percent ? of / 100 * s.percent : s.bytes;
}

int options_parse_secs(const char *text, int64_t *out)
{
	static const uint64_t units[] = { 1, 60, 3600, 86400 };
	uint64_t n;

	if (parse_number(text, "smhd", units, &n) < 0 || n > SECS_MAX)
		return -EINVAL;
	*out = (int64_t)n;
	return 0;
}

/* The parsers: text is never NULL; field is of the option's type and changed only on success. */
static int parse_STR(const char *text, void *field)
{
	char **s = field, *copy;

	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -EINVAL;
	if (strlen(text) > OPTIONS_TEXT_MAX)
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*s);
	*s = copy;
	return 0;
}

static int parse_FLAG(const char *text, void *field)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*(bool *)field = i % 2 != 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_UINT(const char *text, void *field)
{
	uint64_t n = OPTION_UNSET;

	if (*text && (parse_number(text, "", NULL, &n) < 0 || n >= OPTION_UNSET))
		return -EINVAL;
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static int parse_COUNT(const char *text, void *field)
{
	uint64_t n;

	if (parse_number(text, "", NULL, &n) < 0 || n < 1 || n > COUNT_MAX)
		return -EINVAL;
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static int parse_SIZE(const char *text, void *field)
{
	return options_parse_size(text, field);
}

static int parse_PORTION(const char *text, void *field)
{
	return options_parse_portion(text, field);
}

static int parse_SECS(const char *text, void *field)
{
	int64_t n;

	if (options_parse_secs(text, &n) < 0 || n < 1)
		return -EINVAL;
	*(int64_t *)field = n;
	return 0;
}

static int parse_LISTING(const char *text, void *field)
{
	if (strcmp(text, "wait") != 0 && strcmp(text, "partial") != 0)
		return -EINVAL;
	*(enum listing_mode *)field = *text == 'w' ? LISTING_WAIT : LISTING_PARTIAL;
	return 0;
}

static int parse_PASS(const char *text, void *field)
{
	if (strcmp(text, "demand") != 0 && strcmp(text, "background") != 0)
		return -EINVAL;
	*(enum pass_mode *)field = *text == 'd' ? PASS_DEMAND : PASS_BACKGROUND;
	return 0;
}

static int parse_CACHING(const char *text, void *field)
{
	static const char *const names[] = {
		[CACHE_FULL] = "full", [CACHE_MINIMAL] = "minimal", [CACHE_NONE] = "none"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*(enum cache_mode *)field = (enum cache_mode)i;
		return 0;
	}
	return -EINVAL;
}

const struct option_type options_type_STR = { "TEXT", "printable text of at most 4096 bytes", NULL,
					      true, parse_STR };
const struct option_type options_type_FLAG = { NULL, "yes or no", "yes", false, parse_FLAG };
const struct option_type options_type_UINT = { "N", "a whole number from 0 to 4294967294", NULL,
					       false, parse_UINT };
const struct option_type options_type_COUNT = { "N", "a whole number from 1 to 1024", NULL, false,
						parse_COUNT };
const struct option_type options_type_SIZE = {
	"SIZE", "a size: bytes, or with K, M, G or T behind (powers of 1024)", NULL, false,
	parse_SIZE
};
const struct option_type options_type_PORTION = {
	"SIZE|N%", "a size (bytes, or with K, M, G or T behind) or a percentage up to 100%", NULL,
	false, parse_PORTION
};
const struct option_type options_type_SECS = {
	"TIME", "a time of 1 second to 366 days: seconds, or with s, m, h or d behind", NULL, false,
	parse_SECS
};
const struct option_type options_type_LISTING = { "wait|partial", "wait or partial", NULL, false,
						  parse_LISTING };
const struct option_type options_type_PASS = { "demand|background", "demand or background", NULL,
					       false, parse_PASS };

const struct option_type options_type_CACHING = { "full|minimal|none", "full, minimal or none",
						  NULL, false, parse_CACHING };
