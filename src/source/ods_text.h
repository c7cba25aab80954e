/* SPDX-License-Identifier: MPL-2.0 */
/* ods_text.h - what people read about a dataset of a portal.  Pure; threads: any. */
#ifndef SOURCE_ODS_TEXT_H
#define SOURCE_ODS_TEXT_H

#include "net/json.h"

/* README.md from a dataset's metadata: title, licence, number of records, description without its HTML,
 * fields, page.  base: "https://DOMAIN".  The caller frees; NULL without memory. */
char *ods_readme(const struct json *details, const char *base);

#endif
