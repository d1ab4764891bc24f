/*
 * model_arena.c - where build() puts a model.
 *
 * Runs in: loader (and in `fcgi-host call`).
 * Owns: nothing; the memory is model_load.c's.
 * Invariant: used <= capacity, and no byte is given out twice.
 */
#include "model/model_arena.h"

#include <errno.h>
#include <stdalign.h>

#include "include/fcgi-host/handler.h"

void *
fh_arena_alloc(struct fh_arena *arena, size_t size, size_t align)
{
	uintptr_t at = (uintptr_t)arena->base + arena->used;
	size_t gap;

	if (align == 0)
		align = alignof(max_align_t);
	if ((align & (align - 1)) != 0) {
		errno = EINVAL;
		return NULL;
	}
	if (size == 0)
		size = 1;	/* so that two never share an address */
	gap = (size_t)(-at & (align - 1));
	if (gap > arena->capacity - arena->used ||
	    size > arena->capacity - arena->used - gap) {
		arena->refused = true;
		errno = ENOMEM;
		return NULL;
	}
	arena->used += gap + size;
	return (void *)(at + gap);
}

bool
model_arena_holds(const struct fh_arena *arena, const void *pointer)
{
	uintptr_t at = (uintptr_t)pointer, base = (uintptr_t)arena->base;

	return at >= base && at - base < arena->used;
}
