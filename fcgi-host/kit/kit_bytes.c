/*
 * kit_bytes.c - memory for a test: it grows, and there is enough of it.
 *
 * Runs in: tests of handlers.
 * Owns: nothing.
 * Invariant: bytes that were added end in a NUL, which is not counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "kit/kit.h"

void *
kit_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	return memory;
}

static char * __attribute__((format(printf, 1, 0)))
print(const char *format, va_list ap)
{
	char *text;

	if (vasprintf(&text, format, ap) < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	return text;
}

char *
kit_text(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = print(format, ap);
	va_end(ap);
	return text;
}

static void
make_room(struct kit_bytes *to, size_t more)
{
	size_t need = to->length + more + 1;

	if (need <= to->room)
		return;
	to->room = need < 256 ? 256 : 2 * need;
	to->bytes = realloc(to->bytes, to->room);
	if (to->bytes == NULL)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
}

void
kit_bytes_add(struct kit_bytes *to, const void *bytes, size_t length)
{
	make_room(to, length);
	if (length > 0)
		memcpy(to->bytes + to->length, bytes, length);
	to->length += length;
	to->bytes[to->length] = '\0';
}

void
kit_bytes_print(struct kit_bytes *to, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = print(format, ap);
	va_end(ap);
	kit_bytes_add(to, text, strlen(text));
	free(text);
}

void
kit_bytes_free(struct kit_bytes *bytes)
{
	free(bytes->bytes);
	memset(bytes, 0, sizeof(*bytes));
}
