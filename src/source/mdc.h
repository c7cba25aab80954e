/* SPDX-License-Identifier: MPL-2.0 */
/* mdc.h - datasets of the Mozilla Data Collective: details from its API, bytes by leases. */
#ifndef SOURCE_MDC_H
#define SOURCE_MDC_H

#include "source/scheme.h"

extern const struct source_ops mdc_source;

#endif
