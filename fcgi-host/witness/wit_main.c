/*
 * wit_main.c - reads or attaches, prints one JSON object.
 *
 * Runs in: witness.
 * Owns: nothing.
 * Invariant: whatever it was given, it prints one object or its last words, and
 * exits with 0.
 */
#include "witness/wit_main.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"
#include "wire/wire_text.h"
#include "witness/wit.h"

#define RECORD_FD	3
#define MEMORY_MAX	((rlim_t)2 << 30)
#define PATIENCE_S	6	/* less than the supervisor has */
#define LATE "unwinding failed or took too long: there is no backtrace"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool	memory_is_bounded = false;	/* shadows are huge */
#else
static const bool	memory_is_bounded = true;
#endif

static int
print(struct json_object *report)
{
	const char *text = report == NULL ? "{}" :
	    json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL || io_write_all(STDOUT_FILENO, text,
	    strlen(text)) < 0 || io_write_all(STDOUT_FILENO, "\n", 1) < 0)
		return -1;
	return 0;
}

/* What is printed if what follows goes wrong; until that is over it is kept. */
static char	*last_words;

static void
prepare_last_words(const struct wit_record *record)
{
	struct json_object *report = wit_report(record);
	const char *text;

	if (report == NULL)
		return;
	wit_report_add_error(report, LATE);
	text = json_object_to_json_string_ext(report,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	last_words = text != NULL ? strdup(text) : NULL;
	if (last_words != NULL)
		wit_last_words(last_words);
	json_object_put(report);
}

static void
add_backtrace(const struct wit_record *record, struct json_object *report)
{
	struct wit_debug *debug = wit_debug_create(record);
	struct wit_unwound unwound;

	if (debug == NULL) {
		wit_report_add_error(report, "there is no backtrace: libdw");
		return;
	}
	wit_unwind(debug, &unwound);
	json_object_object_add(report, "backtrace",
	    wit_symbols(debug, &unwound));
	json_object_object_add(report, "unwound",
	    json_object_new_string(unwound.how));
	wit_debug_destroy(debug);
}

/* An exit() has no place: its stack is of the code that catches it. */
static struct json_object *
describe(const struct wit_record *record)
{
	struct json_object *report;

	prepare_last_words(record);
	report = wit_report(record);
	if (report != NULL && record->crash.register_count > 0)
		add_backtrace(record, report);
	return report;
}

static int
get_record(int argc, char **argv, struct wit_record *record, struct err *err)
{
	int64_t pid;

	if (argc == 2 && strcmp(argv[1], "crash") == 0)
		return wit_record_read(RECORD_FD, record, err);
	if (argc == 3 && strcmp(argv[1], "slow") == 0 &&
	    wire_parse_number(argv[2], strlen(argv[2]), &pid) == 0 &&
	    pid > 0 && pid < INT32_MAX)
		return wit_attach((pid_t)pid, record, err);
	memset(record, 0, sizeof(*record));
	return err_set(err, "usage: fcgi-host witness crash | slow PID");
}

/* What it reads may be made to harm it. */
static void
give_up_rights(void)
{
	const struct rlimit no_core = { 0, 0 };
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	setrlimit(RLIMIT_CORE, &no_core);
	if (memory_is_bounded)
		setrlimit(RLIMIT_DATA, &memory);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int
wit_main(int argc, char **argv)
{
	static struct wit_record record;
	struct json_object *report;
	struct err err = { "" };
	int rc;

	log_init("witness");
	give_up_rights();
	wit_last_words("{\"error\":\"" LATE "\"}\n");
	wit_last_words_begin(PATIENCE_S);
	if (get_record(argc, argv, &record, &err) < 0)
		report = wit_report_error(err.text);
	else
		report = describe(&record);
	wit_last_words_end();
	free(last_words);
	rc = print(report);
	json_object_put(report);
	wit_record_finish(&record);
	return rc == 0 ? 0 : EXIT_CODE_SYSTEM;
}
