/*
 * model_arena.h - where build() puts a model: one stretch of shared memory
 * that only grows (fh_arena_alloc() in <fcgi-host/handler.h>).
 */
#ifndef MODEL_MODEL_ARENA_H
#define MODEL_MODEL_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `base` is zeroed memory of `capacity` bytes, mapped and freed by others. */
struct fh_arena {
	uint8_t	*base;
	size_t	 capacity;
	size_t	 used;
	bool	 refused;	/* something did not fit */
};

/* Does `pointer` lie in what was allocated? */
bool	model_arena_holds(const struct fh_arena *, const void *pointer);

#endif
