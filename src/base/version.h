/* SPDX-License-Identifier: MPL-2.0 */
/* version.h - what configure decided: the version, the codecs, and SANITIZED when built
 * with sanitizers. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifdef PACKAGE_VERSION
#define MDCFS_VERSION PACKAGE_VERSION
#else
#define MDCFS_VERSION "dev"
#endif

#ifdef CODECS
#define MDCFS_CODECS CODECS
#else
#define MDCFS_CODECS ""
#endif

#endif
