/*
 * load_bytes.c - bytes that grow at one end and are taken from the other.
 *
 * Runs in: the load generator of the live tests.
 * Owns: the memory of each struct bytes.
 * Invariant: length <= room.
 */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static void
make_room(struct bytes *bytes, size_t more)
{
	size_t room = bytes->room == 0 ? 4096 : bytes->room;

	while (room < bytes->length + more)
		room *= 2;
	if (room == bytes->room)
		return;
	bytes->data = realloc(bytes->data, room);
	if (bytes->data == NULL)
		err(1, "realloc");
	bytes->room = room;
}

void
bytes_add(struct bytes *bytes, const void *data, size_t length)
{
	make_room(bytes, length);
	if (length > 0)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void
bytes_print(struct bytes *bytes, const char *format, ...)
{
	char text[2000];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(text))
		errx(1, "a text is too long");
	bytes_add(bytes, text, (size_t)length);
}

void
bytes_drop(struct bytes *bytes, size_t length)
{
	if (length == 0)
		return;
	bytes->length -= length;
	memmove(bytes->data, bytes->data + length, bytes->length);
}

uint64_t
bytes_digest(const unsigned char *data, size_t length)
{
	uint64_t digest = 0xcbf29ce484222325, word;

	for (; length >= sizeof(word); length -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		digest = (digest ^ word) * 0x100000001b3;
		data += sizeof(word);
	}
	for (; length > 0; length--)
		digest = (digest ^ *data++) * 0x100000001b3;
	return digest;
}
