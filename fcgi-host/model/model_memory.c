/*
 * model_memory.c - shared memory on its way to being sealed.
 *
 * Runs in: loader (and in `fcgi-host call`).
 * Owns: the memfd and its one writable mapping.
 * Invariant: once sealed, no writable view or descriptor is left with us.
 */
#include "model/model_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <linux/memfd.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL		/* Linux 6.3 */
#define MFD_NOEXEC_SEAL	0x0008U
#endif

#define SEALS	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static size_t
round_up(size_t size, size_t page)
{
	return (size + page - 1) / page * page;
}

static int
open_memfd(const char *name, unsigned int flags)
{
	char title[CONFIG_NAME_MAX + 16];
	int fd;

	snprintf(title, sizeof(title), "model:%s", name);
	flags |= MFD_CLOEXEC | MFD_ALLOW_SEALING;
	fd = memfd_create(title, flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(title, flags);
	return fd;
}

static int
map_writable(struct model_memory *memory, uint64_t address, struct err *err)
{
	int flags = MAP_SHARED | (address != 0 ? MAP_FIXED_NOREPLACE : 0);
	void *wanted = (void *)(uintptr_t)address;
	void *data;

	data = mmap(wanted, memory->size, PROT_READ | PROT_WRITE, flags,
	    memory->fd, 0);
	if (data == MAP_FAILED)
		return err_sys(err, "no %zu bytes of address space at 0x%"
		    PRIx64, memory->size, address);
	memory->data = data;
	if (address != 0 && data != wanted)	/* Linux before 4.17 */
		return err_set(err, "the address 0x%" PRIx64 " is taken",
		    address);
	if (madvise(data, memory->size, MADV_DONTDUMP) != 0)
		return err_sys(err, "madvise(MADV_DONTDUMP)");
	return 0;
}

/* MADV_HUGEPAGE is a wish: a kernel without transparent huge pages refuses. */
static int
create_normal(const char *name, size_t size, uint64_t address,
    enum model_pages pages, struct model_memory *out, struct err *err)
{
	*out = (struct model_memory){ .page = (size_t)sysconf(_SC_PAGESIZE),
	    .pages = pages == MODEL_PAGES_NORMAL ? pages : MODEL_PAGES_ADVISE };
	out->size = round_up(size, out->page);
	out->fd = open_memfd(name, 0);
	if (out->fd < 0)
		return err_sys(err, "memfd_create");
	if (ftruncate(out->fd, (off_t)out->size) != 0) {
		err_sys(err, "no %zu bytes of shared memory", out->size);
		goto fail;
	}
	if (map_writable(out, address, err) != 0)
		goto fail;
	if (out->pages == MODEL_PAGES_ADVISE)
		(void)madvise(out->data, out->size, MADV_HUGEPAGE);
	return 0;
fail:
	model_memory_destroy(out);
	return -1;
}

/* An empty pool shows as ENOMEM at mmap(), which reserves all of it. */
static int
create_reserved(const char *name, size_t size, uint64_t address,
    struct model_memory *out)
{
	struct statfs pool;

	*out = (struct model_memory){ .pages = MODEL_PAGES_RESERVED };
	out->fd = open_memfd(name, MFD_HUGETLB);
	if (out->fd < 0)
		return -1;
	if (fstatfs(out->fd, &pool) != 0 || pool.f_bsize <= 0)
		goto fail;
	out->page = (size_t)pool.f_bsize;
	out->size = round_up(size, out->page);
	if (ftruncate(out->fd, (off_t)out->size) != 0 ||
	    map_writable(out, address, NULL) != 0)
		goto fail;
	return 0;
fail:
	model_memory_destroy(out);
	return -1;
}

int
model_memory_create(const char *name, size_t size, uint64_t address,
    enum model_pages pages, struct model_memory *out, struct err *err)
{
	if (pages == MODEL_PAGES_RESERVED &&
	    create_reserved(name, size, address, out) == 0)
		return 0;
	return create_normal(name, size, address, pages, out, err);
}

/* Reads the mapping's ShmemPmdMapped, in kB, in /proc/self/smaps. */
static bool
has_transparent_pages(const struct model_memory *memory)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	bool inside = false;
	unsigned long kilobytes = 0;
	char line[512], start[32];

	if (file == NULL)
		return false;
	snprintf(start, sizeof(start), "%" PRIxPTR "-",
	    (uintptr_t)memory->data);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, start, strlen(start)) == 0)
			inside = true;
		else if (inside &&
		    sscanf(line, "ShmemPmdMapped: %lu", &kilobytes) == 1)
			break;
	}
	fclose(file);
	return kilobytes > 0;
}

bool
model_memory_is_huge(const struct model_memory *memory)
{
	switch (memory->pages) {
	case MODEL_PAGES_RESERVED:
		return true;
	case MODEL_PAGES_ADVISE:
		return has_transparent_pages(memory);
	case MODEL_PAGES_NORMAL:
		break;
	}
	return false;
}

/*
 * The model is mapped through a read-only descriptor by everyone: kernels
 * differ on read-only mappings of a write-sealed memfd through a writable one.
 */
static int
reopen_read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int
model_memory_seal(struct model_memory *memory, size_t length,
    size_t *mapped_out, int *fd_out, struct err *err)
{
	int rc = -1;

	*mapped_out = round_up(length, memory->page);
	*fd_out = -1;
	if (munmap(memory->data, memory->size) != 0) {
		err_sys(err, "munmap");
		goto out;
	}
	memory->data = NULL;
	if (*mapped_out < memory->size &&
	    ftruncate(memory->fd, (off_t)*mapped_out) != 0) {
		err_sys(err, "shrinking to %zu bytes", *mapped_out);
		goto out;
	}
	if (fcntl(memory->fd, F_ADD_SEALS, SEALS) != 0) {
		err_sys(err, "sealing (is it mapped a second time?)");
		goto out;
	}
	*fd_out = reopen_read_only(memory->fd);
	if (*fd_out < 0) {
		err_sys(err, "reopening /proc/self/fd/%d", memory->fd);
		goto out;
	}
	rc = 0;
out:
	model_memory_destroy(memory);
	return rc;
}

void
model_memory_destroy(struct model_memory *memory)
{
	if (memory->data != NULL)
		munmap(memory->data, memory->size);
	if (memory->fd >= 0)
		close(memory->fd);
	memory->data = NULL;
	memory->fd = -1;
}
