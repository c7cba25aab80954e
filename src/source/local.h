/* SPDX-License-Identifier: MPL-2.0 */
/* local.h - files on a local disk: read through source_path(), never located. */
#ifndef SOURCE_LOCAL_H
#define SOURCE_LOCAL_H

#include "source/scheme.h"

extern const struct source_ops local_source;

#endif
