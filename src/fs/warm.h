/* SPDX-License-Identifier: MPL-2.0 */
/* warm.h - how a program asks a mount to bring a file's bytes to the cache: ioctl(2) on the file.
 *
 * It answers as soon as the first bytes that were asked for are there, with how many they are; the
 * others have been ordered.  Who wants them all asks again from there on.  Nothing is copied to
 * the caller or to the page cache, and who reads comes first.
 * ENOTTY: not a file in a mount of this program.  EROFS: the mount keeps nothing.
 */
#ifndef FS_WARM_H
#define FS_WARM_H

#include <stdint.h>
#include <sys/ioctl.h>

#define WARM_MAX ((uint64_t)32 << 20) /* bytes ordered at once; more is cut to that */

struct warm_order {
	uint64_t off, len; /* in: bytes of the file, len > 0 */
	uint64_t done;	   /* out: so many from off on are there; 0: the file has no more */
	uint64_t refused;  /* out: blocks that the cache has not taken, so far in this mount */
	uint64_t more;	   /* in: not 0: what lies behind it is wanted next */
};

#define WARM_IOCTL _IOWR('m', 0xdc, struct warm_order)

#endif
