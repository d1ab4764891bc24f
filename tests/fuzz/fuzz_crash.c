/*
 * fuzz_crash.c - any bytes as what a crashed process left behind.
 *
 * Runs in: make check, libFuzzer.
 * Owns: a nameless file in memory.
 * Invariant: no record reads outside its sections; what is said of it is valid,
 * bounded JSON.  No file that its map names is opened here.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "witness/wit.h"

#define REPORT_MAX	16384	/* without frames */

static void
check_maps(const struct wit_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct wit_map *map = &maps->list[i];

		CHECK(map->start < map->end);
		CHECK(i == 0 || map->start >= map[-1].end);
		CHECK(wit_maps_find(maps, map->start) == map);
		CHECK(wit_maps_find(maps, map->end - 1) == map);
		CHECK(wit_maps_before(maps, map->end) == map);
	}
}

static void
check_words(const struct wit_record *record)
{
	uint64_t at = record->crash.stack_pointer, word;
	size_t length = record->stack_length;

	CHECK(length <= CRASH_STACK_MAX);
	CHECK(wit_record_word(record, at, &word) == (length >= 8));
	CHECK(!wit_record_word(record, at - 1, &word) ||
	    at == 0);
	CHECK(!wit_record_word(record, at + length - 7, &word) ||
	    length < 8);
	wit_record_word(record, wit_record_frame_pointer(&record->crash),
	    &word);
}

static void
check_report(const struct wit_record *record)
{
	struct json_object *report = wit_report(record), *again;
	const char *text = json_object_to_json_string(report);
	struct json_tokener *tokener = json_tokener_new();

	CHECK(text != NULL && strlen(text) < REPORT_MAX);
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	again = json_tokener_parse_ex(tokener, text, (int)strlen(text));
	CHECK(json_object_is_type(again, json_type_object));
	json_tokener_free(tokener);
	json_object_put(again);
	json_object_put(report);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct wit_record record;
	struct err err = { "" };

	if (fd < 0)
		fd = memfd_create("fuzz_crash", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)size) == 0);
	CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	if (wit_record_read(fd, &record, &err) == 0) {
		CHECK(record.crash.register_count <= CRASH_REGISTERS);
		check_maps(&record.maps);
		check_words(&record);
		check_report(&record);
	} else
		CHECK(err.text[0] != '\0');
	wit_record_finish(&record);
	return 0;
}
