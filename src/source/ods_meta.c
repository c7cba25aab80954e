/* SPDX-License-Identifier: MPL-2.0 */
/* ods_meta.c - see ods_meta.h. */
#include "source/ods_meta.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

const char *ods_meta_id(const struct json *dataset)
{
	const char *id = json_str(dataset, "datasetid");

	return id ? id : json_str(dataset, "dataset_id");
}

const char *ods_meta_str(const struct json *dataset, const char *name)
{
	const struct json *metas = json_get(dataset, "metas");
	const char *text = json_str(metas, name);

	return text ? text : json_str(json_get(metas, "default"), name);
}

bool ods_meta_geo(const struct json *dataset)
{
	const struct json *list = json_get(dataset, "fields");

	for (size_t i = 0; i < json_len(list); i++) {
		const char *type = json_str(json_at(list, i), "type");

		if (type && (strcmp(type, "geo_point_2d") == 0 || strcmp(type, "geo_shape") == 0))
			return true;
	}
	return false;
}

bool ods_meta_is_file(const struct json *field)
{
	const char *type = json_str(field, "type"), *name = json_str(field, "name");

	return type && strcmp(type, "file") == 0 && name && name[0];
}

bool ods_meta_files(const struct json *dataset)
{
	const struct json *list = json_get(dataset, "fields");

	for (size_t i = 0; i < json_len(list); i++)
		if (ods_meta_is_file(json_at(list, i)))
			return true;
	return false;
}

int ods_meta_version(const struct json *dataset, uint64_t *version, int64_t *mtime)
{
	const char *modified = ods_meta_str(dataset, "modified");
	const char *processed = ods_meta_str(dataset, "data_processed");
	char hex[DIGEST_HEX];
	int64_t t;
	int r = digest_strings(hex, modified ? modified : "", processed ? processed : "", NULL);

	if (r < 0)
		return r;
	hex[16] = '\0'; /* 64 bits of it */
	*version = strtoull(hex, NULL, 16);
	*mtime = 0;
	if (modified && clock_parse(modified, &t) == 0)
		*mtime = t;
	if (processed && clock_parse(processed, &t) == 0)
		*mtime = MAX(*mtime, t);
	return 0;
}
