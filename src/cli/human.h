/* SPDX-License-Identifier: MPL-2.0 */
/* human.h - figures and foreign text for people.  Pure; threads: any. */
#ifndef CLI_HUMAN_H
#define CLI_HUMAN_H

#include "base/util.h"

/* "94,639,372,950" */
const char *human_count(uint64_t n, char out[static 32]);
/* "88.1 GiB"; below 1 KiB "n bytes" */
const char *human_size(uint64_t bytes, char out[static 32]);
/* The two largest units: "3 h 12 min", "45 s"; never negative. */
const char *human_secs(int64_t secs, char out[static 32]);
/* Columns of a terminal that human_print() fills, by the locale of LC_CTYPE. */
unsigned human_columns(const char *text);
/* human_print() of what fits so many columns; what does not ends in "...". */
void human_print_cut(FILE *f, const char *text, unsigned columns);
/* Print text that came from elsewhere: control characters (also C1 in UTF-8) become '?'. */
void human_print(FILE *f, const char *text);

#endif
