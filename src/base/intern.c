/* SPDX-License-Identifier: MPL-2.0 */
/* intern.c - see intern.h: an array of the strings, and a table of numbers that is open addressed
 * and never more than half full. */
#include "base/intern.h"

#include <errno.h>
#include <string.h>

#define SLOTS_MIN 64u

struct intern {
	char **texts;
	uint32_t n, cap, max;
	uint32_t *slots;  /* number + 1; 0: free */
	uint32_t n_slots; /* a power of two */
};

int intern_new(uint32_t max, struct intern **out)
{
	struct intern *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = MIN(max, 1u << 30);
	t->n_slots = SLOTS_MIN;
	t->slots = calloc(t->n_slots, sizeof(*t->slots));
	if (!t->slots) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

struct intern *intern_free(struct intern *t)
{
	if (!t)
		return NULL;
	for (uint32_t i = 0; i < t->n; i++)
		free(t->texts[i]);
	free(t->texts);
	free(t->slots);
	free(t);
	return NULL;
}

/* FNV-1a. */
static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

/* Where text is, or would be. */
static uint32_t *slot_of(const struct intern *t, const char *text)
{
	uint32_t i = hash(text) & (t->n_slots - 1);

	while (t->slots[i] && strcmp(t->texts[t->slots[i] - 1], text) != 0)
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

static int grow(struct intern *t)
{
	uint32_t cap = MAX(t->cap * 2, SLOTS_MIN / 2);
	char **texts = reallocarray(t->texts, cap, sizeof(*texts));
	uint32_t *slots;

	if (!texts)
		return -ENOMEM;
	t->texts = texts;
	slots = calloc((size_t)cap * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = cap * 2;
	t->cap = cap;
	for (uint32_t i = 0; i < t->n; i++)
		*slot_of(t, t->texts[i]) = i + 1;
	return 0;
}

bool intern_find(const struct intern *t, const char *text, uint32_t *out)
{
	uint32_t found = *slot_of(t, text);

	if (!found)
		return false;
	*out = found - 1;
	return true;
}

int intern_add(struct intern *t, const char *text, uint32_t *out)
{
	char *copy;

	if (intern_find(t, text, out))
		return 0;
	if (t->n >= t->max)
		return -ENOSPC;
	if (t->n == t->cap && grow(t) < 0)
		return -ENOMEM;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	t->texts[t->n] = copy;
	*slot_of(t, text) = t->n + 1;
	*out = t->n++;
	return 0;
}

const char *intern_text(const struct intern *t, uint32_t n)
{
	return n < t->n ? t->texts[n] : NULL;
}

uint32_t intern_count(const struct intern *t)
{
	return t->n;
}
