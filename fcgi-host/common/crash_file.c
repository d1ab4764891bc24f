/*
 * crash_file.c - crash reports in state_dir/crashes, as they are read.
 *
 * Runs in: supervisor, the tools.
 * Owns: nothing.
 * Invariant: whatever lies in the folder costs a bounded amount of memory and
 * never blocks; no link is followed.
 */
#include "common/crash_file.h"

#include <sys/stat.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

/* ------------------------------------------------------------------ names */

void
crash_file_name(uint32_t number, char out[CRASH_FILE_NAME_MAX])
{
	snprintf(out, CRASH_FILE_NAME_MAX, "%u.json", (unsigned)number);
}

bool
crash_file_number(const char *name, uint32_t *number_out)
{
	char same[CRASH_FILE_NAME_MAX];
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)name[0]))
		return false;
	errno = 0;
	number = strtoul(name, &end, 10);
	if (errno != 0 || number == 0 || number > CRASH_NUMBER_MAX)
		return false;
	crash_file_name((uint32_t)number, same);
	*number_out = (uint32_t)number;
	return strcmp(name, same) == 0;
}

/* ------------------------------------------------------------- the folder */

/* Into its place; the lowest falls out of a full list. */
static size_t
insert(uint32_t *numbers, size_t count, uint32_t number)
{
	size_t at = count;

	while (at > 0 && numbers[at - 1] < number)
		at--;
	if (at == CRASH_FILES_MAX)
		return count;
	if (count == CRASH_FILES_MAX)
		count--;
	memmove(numbers + at + 1, numbers + at,
	    (count - at) * sizeof(*numbers));
	numbers[at] = number;
	return count + 1;
}

size_t
crash_file_list(int folder, uint32_t numbers_out[CRASH_FILES_MAX],
    void (*other)(void *context, const char *name), void *context)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;
	uint32_t number;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL)
		if (crash_file_number(entry->d_name, &number))
			count = insert(numbers_out, count, number);
		else if (other != NULL && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			other(context, entry->d_name);
	closedir(dir);
	return count;
}

/* --------------------------------------------------------------- a report */

static int
check(int fd, uid_t owner, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return err_sys(err, "it cannot be read");
	if (!S_ISREG(status.st_mode))
		return err_set(err, "it is no regular file");
	if (status.st_uid != geteuid() && status.st_uid != owner)
		return err_set(err, "it belongs to user %u",
		    (unsigned)status.st_uid);
	if (status.st_size > (off_t)CRASH_FILE_MAX)
		return err_set(err, "it has %lld bytes, and a report at most "
		    "%u", (long long)status.st_size, CRASH_FILE_MAX);
	return 0;
}

/* Up to CRASH_FILE_MAX bytes, NUL-terminated.  NULL with errno. */
static char *
read_text(int fd, size_t *length_out)
{
	char *text = malloc(CRASH_FILE_MAX + 1);
	size_t have = 0;
	ssize_t got = 1;

	while (text != NULL && got != 0 && have < CRASH_FILE_MAX) {
		got = read(fd, text + have, CRASH_FILE_MAX - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(text);
			return NULL;
		}
		have += (size_t)got;
	}
	*length_out = have;
	if (text != NULL)
		text[have] = '\0';
	return text;
}

static bool
is_blank(const char *text, size_t length)
{
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	return length == 0;
}

static struct json_object *
parse(const char *text, size_t length, struct err *err)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *report = NULL;
	size_t used = 0;

	if (tokener == NULL) {
		err_sys(err, "it cannot be read");
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	report = json_tokener_parse_ex(tokener, text, (int)length);
	used = json_tokener_get_parse_end(tokener);
	if (report == NULL && length == 0)
		err_set(err, "it is empty");
	else if (report == NULL)
		err_set(err, "it is no JSON: %s at byte %zu",
		    json_tokener_error_desc(json_tokener_get_error(tokener)),
		    used);
	else if (!json_object_is_type(report, json_type_object) ||
	    !is_blank(text + used, length - used)) {
		err_set(err, "it is not one JSON object");
		json_object_put(report);
		report = NULL;
	}
	json_tokener_free(tokener);
	return report;
}

static char *
normalize(const char *text, size_t length, uint32_t number, struct err *err)
{
	struct json_object *report = parse(text, length, err);
	char *line = NULL;
	const char *printed;

	if (report == NULL)
		return NULL;
	json_object_object_add(report, "number",
	    json_object_new_int64(number));
	printed = json_object_to_json_string_ext(report,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (printed != NULL)
		line = strdup(printed);
	if (line == NULL)
		err_sys(err, "it cannot be read");
	json_object_put(report);
	return line;
}

char *
crash_file_read(int folder, uint32_t number, uid_t owner, struct err *err)
{
	char name[CRASH_FILE_NAME_MAX], *text = NULL, *line = NULL;
	size_t length;
	int fd;

	crash_file_name(number, name);
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		err_set(err, "it is a symbolic link");
	else if (fd < 0)
		err_sys(err, "it cannot be opened");
	if (fd < 0)
		return NULL;
	if (check(fd, owner, err) == 0) {
		text = read_text(fd, &length);
		if (text == NULL)
			err_sys(err, "it cannot be read");
	}
	close(fd);
	if (text != NULL)
		line = normalize(text, length, number, err);
	free(text);
	return line;
}

void
crash_file_capture(const char *text, char out[CAPTURE_NAME_MAX])
{
	struct json_object *report = json_tokener_parse(text);
	const char *path = report == NULL ? NULL : json_object_get_string(
	    json_object_object_get(report, "capture"));
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	out[0] = '\0';
	if (name != NULL && capture_is_name(name))
		snprintf(out, CAPTURE_NAME_MAX, "%s", name);
	json_object_put(report);
}
