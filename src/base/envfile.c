/* SPDX-License-Identifier: MPL-2.0 */
/* envfile.c - see envfile.h. */
#include "base/envfile.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

#define FILE_MAX ((size_t)64 << 10)
#define BLANKS " \t\r"

static char *skip_blanks(char *p)
{
	return p + strspn(p, BLANKS);
}

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

/* The name at p, with "export" in front or not; returns behind it, NULL when there is none. */
static char *cut_name(char *p, char **name)
{
	char *end = p;

	if (strncmp(p, "export", 6) == 0 && (p[6] == ' ' || p[6] == '\t'))
		p = skip_blanks(p + 6);
	for (end = p; name_char(*end, end == p); end++)
		;
	*name = p;
	return end > p ? end : NULL;
}

static char unescape(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* p is at the opening quote; the value is unescaped in place. */
static int cut_quoted(char *p, char **value)
{
	char quote = *p++, *to = p;

	*value = p;
	for (; *p && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1])
			*to++ = unescape(*++p);
		else
			*to++ = *p;
	}
	if (!*p)
		return -EINVAL;
	p = skip_blanks(p + 1);
	*to = '\0';
	return *p == '\0' || *p == '#' ? 0 : -EINVAL;
}

static void cut_bare(char *p, char **value)
{
	char *end = p;

	*value = p;
	while (*end && !(*end == '#' && (end == p || strchr(BLANKS, end[-1]))))
		end++;
	while (end > p && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
}

int envfile_line(char *line, char **name, char **value)
{
	char *p = skip_blanks(line), *end;

	*name = *value = NULL;
	if (*p == '\0' || *p == '#')
		return 0;
	end = cut_name(p, name);
	p = end ? skip_blanks(end) : NULL;
	if (!p || *p != '=') {
		*name = NULL;
		return -EINVAL;
	}
	*end = '\0';
	p = skip_blanks(p + 1);
	if (*p != '"' && *p != '\'') {
		cut_bare(p, value);
		return 0;
	}
	if (cut_quoted(p, value) == 0)
		return 0;
	*name = *value = NULL;
	return -EINVAL;
}

static int read_line(const char *path, unsigned n, char *line, bool strict, struct envfile_sink *s)
{
	char why[ENVFILE_WHY] = "";
	char *name, *value;
	int r = envfile_line(line, &name, &value);

	if (r < 0 && !strict)
		return 0;
	if (r < 0)
		snprintf(why, sizeof(why), "this is not NAME = VALUE");
	else if (name)
		r = s->set(s, name, value, why);
	if (r < 0)
		(void)log_error(0, "%s:%u: %s", path, n, why);
	return r;
}

int envfile_read(const char *path, bool strict, struct envfile_sink *s)
{
	AUTO(auto_free) char *text = NULL;
	char *next, *p;
	size_t len = 0;
	int r = file_slurp(path, FILE_MAX, &text, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return r;
	if (r < 0)
		return log_error(r, "%s", path);
	p = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0); /* a byte order mark */
	for (unsigned n = 1; r == 0 && p; p = next, n++) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		r = read_line(path, n, p, strict, s);
	}
	explicit_bzero(text, len);
	return r;
}
