/* SPDX-License-Identifier: MPL-2.0 */
/* table.h - rows and columns: aligned for people, with tabs between for programs. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/util.h"

struct table_column {
	const char *title;
	bool right;	/* figures */
	unsigned spare; /* on a narrow terminal the column with the greatest goes first; 0: stays */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* n_rows times n_columns strings; NULL is empty; the owner of the table's */
	size_t n_rows;
};

/* For people: a line of titles, then the rows, in `width` columns of the terminal if that can be: the
 * last column is cut, no other is.  width 0: for programs, a line a row, tabs between,
 * no titles, "-" for what is empty, control characters as '?'. */
void table_print(FILE *f, const struct table *t, unsigned width);
/* Free the cells and what they point to; fine on a zeroed table. */
void table_clear(struct table *t);

#endif
