/*
 * sup_slow_line.c - a witness's frames as one line.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: pure; a report may lack any member, or have it of another type.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/sup_slow.h"

#define FRAMES_SHOWN	10

struct line {
	char	*at;
	size_t	 left;
};

static void __attribute__((format(printf, 2, 3)))
add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->at, line->left, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	if ((size_t)length >= line->left)
		length = line->left > 0 ? (int)line->left - 1 : 0;
	line->at += length;
	line->left -= (size_t)length;
}

/* NULL: it is not there. */
static const char *
text_of(struct json_object *frame, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(frame, json_type_object) ||
	    !json_object_object_get_ex(frame, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static const char *
without_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Its file is a copy in a generation's folder (sup_store.h). */
static bool
is_of_handler(struct json_object *frame)
{
	const char *module = text_of(frame, "module");

	return module != NULL && strstr(module, "/generations/") != NULL &&
	    strstr(module, "/handlers/") != NULL;
}

static struct json_object *
frames_of(struct json_object *report)
{
	struct json_object *frames;

	if (!json_object_is_type(report, json_type_object) ||
	    !json_object_object_get_ex(report, "backtrace", &frames) ||
	    !json_object_is_type(frames, json_type_array))
		return NULL;
	return frames;
}

/* Up to the outermost one of a handler; 0: there is none. */
static size_t
count_to_handler(struct json_object *frames)
{
	for (size_t i = json_object_array_length(frames); i > 0; i--)
		if (is_of_handler(json_object_array_get_idx(frames, i - 1)))
			return i;
	return 0;
}

bool
sup_slow_is_of_handler(struct json_object *report)
{
	struct json_object *frames = frames_of(report);

	return frames != NULL && count_to_handler(frames) > 0;
}

/* "work (file.c:12)", "work (libc.so.6)" or "libc.so.6+0x1234". */
static void
add_frame(struct line *line, struct json_object *frame)
{
	const char *function = text_of(frame, "function");
	const char *source = text_of(frame, "source");
	const char *module = text_of(frame, "module");
	const char *offset = text_of(frame, "offset");
	const char *pc = text_of(frame, "pc");

	if (function != NULL && (source != NULL || module != NULL))
		add(line, "%s (%s)", function,
		    without_folder(source != NULL ? source : module));
	else if (function != NULL)
		add(line, "%s", function);
	else if (module != NULL && offset != NULL)
		add(line, "%s+%s", without_folder(module), offset);
	else
		add(line, "%s", pc != NULL ? pc : "?");
}

/* Of many the innermost ones, and those nearest to serve(). */
void
sup_slow_line(struct json_object *report, char *out, size_t size)
{
	struct json_object *frames = frames_of(report);
	struct line line = { out, size };
	size_t count, all;

	out[0] = '\0';
	if (frames == NULL)
		return;
	all = json_object_array_length(frames);
	count = count_to_handler(frames);
	if (count == 0)
		count = all;
	for (size_t i = 0; i < count; i++) {
		if (count > FRAMES_SHOWN && i == FRAMES_SHOWN / 2) {
			add(&line, " < ...");
			i = count - FRAMES_SHOWN / 2;
		}
		add(&line, "%s", i > 0 ? " < " : "");
		add_frame(&line, json_object_array_get_idx(frames, i));
	}
}
