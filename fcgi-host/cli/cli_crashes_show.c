/*
 * cli_crashes_show.c - crash reports as a table and as a page.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: no byte of a report reaches the terminal that it would obey.
 */
#include "cli/cli_crashes.h"

#include <json-c/json.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH	14
#define REGISTERS_A_LINE 3

/* ------------------------------------------------------------- what is safe */

/* The length of the UTF-8 character at `text`; 0: there is none. */
static size_t
character_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 :
	    text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Of one character: is it of C0 or C1, or DEL? */
static bool
is_control(const unsigned char *text)
{
	return text[0] < ' ' || text[0] == 0x7f ||
	    (text[0] == 0xc2 && text[1] < 0xa0);
}

void
cli_print_safely(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t length = character_length(at);
		bool safe = length > 0 && !is_control(at);

		for (size_t i = 0; i < (length > 0 ? length : 1); i++)
			if (safe)
				putc(*at++, out);
			else
				fprintf(out, "\\x%02x", *at++);
	}
}

void
cli_print_json_safely(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at != '\0'; at++)
		if (*at == 0x7f)
			fprintf(out, "\\u007f");
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			fprintf(out, "\\u%04x", *++at);
		else
			putc(*at, out);
}

/* ------------------------------------------------------------------ members */

static struct json_object *
member(struct json_object *object, const char *key)
{
	return json_object_is_type(object, json_type_object) ?
	    json_object_object_get(object, key) : NULL;
}

/* Of any type; "" where there is none. */
static const char *
text_of(struct json_object *object, const char *key)
{
	struct json_object *value = member(object, key);

	return value == NULL ? "" : json_object_get_string(value);
}

static size_t
length_of(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ?
	    json_object_array_length(array) : 0;
}

/* `before`, the text and `after`, or nothing if there is no text. */
static void
print_part(const char *before, const char *text, const char *after)
{
	if (text[0] == '\0')
		return;
	fputs(before, stdout);
	cli_print_safely(stdout, text);
	fputs(after, stdout);
}

static void
print_label(const char *label)
{
	printf("  %-*s", LABEL_WIDTH, label);
}

static void
print_row(struct json_object *report, const char *label, const char *key)
{
	const char *text = text_of(report, key);

	if (text[0] == '\0')
		return;
	print_label(label);
	print_part("", text, "\n");
}

/* ---------------------------------------------------------------- the table */

static void
print_cell(struct json_object *report, const char *key, int width)
{
	const char *text = text_of(report, key);
	char *safe = NULL;
	size_t size;
	FILE *out = open_memstream(&safe, &size);

	if (out == NULL)
		return;
	cli_print_safely(out, text[0] == '\0' ? "-" : text);
	if (fclose(out) == 0)
		printf("%-*s  ", width, safe);
	free(safe);
}

void
cli_crashes_table(struct json_object *root)
{
	struct json_object *list = member(root, "crashes");

	printf("%-6s  %-20s  %-10s  %-16s  %-24s  %s\n", "CRASH", "TIME",
	    "PROCESS", "HANDLER", "ROUTE", "WHAT");
	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *report = json_object_array_get_idx(list,
		    i);

		print_cell(report, "number", 6);
		print_cell(report, "time", 20);
		print_cell(report, "process", 10);
		print_cell(report, "handler", 16);
		print_cell(report, "route", 24);
		print_part("", text_of(report, "what"), "");
		printf("\n");
	}
}

/* ----------------------------------------------------------------- the page */

/* Members that have a place of their own; the others follow as they are. */
static const char *const placed[] = {
	"number", "what", "time", "process", "pid", "generation", "handler",
	"file", "build_id", "version", "route", "method", "uri", "request_id",
	"age_ms", "run_ms", "signal", "code", "address", "message",
	"exit_status", "core", "capture", "others", "backtrace", "registers",
	"lived_ms", "in_finish", "hook"
};

static bool
is_placed(const char *key)
{
	for (size_t i = 0; i < sizeof(placed) / sizeof(placed[0]); i++)
		if (strcmp(placed[i], key) == 0)
			return true;
	return false;
}

static void
print_process(struct json_object *report)
{
	print_label("process");
	print_part("", text_of(report, "process"), "");
	print_part(", process id ", text_of(report, "pid"), "");
	print_part(", of generation ", text_of(report, "generation"), "");
	print_part(", lived ", text_of(report, "lived_ms"), " ms");
	printf("\n");
}

static void
print_handler(struct json_object *report)
{
	if (text_of(report, "handler")[0] != '\0') {
		print_label("handler");
		print_part("", text_of(report, "handler"), "");
		print_part(" (", text_of(report, "file"), ")");
		printf("\n");
	}
	print_row(report, "build id", "build_id");
	print_row(report, "version", "version");
	print_row(report, "route", "route");
	print_row(report, "in", "hook");
	if (json_object_get_boolean(member(report, "in_finish"))) {
		print_label("in");
		printf("finish(), after the reply\n");
	}
}

