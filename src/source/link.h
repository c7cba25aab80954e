/* SPDX-License-Identifier: MPL-2.0 */
/* link.h - http(s) URLs of a file behind a server that answers ranges.
 * Nothing is asked at open: size and version are learnt from the first answer.
 * user:password@ in the URL is sent on, never printed.
 */
#ifndef SOURCE_LINK_H
#define SOURCE_LINK_H

#include "source/scheme.h"

extern const struct source_ops link_source;

#endif
