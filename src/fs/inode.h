/* SPDX-License-Identifier: MPL-2.0 */
/* inode.h - an inode number is computed, never looked up.
 *
 *	bits 40..63  whose it is: 0 for the root and the control directory, 1 .. VOLUMES_MAX for
 *	             the datasets and their versions in the order in which they came (volumes.h),
 *	             those above for archives inside archives, in the order in which they are first
 *	             entered (nest.h)
 *	bits 38..39  what it is (enum ino_kind)
 *	bits 0..37   a fixed number for the few files around an archive, MEMBER_BASE + row of the
 *	             index for its members
 *
 * With bit 62 set it is another tree's (branch.h), whose number is in bits 40..61; the bits below are
 * that tree's own.
 *
 * So there is no table of inodes, forget is a no-op, and memory does not grow with the number of
 * files visited.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "base/util.h"

#define INO_ARCHIVE_SHIFT 40
#define INO_KIND_SHIFT 38

enum {
	INO_ROOT = 1, /* FUSE_ROOT_ID */
	INO_CONTROL,  /* .mdcfs */
	INO_STATUS,   /* .mdcfs/status.json */
	INO_METRICS,  /* .mdcfs/metrics */
	INO_LOG,      /* .mdcfs/log */
};

enum {
	LOCAL_DIR,	 /* <slug> */
	LOCAL_DETAILS,	 /* <slug>/dataset.json */
	LOCAL_README,	 /* <slug>/README.md */
	LOCAL_FILE,	 /* <slug>/<filename> */
	LOCAL_ID,	 /* <id>, a symbolic link to <slug> */
	LOCAL_CROISSANT, /* <slug>/croissant.json */
	LOCAL_SAMPLES,	 /* <slug>/samples */
	LOCAL_SAMPLE,	 /* <slug>/samples/<id>; what is in it is the sample's volume's */
	MEMBER_BASE = 16 /* + row; row 1 is <filename minus suffix> */
};

enum ino_kind {
	KIND_PLAIN,  /* a file around an archive, or the member in that row itself */
	KIND_NESTED, /* the root directory of the archive that the member named in that row is */
	KIND_VERSIONS, /* the directory of what the name in that row was before */
};

#define INO_BRANCH (UINT64_C(1) << 62)

static inline bool ino_is_branch(uint64_t ino)
{
	return (ino & INO_BRANCH) != 0;
}

static inline uint64_t ino_of_branch(unsigned branch, uint64_t local)
{
	return INO_BRANCH | (uint64_t)branch << INO_ARCHIVE_SHIFT | local;
}

static inline unsigned ino_branch(uint64_t ino) /* its number */
{
	return (unsigned)((ino & ~INO_BRANCH) >> INO_ARCHIVE_SHIFT);
}

static inline uint64_t ino_make(unsigned archive, uint64_t local)
{
	return (uint64_t)archive << INO_ARCHIVE_SHIFT | local;
}

static inline uint64_t ino_of_row(unsigned archive, enum ino_kind kind, uint64_t row)
{
	return ino_make(archive, (uint64_t)kind << INO_KIND_SHIFT | (MEMBER_BASE + row));
}

static inline unsigned ino_archive(uint64_t ino) /* 0 = none */
{
	return (unsigned)(ino >> INO_ARCHIVE_SHIFT);
}

static inline uint64_t ino_local(uint64_t ino) /* kind and number */
{
	return ino & ((UINT64_C(1) << INO_ARCHIVE_SHIFT) - 1);
}

static inline enum ino_kind ino_kind(uint64_t ino)
{
	return (enum ino_kind)(ino_local(ino) >> INO_KIND_SHIFT);
}

static inline uint64_t ino_row(uint64_t ino) /* 0 = it is about no row of an index */
{
	uint64_t number = ino & ((UINT64_C(1) << INO_KIND_SHIFT) - 1);

	return number > MEMBER_BASE ? number - MEMBER_BASE : 0;
}

#endif
