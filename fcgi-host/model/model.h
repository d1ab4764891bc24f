/*
 * model.h - models in shared memory: made once, sealed, mapped read-only.
 *
 * Only the loader (model_load.c) ever has a writable view.  It copies or builds
 * into a memfd, drops that view, seals the memfd, and hands an O_RDONLY
 * descriptor with a struct model_image to the supervisor.  Everyone else maps
 * that descriptor at the image's fixed address (model_map.c).
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "config/config.h"
#include "common/err.h"
#include "include/fcgi-host/handler.h"

/*
 * Where models live: far from the heap, the stack and libraries, the same in
 * every process.  Each loaded image takes the next MODEL_ADDRESS_STEP bytes;
 * an address is never used for a second image.
 */
#define MODEL_ADDRESS_BASE	UINT64_C(0x200000000000)
#define MODEL_ADDRESS_STEP	(UINT64_C(64) << 30)

/* Says whether a file is still the one that was loaded, without reading it. */
struct model_identity {
	uint64_t	device, inode, size;
	int64_t		mtime_ns, ctime_ns;
};

/* What the loader sends beside the descriptor.  No pointers: it crosses
 * processes.  For a `preload` model there is no descriptor: length is 0. */
struct model_image {
	char			 name[CONFIG_NAME_MAX + 1];
	uint32_t		 kind;		/* enum config_kind */
	uint32_t		 huge;		/* huge pages were got */
	uint32_t		 locked;	/* model_map() is to mlock it */
	uint64_t		 address;	/* where everyone maps it */
	uint64_t		 length;	/* bytes of the model */
	uint64_t		 mapped;	/* length in whole pages */
	uint64_t		 root_offset;	/* build: where the root is */
	uint64_t		 version;	/* set by the supervisor */
	uint64_t		 load_ms;
	uint64_t		 source_length;
	char			 sha256[65];	/* of the source as copied */
	struct model_identity	 identity;
};

/* ------------------------------------------------ loader (model_load.c) */

/*
 * Brings one model into a sealed memfd.  `def` is the handler's entry, needed
 * for kind `build` only.  For `preload` it only identifies and hashes the
 * source.  0, and *fd_out is an O_RDONLY descriptor (-1 for preload); or -1.
 */
int	model_load(const struct config_model *, const struct fh_model_def *def,
	    uint64_t address, struct model_image *image_out, int *fd_out,
	    struct err *);

int	model_identify(const char *path, struct model_identity *out,
	    struct err *);
bool	model_identity_equal(const struct model_identity *,
	    const struct model_identity *);

/* ---------------------------------------------- everyone (model_map.c) */

/* Is this descriptor sealed against writing, growing, shrinking and unsealing,
 * open read-only, and as long as the image says? */
int	model_verify(const struct model_image *, int fd, struct err *);

/*
 * Maps the image at its address, read-only, kept out of core dumps; fills
 * *model_out (its name and sha256 point into `image`, which must live on).
 * The caller closes `fd` afterwards.
 */
int	model_map(const struct model_image *, int fd,
	    struct fh_model *model_out, struct err *);

/* --------------------------------------------------- plan (model_plan.c) */

/* What a start would need.  Filled by the caller; bytes. */
struct plan_item {
	char		 name[CONFIG_NAME_MAX + 1];
	uint32_t	 kind;
	uint64_t	 bytes;		/* shared, once */
	bool		 measured;	/* false: an estimate */
	bool		 old_copy;	/* still served by an old generation */
};

struct plan {
	const struct plan_item	*items;
	size_t			 item_count;
	uint32_t		 workers;
	uint64_t		 private_each;	/* per worker */
	uint64_t		 buffers;	/* shared memory, connections */
	uint64_t		 host;		/* what else it is itself */
	uint64_t		 cache;		/* cache_size */
	uint64_t		 resident;	/* of models loaded already */

	/* by plan_compute() */
	uint64_t		 models;	/* sum of items */
	uint64_t		 page_tables;
	uint64_t		 need;		/* beyond what is resident */
	uint64_t		 private_copies;	/* if not shared */
};

/* Pure. */
void	plan_compute(struct plan *);

/*
 * What is there: the least of MemAvailable and, for each ancestor cgroup (v1
 * and v2), limit - usage + inactive file pages.  `root` is "/" but in tests.
 * *limit_out names which it was ("MemAvailable", "cgroup /x").
 */
int	plan_available(const char *root, uint64_t *bytes_out,
	    char *limit_out, size_t limit_size, struct err *);

/* 0 if it fits, else -1 and the sum as a sentence. */
int	plan_check(const struct plan *, uint64_t available, const char *limit,
	    struct err *);

#endif
