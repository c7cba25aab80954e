/* SPDX-License-Identifier: MPL-2.0 */
/* progress.c - see progress.h. */
#include "cli/progress.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/human.h"

#define LINE_MS 10000
#define COLUMNS 80  /* of a terminal that does not say */
#define BAR_MIN 10u /* a shorter bar says nothing */
#define BAR_MAX 40u

/* In tenths of a percent; 100 % is said when it is all. */
static unsigned permille(const struct progress *p)
{
	double part = p->total > 0 ? (double)p->done / (double)p->total : 1;

	return p->done >= p->total ? 1000 : MIN((unsigned)(part * 1000), 999);
}

static void add(char out[static PROGRESS_LINE], const char *text, const char *more)
{
	size_t n = strlen(out);

	snprintf(out + n, PROGRESS_LINE - n, "%s%s", text, more);
}

static int64_t seconds_left(const struct progress *p)
{
	uint64_t s = (p->total - p->done) / p->rate;

	return s < INT64_MAX ? (int64_t)s + 1 : INT64_MAX;
}

const char *progress_text(const struct progress *p, char out[static PROGRESS_LINE])
{
	char done[32], total[32], figure[32];

	snprintf(out, PROGRESS_LINE, "%u.%u %%, %s of %s", permille(p) / 10, permille(p) % 10,
		 human_size(p->done, done), human_size(p->total, total));
	if (p->members > 0) {
		add(out, ", ", human_count(p->members, figure));
		add(out, " members", "");
	}
	if (p->rate > 0) {
		add(out, ", ", human_size(p->rate, figure));
		add(out, "/s", "");
	}
	if (p->rate > 0 && p->done < p->total) {
		add(out, ", ", human_secs(seconds_left(p), figure));
		add(out, " left", "");
	}
	return out;
}

/* Leave out whole figures from the end until the text has so many columns. */
static void shorten(char *text, size_t columns)
{
	size_t n = strlen(text);

	while (n > columns) {
		while (n > 0 && strncmp(text + n, ", ", 2) != 0)
			n--;
		if (n == 0)
			n = columns;
		text[n] = '\0';
	}
}

const char *progress_bar(const struct progress *p, unsigned columns, char out[static PROGRESS_LINE])
{
	char text[PROGRESS_LINE];
	unsigned room, filled;

	columns = MIN(columns, PROGRESS_LINE - 1);
	progress_text(p, text);
	shorten(text, columns);
	room = columns - (unsigned)strlen(text);
	if (room < BAR_MIN + 3) {
		memcpy(out, text, strlen(text) + 1);
		return out;
	}
	room = MIN(room - 3, BAR_MAX);
	filled = room * permille(p) / 1000;
	out[0] = '[';
	memset(out + 1, '#', filled);
	memset(out + 1 + filled, '.', room - filled);
	memcpy(out + 1 + room, "] ", 2);
	memcpy(out + 3 + room, text, strlen(text) + 1); /* columns bound both together */
	return out;
}

unsigned progress_columns(FILE *f)
{
	struct winsize w = { 0 };

	if (!isatty(fileno(f)))
		return 0;
	return ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : COLUMNS;
}

void progress_show(struct progress_view *v, const struct progress *p)
{
	unsigned columns = progress_columns(stderr);
	int64_t now = clock_ms();
	char line[PROGRESS_LINE];

	if (columns >
	    0) { /* the last column stays free: terminals differ in what it does to the cursor */
		fprintf(stderr, "\r%s\033[K", progress_bar(p, columns - 1, line));
		fflush(stderr);
		v->bar = true;
		log_over_bar(true);
	} else if (v->shown_ms != 0 && now - v->shown_ms >= LINE_MS) {
		fprintf(stderr, "%s\n", progress_text(p, line));
		v->shown_ms = now;
	}
	if (v->shown_ms == 0)
		v->shown_ms = now;
}

void progress_clear(struct progress_view *v)
{
	log_over_bar(false);
	if (v->bar)
		fputs("\r\033[K", stderr);
	v->bar = false;
}
