/* SPDX-License-Identifier: MPL-2.0 */
/* table.c - see table.h. */
#include "cli/table.h"

#include "cli/human.h"

#define COLUMNS_MAX 16u
#define GAP 2u	     /* columns between two */
#define LAST_MIN 12u /* what the last one should have at least */

struct layout {
	unsigned width[COLUMNS_MAX]; /* 0: not shown */
	unsigned last;		     /* room of the last column */
};

static const char *cell(const struct table *t, size_t row, size_t column)
{
	const char *text = t->cells[row * t->n_columns + column];

	return text && *text ? text : "-";
}

static void measure(const struct table *t, struct layout *l)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		l->width[c] = human_columns(t->columns[c].title);
		for (size_t r = 0; r < t->n_rows; r++)
			l->width[c] = MAX(l->width[c], human_columns(cell(t, r, c)));
	}
}

/* What all but the last column take, with a gap behind each. */
static unsigned taken(const struct table *t, const struct layout *l)
{
	unsigned sum = 0;

	for (size_t c = 0; c + 1 < t->n_columns; c++)
		sum += l->width[c] > 0 ? l->width[c] + GAP : 0;
	return sum;
}

static bool drop_one(const struct table *t, struct layout *l)
{
	size_t worst = t->n_columns;

	for (size_t c = 0; c + 1 < t->n_columns; c++)
		if (l->width[c] > 0 && t->columns[c].spare > 0 &&
		    (worst == t->n_columns || t->columns[c].spare > t->columns[worst].spare))
			worst = c;
	if (worst == t->n_columns)
		return false;
	l->width[worst] = 0;
	return true;
}

static void fit(const struct table *t, struct layout *l, unsigned width)
{
	size_t last = t->n_columns - 1;

	while (taken(t, l) + MIN(LAST_MIN, l->width[last]) > width && drop_one(t, l))
		;
	l->last = width > taken(t, l) ? width - taken(t, l) : 0;
}

static void print_padded(FILE *f, const char *text, unsigned width, bool right)
{
	unsigned gap = width - MIN(width, human_columns(text));

	if (right)
		fprintf(f, "%*s", (int)gap, "");
	human_print_cut(f, text, width);
	fprintf(f, "%*s", (int)(right ? GAP : gap + GAP), "");
}

/* row: SIZE_MAX is the titles. */
static void print_row(FILE *f, const struct table *t, const struct layout *l, size_t row)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		const char *text = row == SIZE_MAX ? t->columns[c].title : cell(t, row, c);

		if (c + 1 == t->n_columns)
			human_print_cut(f, text, l->last);
		else if (l->width[c] > 0)
			print_padded(f, text, l->width[c], t->columns[c].right);
	}
	fputc('\n', f);
}

static void print_plain(FILE *f, const struct table *t)
{
	for (size_t r = 0; r < t->n_rows; r++)
		for (size_t c = 0; c < t->n_columns; c++) {
			human_print(f, cell(t, r, c));
			fputc(c + 1 < t->n_columns ? '\t' : '\n', f);
		}
}

void table_print(FILE *f, const struct table *t, unsigned width)
{
	struct layout l = { 0 };

	if (width == 0 || t->n_columns > COLUMNS_MAX) {
		print_plain(f, t);
		return;
	}
	measure(t, &l);
	fit(t, &l, width);
	print_row(f, t, &l, SIZE_MAX);
	for (size_t r = 0; r < t->n_rows; r++)
		print_row(f, t, &l, r);
}

void table_clear(struct table *t)
{
	for (size_t i = 0; t->cells && i < t->n_rows * t->n_columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}
