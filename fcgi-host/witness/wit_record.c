/*
 * wit_record.c - the record of a process that crashed, into our memory.
 *
 * Runs in: witness.
 * Owns: the memory of a struct wit_record.
 * Invariant: nothing is read but what is in the file and within the bounds of
 * common/crash.h, whatever the record says of itself.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "witness/wit.h"

#if defined(__x86_64__)
enum { FRAME_POINTER = 6, STACK_POINTER = 7 };
#elif defined(__aarch64__)
enum { FRAME_POINTER = 29, STACK_POINTER = 31 };
#else
enum { FRAME_POINTER = CRASH_REGISTERS, STACK_POINTER = CRASH_REGISTERS };
#endif

/* As much as there is. */
static size_t
read_at(int fd, void *out, size_t length, uint64_t at)
{
	size_t have = 0;

	while (have < length) {
		ssize_t got = pread(fd, (char *)out + have, length - have,
		    (off_t)(at + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return have;
}

/* With a NUL behind it.  NULL: there is none, or it is not where it is said to
 * be. */
static void *
read_section(int fd, uint64_t size, uint64_t at, uint64_t length, size_t most,
    size_t *length_out)
{
	char *bytes;

	*length_out = 0;
	if (length == 0 || at >= size)
		return NULL;
	if (length > size - at)
		length = size - at;
	if (length > most)
		length = most;
	if ((bytes = malloc((size_t)length + 1)) == NULL)
		return NULL;
	*length_out = read_at(fd, bytes, (size_t)length, at);
	bytes[*length_out] = '\0';
	return bytes;
}

/* glibc ends it with a new line. */
static void
end_message(char *message, size_t size)
{
	size_t length = strnlen(message, size - 1);

	while (length > 0 && message[length - 1] == '\n')
		length--;
	message[length] = '\0';
}

static void
make_sound(struct crash_record *crash)
{
	end_message(crash->message, sizeof(crash->message));
	crash->request_id[sizeof(crash->request_id) - 1] = '\0';
	crash->handler[sizeof(crash->handler) - 1] = '\0';
	crash->hook[sizeof(crash->hook) - 1] = '\0';
	if (crash->register_count > CRASH_REGISTERS)
		crash->register_count = CRASH_REGISTERS;
}

static int
read_head(int fd, uint64_t size, struct crash_record *crash, struct err *err)
{
	if (size < sizeof(*crash) ||
	    read_at(fd, crash, sizeof(*crash), 0) < sizeof(*crash))
		return err_set(err, "there is no whole record of the crash");
	if (crash->magic != CRASH_MAGIC)
		return err_set(err, "the record of the crash is not whole");
	make_sound(crash);
	return 0;
}

int
wit_record_read(int fd, struct wit_record *out, struct err *err)
{
	struct crash_record *crash = &out->crash;
	struct stat status;
	uint64_t size;
	size_t length;

	memset(out, 0, sizeof(*out));
	if (fstat(fd, &status) < 0)
		return err_sys(err, "the record of the crash");
	size = status.st_size > 0 ? (uint64_t)status.st_size : 0;
	if (read_head(fd, size, crash, err) < 0)
		return -1;
	out->stack = read_section(fd, size, crash->stack_at,
	    crash->stack_length, CRASH_STACK_MAX, &out->stack_length);
	out->maps_text = read_section(fd, size, crash->maps_at,
	    crash->maps_length, CRASH_MAPS_MAX, &length);
	if (out->maps_text == NULL) {
		err_set(&out->trouble, "the record has no map of the memory");
		return 0;
	}
	if (wit_maps_parse(out->maps_text, length, &out->maps) < 0)
		return err_sys(err, "the map of the memory");
	return 0;
}

void
wit_record_finish(struct wit_record *record)
{
	free(record->stack);
	free(record->maps_text);
	wit_maps_finish(&record->maps);
	record->stack = NULL;
	record->maps_text = NULL;
}

bool
wit_record_word(const struct wit_record *record, uint64_t address,
    uint64_t *word_out)
{
	uint64_t from = record->crash.stack_pointer;

	if (address < from || record->stack_length < sizeof(*word_out) ||
	    address - from > record->stack_length - sizeof(*word_out))
		return false;
	memcpy(word_out, record->stack + (address - from), sizeof(*word_out));
	return true;
}

static uint64_t
register_of(const struct crash_record *crash, unsigned number, uint64_t other)
{
	return number < crash->register_count ? crash->registers[number] :
	    other;
}

uint64_t
wit_record_stack_pointer(const struct crash_record *crash)
{
	return register_of(crash, STACK_POINTER, crash->stack_pointer);
}

uint64_t
wit_record_frame_pointer(const struct crash_record *crash)
{
	return register_of(crash, FRAME_POINTER, 0);
}
