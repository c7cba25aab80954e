/* SPDX-License-Identifier: MPL-2.0 */
/* index_build.h - mdcfs index build: run an archive's pass to its end, without a mount. */
#ifndef CLI_INDEX_BUILD_H
#define CLI_INDEX_BUILD_H

#include "cli/engine.h"

/* 0 = complete; COMMAND_INTERRUPTED by a signal, what was read is kept; -errno (logged). */
int index_build(struct engine *e, const char *spec, bool as_json) MUST_CHECK;

#endif
