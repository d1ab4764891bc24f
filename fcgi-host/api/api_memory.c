/*
 * api_memory.c - memory of one request: chunks that go all at once.
 *
 * Runs in: front, workers, call, cgi; each request has an arena of its own.
 * Owns: the chunks of struct api_arena.
 * Invariant: between two requests an arena holds its first chunk and nothing
 * else.  Under AddressSanitizer what is not handed out is poisoned.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS	1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISONS	1
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
#define POISON(at, size)	ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size)	ASAN_UNPOISON_MEMORY_REGION(at, size)
#define GAP	16		/* poisoned, between two pieces */
#else
#define POISON(at, size)	((void)0)
#define UNPOISON(at, size)	((void)0)
#define GAP	0
#endif

#define ALIGN		alignof(max_align_t)
#define FIRST_CHUNK	((size_t)8 << 10)
#define LARGEST_CHUNK	((size_t)1 << 20)

struct api_chunk {
	struct api_chunk	*next;
	size_t			 size;		/* of bytes */
	alignas(max_align_t) char bytes[];
};

static struct api_chunk *
chunk_create(size_t size)
{
	struct api_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (chunk == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	chunk->next = NULL;
	chunk->size = size;
	POISON(chunk->bytes, size);
	return chunk;
}

static void
chunks_destroy(struct api_chunk *chunk)
{
	while (chunk != NULL) {
		struct api_chunk *next = chunk->next;

		UNPOISON(chunk->bytes, chunk->size);
		free(chunk);
		chunk = next;
	}
}

static void
use_chunk(struct api_arena *arena, struct api_chunk *chunk)
{
	arena->last = chunk;
	arena->at = chunk->bytes;
	arena->end = chunk->bytes + chunk->size;
}

int
api_arena_init(struct api_arena *arena)
{
	arena->first = chunk_create(FIRST_CHUNK);
	if (arena->first == NULL)
		return -1;
	use_chunk(arena, arena->first);
	return 0;
}

void
api_arena_finish(struct api_arena *arena)
{
	chunks_destroy(arena->first);
	arena->first = NULL;
}

void
api_arena_reset(struct api_arena *arena)
{
	struct api_chunk *first = arena->first;

	chunks_destroy(first->next);
	first->next = NULL;
	POISON(first->bytes, first->size);
	use_chunk(arena, first);
}

/* A chunk twice the last one, or as large as this piece needs. */
static int
add_chunk(struct api_arena *arena, size_t need)
{
	size_t size = arena->last->size * 2;
	struct api_chunk *chunk;

	if (size > LARGEST_CHUNK)
		size = LARGEST_CHUNK;
	if (size < need)
		size = need;
	if ((chunk = chunk_create(size)) == NULL)
		return -1;
	arena->last->next = chunk;
	use_chunk(arena, chunk);
	return 0;
}

void *
api_arena_alloc(struct api_arena *arena, size_t size)
{
	size_t need;
	void *piece;

	if (size > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	need = (size + GAP + ALIGN - 1) & ~(ALIGN - 1);
	if (need == 0)
		need = ALIGN;
	if (need > (size_t)(arena->end - arena->at) &&
	    add_chunk(arena, need) != 0)
		return NULL;
	piece = arena->at;
	arena->at += need;
	UNPOISON(piece, size);
	return piece;
}

char *
api_copy(struct fh_request *rq, const char *text, size_t length)
{
	char *copy = api_arena_alloc(&rq->arena, length + 1);

	if (copy == NULL)
		return NULL;
	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void *
fh_alloc(struct fh_request *rq, size_t size)
{
	return api_arena_alloc(&rq->arena, size);
}

char *
fh_strdup(struct fh_request *rq, const char *text)
{
	return api_copy(rq, text, strlen(text));
}

char *
fh_sprintf(struct fh_request *rq, const char *format, ...)
{
	char fast[512], *text;
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(fast, sizeof(fast), format, ap);
	va_end(ap);
	if (length < 0)
		return NULL;
	if ((size_t)length < sizeof(fast))
		return api_copy(rq, fast, (size_t)length);
	text = api_arena_alloc(&rq->arena, (size_t)length + 1);
	if (text == NULL)
		return NULL;
	va_start(ap, format);
	vsnprintf(text, (size_t)length + 1, format, ap);
	va_end(ap);
	return text;
}
