/*
 * model_map.c - checks a sealed model and maps it, read-only.
 *
 * Runs in: supervisor (model_verify), zygote (model_map); front and workers
 * inherit the mapping.
 * Owns: nothing; the mapping lives as long as the process.
 * Invariant: what is mapped can be changed by nobody, us included.
 */
#include "model/model.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define SEALS	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static int
verify_texts(const struct model_image *image, struct err *err)
{
	if (memchr(image->name, '\0', sizeof(image->name)) == NULL)
		return err_set(err, "the image's name does not end");
	if (strnlen(image->sha256, sizeof(image->sha256)) !=
	    sizeof(image->sha256) - 1 ||
	    strspn(image->sha256, "0123456789abcdef") !=
	    sizeof(image->sha256) - 1)
		return err_set(err, "model \"%s\": no SHA-256 in the image",
		    image->name);
	return 0;
}

static int
verify_extent(const struct model_image *image, struct err *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (image->address < MODEL_ADDRESS_BASE ||
	    image->address % MODEL_ADDRESS_STEP != 0)
		return err_set(err, "model \"%s\": 0x%" PRIx64 " is no address "
		    "for a model", image->name, image->address);
	if (image->length == 0 || image->length > image->mapped ||
	    image->mapped > MODEL_ADDRESS_STEP || image->mapped % page != 0)
		return err_set(err, "model \"%s\": %" PRIu64 " bytes in %"
		    PRIu64 " mapped cannot be", image->name, image->length,
		    image->mapped);
	if (image->root_offset >= image->length)
		return err_set(err, "model \"%s\": its root lies outside",
		    image->name);
	return 0;
}

/* All but the descriptor. */
static int
verify_image(const struct model_image *image, struct err *err)
{
	if (verify_texts(image, err) != 0)
		return -1;
	switch (image->kind) {
	case CONFIG_MODEL_FILE:
	case CONFIG_MODEL_BUILD:
		return verify_extent(image, err);
	case CONFIG_MODEL_PRELOAD:
		if (image->length == 0 && image->mapped == 0 &&
		    image->root_offset == 0)
			return 0;
	}
	return err_set(err, "model \"%s\": kind %u with %" PRIu64
	    " bytes cannot be", image->name, image->kind, image->length);
}

int
model_verify(const struct model_image *image, int fd, struct err *err)
{
	struct stat info;
	int flags, seals;

	if (verify_image(image, err) != 0)
		return -1;
	if (image->kind == CONFIG_MODEL_PRELOAD)
		return fd < 0 ? 0 : err_set(err, "model \"%s\": a descriptor "
		    "came with kind preload", image->name);
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return err_sys(err, "model \"%s\": not sealed memory",
		    image->name);
	if ((seals & SEALS) != SEALS)
		return err_set(err, "model \"%s\": seals missing (0x%x of "
		    "0x%x)", image->name, (unsigned int)(seals & SEALS),
		    (unsigned int)SEALS);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
		return err_set(err, "model \"%s\": its descriptor is not "
		    "read-only", image->name);
	if (fstat(fd, &info) != 0)
		return err_sys(err, "model \"%s\"", image->name);
	if ((uint64_t)info.st_size != image->mapped)
		return err_set(err, "model \"%s\": %" PRIu64 " bytes, but %"
		    PRIu64 " were announced", image->name,
		    (uint64_t)info.st_size, image->mapped);
	return 0;
}

/* Pages stay locked while this process, the zygote, has them mapped. */
static void
lock_pages(const struct model_image *image, const void *data)
{
	if (mlock(data, image->mapped) != 0)
		log_warn("model \"%s\": lock = true has no effect, raise "
		    "LimitMEMLOCK= (ulimit -l) to %" PRIu64 " bytes: mlock",
		    image->name, image->mapped);
}

int
model_map(const struct model_image *image, int fd, struct fh_model *model_out,
    struct err *err)
{
	void *wanted = (void *)(uintptr_t)image->address, *data;

	*model_out = (struct fh_model){ .name = image->name,
	    .sha256 = image->sha256, .version = image->version };
	if (model_verify(image, fd, err) != 0)
		return -1;
	if (image->kind == CONFIG_MODEL_PRELOAD)
		return 0;
	data = mmap(wanted, image->mapped, PROT_READ,
	    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(err, "model \"%s\": mapping %" PRIu64 " bytes "
		    "at 0x%" PRIx64, image->name, image->mapped,
		    image->address);
	if (data != wanted) {		/* Linux before 4.17 */
		munmap(data, image->mapped);
		return err_set(err, "model \"%s\": the address 0x%" PRIx64
		    " is taken", image->name, image->address);
	}
	if (madvise(data, image->mapped, MADV_DONTDUMP) != 0)
		log_warn("model \"%s\": madvise(MADV_DONTDUMP)", image->name);
	if (image->huge)
		(void)madvise(data, image->mapped, MADV_HUGEPAGE);
	if (image->locked)
		lock_pages(image, data);
	model_out->data = data;
	model_out->length = image->length;
	model_out->root = (uint8_t *)data + image->root_offset;
	return 0;
}
