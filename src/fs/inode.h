/* SPDX-License-Identifier: MPL-2.0 */
/* inode.h - an inode number is computed, never looked up.
 *
 * Bits 40 and up: 0 for the root and the control directory, else the number of the dataset
 * (1, 2, ... in the order of mounting).  Below: a fixed number for the few files around an archive,
 * MEMBER_BASE + row of the index for its members.  So there is no table of inodes, forget is a
 * no-op, and memory does not grow with the number of files visited.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "base/util.h"

#define INO_DATASET_SHIFT 40

enum {
	INO_ROOT = 1,  /* FUSE_ROOT_ID */
	INO_CONTROL,   /* .mdcfs */
	INO_STATUS,    /* .mdcfs/status.json */
	INO_METRICS,   /* .mdcfs/metrics */
	INO_LOG,       /* .mdcfs/log */
};

enum {
	LOCAL_DIR,     /* <slug> */
	LOCAL_DETAILS, /* <slug>/dataset.json */
	LOCAL_README,  /* <slug>/README.md */
	LOCAL_FILE,    /* <slug>/<filename> */
	LOCAL_ID,      /* <id>, a symbolic link to <slug> */
	MEMBER_BASE = 16 /* + row; row 1 is <filename minus suffix> */
};

static inline uint64_t ino_make(unsigned dataset, uint64_t local)
{
	return (uint64_t)dataset << INO_DATASET_SHIFT | local;
}

static inline unsigned ino_dataset(uint64_t ino) /* 0 = none */
{
	return (unsigned)(ino >> INO_DATASET_SHIFT);
}

static inline uint64_t ino_local(uint64_t ino)
{
	return ino & ((UINT64_C(1) << INO_DATASET_SHIFT) - 1);
}

#endif
