/*
 * clerk_end.c - what came of an attempt is judged and kept.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: a result that cannot be kept because the database is away is kept
 * when it is back, unless another attempt was begun since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "clerk/clerk.h"
#include "clerk/clerk_hook.h"
#include "common/log.h"
#include "wire/wire_text.h"

static bool
is_named(struct wire_span name, const char *wanted)
{
	return name.length == strlen(wanted) &&
	    strncasecmp(name.at, wanted, name.length) == 0;
}

static void
take_type(struct wire_span value, char *out, size_t size)
{
	size_t length = value.length < size ? value.length : size - 1;

	for (size_t i = 0; i < length; i++)
		out[i] = value.at[i] >= ' ' && value.at[i] <= '~' ?
		    value.at[i] : '?';
	out[length] = '\0';
}

/* The header of a CGI reply; what is left of it is the body. */
static void
parse_reply(struct clerk_run *run, char *type, size_t type_size)
{
	const char *cursor = (const char *)run->reply.at + run->reply.begin;
	const char *end = cursor + clerk_bytes_left(&run->reply);
	struct wire_span name, value;
	int64_t seconds;
	int got;

	run->end.status = 200;
	while ((got = wire_cgi_header_next(&cursor, end, &name, &value)) ==
	    1) {
		if (is_named(name, "Status"))
			run->end.status = wire_cgi_status(value.at,
			    value.length);
		else if (is_named(name, "Content-Type"))
			take_type(value, type, type_size);
		else if (is_named(name, "Retry-After") && wire_parse_number(
		    value.at, value.length, &seconds) == 0)
			run->end.retry_after_ms = seconds > 86400 ? 86400000 :
			    (uint64_t)seconds * 1000;
	}
	run->end.malformed |= got != 0 || run->end.status < 0;
	run->reply.begin = (size_t)(cursor - (const char *)run->reply.at);
}

/* Why there is no reply of the handler's to show. */
static const char *
why(const struct clerk_run *run)
{
	if (run->end.too_large)
		return "The reply is larger than jobs_result_limit.";
	if (run->claim.tries.attempts > run->claim.tries.max)
		return "The machines that ran it did not come to its end.";
	return "The handler did not end its reply.";
}

/* Our own document in its place. */
static void
replace_reply(struct clerk_run *run, char *type, size_t type_size)
{
	char text[API_PROBLEM_MAX];
	size_t length = api_problem(text, sizeof(text), 500, run->claim.id,
	    false, "", "%s", why(run));
	const char *body = strstr(text, "\r\n\r\n");

	run->reply.begin = run->reply.end = 0;
	run->end.status = 500;
	snprintf(type, type_size, "application/problem+json");
	if (body != NULL)
		clerk_bytes_put(&run->reply, body + 4, length -
		    (size_t)(body + 4 - text));
}

static struct clerk_verdict
judge(const struct clerk_run *run)
{
	if (run->cancelled)
		return (struct clerk_verdict){ .state = CLERK_CANCELLED,
		    .counts = true };
	if (run->claim.tries.attempts > run->claim.tries.max)
		return (struct clerk_verdict){ .state = CLERK_FAILED };
	return clerk_judge(&run->end, &run->claim.tries,
	    (uint32_t)uv_hrtime());
}

/* What a reply says is of use only where the handler gave one. */
static void
fill_result(struct clerk_run *run, struct clerk_result *result, char *type,
    size_t type_size)
{
	size_t limit = run->clerk->config->jobs_result_limit;

	type[0] = '\0';
	if (run->end.whole && !run->end.too_large)
		parse_reply(run, type, type_size);
	run->end.too_large |= clerk_bytes_left(&run->reply) > limit;
	result->verdict = judge(run);
	if (run->cancelled || !result->verdict.counts)
		if (result->verdict.state != CLERK_FAILED)
			return;
	if (run->end.too_large || run->end.malformed || !run->end.whole)
		replace_reply(run, type, type_size);
	result->status = run->end.status;
	result->type = type;
	result->body = run->reply.at + run->reply.begin;
	result->length = clerk_bytes_left(&run->reply);
}

/* "ended with 500". */
static const char *
how(const struct clerk_run *run, char text[32])
{
	if (!run->end.any)
		return "was broken off";
	snprintf(text, 32, "ended with %d", run->end.status);
	return text;
}

static void
log_end(const struct clerk_run *run, const struct clerk_result *result,
    bool kept)
{
	char text[32];

	if (!kept)
		log_warnx("job %s: the lease was over, another attempt counts: "
		    "this result is thrown away", run->claim.id);
	else if (result->verdict.state == CLERK_QUEUED)
		log_info("job %s (%s): attempt %u %s; again in %llu ms",
		    run->claim.id, run->claim.route,
		    run->claim.tries.attempts, how(run, text),
		    (unsigned long long)result->verdict.delay_ms);
	else
		log_debug("job %s (%s): %s with %d", run->claim.id,
		    run->claim.route, clerk_state_name(result->verdict.state,
		    1), run->end.status);
}

void
clerk_run_save(struct clerk_run *run)
{
	struct clerk *clerk = run->clerk;
	struct clerk_result result = { .status = 0 };
	char type[128], id[CLERK_ID_MAX];
	bool kept = false;

	if (run->lost) {
		clerk_run_free(run);
		return;
	}
	fill_result(run, &result, type, sizeof(type));
	result.progress = &run->progress;
	if (!clerk->store.up || clerk_store_finish(&clerk->store,
	    run->claim.id, run->claim.token, &result, &kept) < 0) {
		run->reply.begin = 0;	/* to be read once more */
		clerk_away(clerk);
		return;
	}
	log_end(run, &result, kept);
	memcpy(id, run->claim.id, sizeof(id));
	clerk_run_free(run);
	clerk_changed(clerk, id);
	clerk_hook_pump(clerk);
}
