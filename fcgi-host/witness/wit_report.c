/*
 * wit_report.c - the document that says what happened.
 *
 * Runs in: witness.
 * Owns: nothing; documents are their caller's.
 * Invariant: all that comes from a record is made valid UTF-8 without control
 * characters, and is cut at WIT_TEXT_MAX bytes.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/child.h"
#include "common/sandbox.h"
#include "witness/wit.h"

/* The length of the character at `text`, 0 if there is no valid one. */
static size_t
character_length(const unsigned char *text)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 :
	    text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
	uint32_t value = text[0];

	if (length <= 1)
		return length;
	value &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < lowest[length] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return length;
}

struct json_object *
wit_text(const char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	char out[WIT_TEXT_MAX];
	size_t length, used = 0;

	while (from != NULL && *from != '\0') {
		length = character_length(from);
		if (used + (length == 0 ? 1 : length) > sizeof(out))
			break;
		if (length == 0 || *from < ' ' || *from == 0x7f)
			out[used++] = '?';
		else {
			memcpy(out + used, from, length);
			used += length;
		}
		from += length == 0 ? 1 : length;
	}
	return json_object_new_string_len(out, (int)used);
}

struct json_object *
wit_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_object_new_string(text);
}

static void
add_text(struct json_object *report, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_object_object_add(report, key, wit_text(text));
}

static void
add_signal(struct json_object *report, const struct crash_record *crash)
{
	char name[32];

	child_signal_name(crash->signal, name, sizeof(name));
	add_text(report, "signal", name);
	json_object_object_add(report, "code",
	    json_object_new_int(crash->code));
	json_object_object_add(report, "address", wit_address(crash->address));
}

static void
add_syscall(struct json_object *report, const struct crash_record *crash,
    const char *name)
{
	const uint64_t *arguments = crash->syscall_arguments;
	char text[256];

	snprintf(text, sizeof(text), "%s(0x%" PRIx64 ", 0x%" PRIx64 ", 0x%"
	    PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ")", name,
	    arguments[0], arguments[1], arguments[2], arguments[3],
	    arguments[4], arguments[5]);
	add_text(report, "system_call", text);
}

static void
add_registers(struct json_object *report, const struct crash_record *crash)
{
	struct json_object *registers;

	if (crash->register_count == 0)
		return;
	registers = json_object_new_object();
	for (unsigned i = 0; i < crash->register_count &&
	    wit_register_name(i) != NULL; i++)
		json_object_object_add(registers, wit_register_name(i),
		    wit_address(crash->registers[i]));
	json_object_object_add(registers, "pc",
	    wit_address(crash->program_counter));
	json_object_object_add(report, "registers", registers);
}

static void
add_stop(struct json_object *report, const struct wit_record *record)
{
	json_object_object_add(report, "at_ms",
	    json_object_new_int64((int64_t)record->at_ms));
	json_object_object_add(report, "stopped_us",
	    json_object_new_int64((int64_t)(record->stopped_ns / 1000)));
}

struct json_object *
wit_report(const struct wit_record *record)
{
	const struct crash_record *crash = &record->crash;
	struct json_object *report = json_object_new_object();
	char name[64], what[WIT_WORDS_MAX], advice[256] = "";
	bool refused = crash->kind == CRASH_SIGNAL &&
	    crash->signal == SIGSYS;

	wit_syscall_name(crash->syscall, name, sizeof(name));
	if (crash->kind == CRASH_SIGNAL)
		add_signal(report, crash);
	if (refused)
		sandbox_advise(crash->syscall, sandbox_knows(name) ? name :
		    NULL, crash->syscall_arguments, advice, sizeof(advice));
	wit_words(crash, &record->maps, name, refused ? advice : NULL, what,
	    sizeof(what));
	add_text(report, "what", what);
	add_text(report, "handler", crash->handler);
	add_text(report, "hook", crash->hook);
	if (crash->kind == CRASH_SIGNAL)
		add_text(report, "message", crash->message);
	if (refused)
		add_syscall(report, crash, name);
	add_registers(report, crash);
	if (crash->kind == CRASH_SLOW)
		add_stop(report, record);
	if (record->trouble.text[0] != '\0')
		wit_report_add_error(report, record->trouble.text);
	return report;
}

struct json_object *
wit_report_error(const char *why)
{
	struct json_object *report = json_object_new_object();

	wit_report_add_error(report, why);
	return report;
}

void
wit_report_add_error(struct json_object *report, const char *why)
{
	struct json_object *before;
	char all[WIT_WORDS_MAX];

	if (json_object_object_get_ex(report, "error", &before)) {
		snprintf(all, sizeof(all), "%s; %s",
		    json_object_get_string(before), why);
		why = all;
	}
	json_object_object_add(report, "error", wit_text(why));
}