static void
print_request(struct json_object *report)
{
	if (text_of(report, "method")[0] != '\0') {
		print_label("request");
		print_part("", text_of(report, "method"), " ");
		print_part("", text_of(report, "uri"), "");
		printf("\n");
	}
	print_row(report, "request id", "request_id");
	if (text_of(report, "age_ms")[0] == '\0')
		return;
	print_label("age");
	print_part("", text_of(report, "age_ms"), " ms");
	print_part(", of which it ran ", text_of(report, "run_ms"), " ms");
	printf("\n");
}

static void
print_end(struct json_object *report)
{
	if (text_of(report, "signal")[0] != '\0') {
		print_label("signal");
		print_part("", text_of(report, "signal"), "");
		print_part(", code ", text_of(report, "code"), "");
		print_part(", address ", text_of(report, "address"), "");
		printf("\n");
	}
	print_row(report, "exit status", "exit_status");
	print_row(report, "message", "message");
	print_row(report, "core", "core");
}

static void
print_rest(struct json_object *report)
{
	json_object_object_foreach(report, key, value) {
		if (value == NULL || is_placed(key))
			continue;
		print_part("  ", key, "");
		printf("%*s", (int)strlen(key) < LABEL_WIDTH ?
		    LABEL_WIDTH - (int)strlen(key) : 1, "");
		print_part("", json_object_get_string(value), "\n");
	}
}

static void
print_others(struct json_object *report)
{
	struct json_object *others = member(report, "others");

	if (length_of(others) == 0)
		return;
	printf("\nlost beside it, answered 503:\n");
	for (size_t i = 0; i < length_of(others); i++) {
		struct json_object *one = json_object_array_get_idx(others, i);

		print_part("  ", text_of(one, "method"), "");
		print_part(" ", text_of(one, "uri"), "");
		print_part("  ", text_of(one, "request_id"), "");
		printf("\n");
	}
}

static void
print_frame(size_t number, struct json_object *frame)
{
	const char *function = text_of(frame, "function");

	printf("  #%-3zu", number);
	print_part("", text_of(frame, "pc"), "  ");
	print_part("", function[0] == '\0' ? "??" : function, "");
	if (json_object_get_boolean(member(frame, "inlined")))
		printf(" (inlined)");
	if (text_of(frame, "source")[0] != '\0')
		print_part(" at ", text_of(frame, "source"), "");
	else
		print_part(" in ", text_of(frame, "module"), "");
	if (text_of(frame, "source")[0] == '\0')
		print_part(" + ", text_of(frame, "offset"), "");
	printf("\n");
}

static void
print_backtrace(struct json_object *report)
{
	struct json_object *frames = member(report, "backtrace");

	if (length_of(frames) == 0)
		return;
	printf("\nbacktrace, innermost first:\n");
	for (size_t i = 0; i < length_of(frames); i++)
		print_frame(i, json_object_array_get_idx(frames, i));
}

static void
print_registers(struct json_object *report)
{
	struct json_object *registers = member(report, "registers");
	unsigned count = 0;

	if (!json_object_is_type(registers, json_type_object) ||
	    json_object_object_length(registers) == 0)
		return;
	printf("\nregisters:");
	json_object_object_foreach(registers, key, value) {
		char name[8];

		snprintf(name, sizeof(name), "%s", key);
		printf(count++ % REGISTERS_A_LINE == 0 ? "\n  " : "  ");
		cli_print_safely(stdout, name);
		printf("%*s", (int)(6 - strlen(name)), "");
		print_cell(registers, key, 18);
		(void)value;
	}
	printf("\n");
}

static void
put_quoted(FILE *out, const char *path)
{
	putc('\'', out);
	for (; *path != '\0'; path++)
		if (*path == '\'')
			fputs("'\\''", out);
		else
			putc(*path, out);
	putc('\'', out);
}

/* For a shell. */
static void
print_quoted(const char *path)
{
	bool plain = path[strspn(path, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%")] == '\0';
	char *text = NULL;
	size_t size;
	FILE *out = plain ? NULL : open_memstream(&text, &size);

	if (plain)
		fputs(path, stdout);
	if (out == NULL)
		return;
	put_quoted(out, path);
	if (fclose(out) == 0)
		cli_print_safely(stdout, text);
	free(text);
}

static void
print_replay(struct json_object *report, const char *file)
{
	const char *capture = text_of(report, "capture");

	if (capture[0] == '\0' && text_of(report, "method")[0] == '\0')
		return;
	if (capture[0] == '\0') {
		printf("\nIts request was not kept: capture_crashed = true "
		    "keeps those of later crashes.\n");
		return;
	}
	printf("\nto run its request again, without a web server:\n"
	    "  gdb --args fcgi-host call -c ");
	print_quoted(file);
	printf(" --request ");
	print_quoted(capture);
	printf("\n");
}

void
cli_crashes_report(struct json_object *report, const char *file)
{
	printf("crash ");
	print_part("", text_of(report, "number"), "");
	print_part(": ", text_of(report, "what"), "");
	printf("\n");
	print_row(report, "time", "time");
	print_process(report);
	print_handler(report);
	print_request(report);
	print_end(report);
	print_rest(report);
	print_others(report);
	print_backtrace(report);
	print_registers(report);
	print_replay(report, file);
}
