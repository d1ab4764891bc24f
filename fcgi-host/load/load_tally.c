/*
 * load_tally.c - what came of the requests.
 *
 * Runs in: the tools.
 * Owns: struct load_tally and its histograms.
 * Invariant: at the end every request that was due in the measured time is
 * counted once: by its status, as a fault, or as open.
 */
#include "load/load.h"

#include <stdlib.h>
#include <string.h>

const char *const	load_fault_words[LOAD_FAULTS] = {
	"connection lost", "too late", "no reply", "not sent"
};

/* ------------------------------------------------------------- to and fro */

static size_t
result_count(const struct load_tally *tally)
{
	return tally->scenario->route_count + 1;
}

static int
init_result(struct load_result *result)
{
	result->counts = calloc(times_length(), sizeof(int64_t));
	result->service = calloc(times_length(), sizeof(int64_t));
	result->window = calloc(times_length(), sizeof(int64_t));
	return result->counts == NULL || result->service == NULL ||
	    result->window == NULL ? -1 : 0;
}

/* A second, or what makes so many points of the whole. */
static uint32_t
step_of(const struct load_plan *plan)
{
	uint32_t step = (plan->end_us - plan->measured_us) / LOAD_POINTS;

	return step < 1000000 ? 1000000 : step;
}

int
load_tally_init(struct load_tally *tally, const struct load_scenario *scenario,
    const struct load_plan *plan)
{
	int rc = 0;

	*tally = (struct load_tally){ .scenario = scenario, .plan = plan,
		.step_us = step_of(plan) };
	tally->users = calloc(plan->user_count + 1, sizeof(*tally->users));
	tally->results = calloc(result_count(tally), sizeof(*tally->results));
	tally->lag = calloc(times_length(), sizeof(int64_t));
	if (tally->users == NULL || tally->results == NULL ||
	    tally->lag == NULL)
		return -1;
	for (size_t i = 0; i < result_count(tally); i++) {
		if (init_result(&tally->results[i]) < 0)
			rc = -1;
		tally->results[i].now.at_us = plan->measured_us;
	}
	return rc;
}

void
load_tally_free(struct load_tally *tally)
{
	for (size_t i = 0; tally->results != NULL &&
	    i < result_count(tally); i++) {
		free(tally->results[i].counts);
		free(tally->results[i].service);
		free(tally->results[i].window);
	}
	free(tally->results);
	free(tally->users);
	free(tally->lag);
	*tally = (struct load_tally){ 0 };
}

/* ------------------------------------------------------------------ counts */

static void
record(int64_t *counts, uint64_t us)
{
	struct hdr_histogram histogram;

	times_init(&histogram, counts);
	times_record(&histogram, us * 1000);
}

/* A piece of time is over: what its replies took. */
static void
close_point(struct load_result *result, uint32_t step_us)
{
	struct load_point *point = &result->now;
	size_t room = sizeof(result->points) / sizeof(result->points[0]);

	point->p50_us = (uint32_t)times_percentile(result->window, 50);
	point->p99_us = (uint32_t)times_percentile(result->window, 99);
	if (result->point_count < room)
		result->points[result->point_count++] = *point;
	memset(result->window, 0, times_length() * sizeof(int64_t));
	*point = (struct load_point){ .at_us = point->at_us + step_us };
}

static void
reach(struct load_tally *tally, struct load_result *result, uint32_t at_us)
{
	size_t room = sizeof(result->points) / sizeof(result->points[0]);

	while (at_us >= result->now.at_us + tally->step_us &&
	    result->point_count < room)
		close_point(result, tally->step_us);
}

/* What one request was: `latency` from when it was due, `service` from when it
 * was sent. */
struct outcome {
	uint32_t	end_us;
	uint32_t	latency_us, service_us;
	unsigned	status;
	bool		held;
};

static bool
count_outcome(struct load_result *result, const struct outcome *outcome,
    uint64_t timeout_us)
{
	bool bad = true;

	if (outcome->status == 0) {
		result->faults[LOAD_LOST]++;
	} else {
		result->replies++;
		result->statuses[outcome->status]++;
		bad = outcome->status >= 400;
		if (!bad && outcome->latency_us > timeout_us) {
			result->faults[LOAD_LATE]++;
			bad = true;
		}
	}
	result->errors += bad;
	return bad;
}

static void
add_latency(struct load_result *result, uint32_t latency_us)
{
	record(result->counts, latency_us);
	result->sum_us += latency_us;
	if (latency_us > result->max_us)
		result->max_us = latency_us;
}

static void
add(struct load_tally *tally, struct load_result *result,
    const struct outcome *outcome)
{
	bool bad;

	reach(tally, result, outcome->end_us);
	result->due++;
	result->held += outcome->held;
	bad = count_outcome(result, outcome,
	    tally->scenario->timeout_ms * 1000);
	add_latency(result, outcome->latency_us);
	record(result->service, outcome->service_us);
	result->service_sum_us += outcome->service_us;
	record(result->window, outcome->latency_us);
	result->now.replies++;
	result->now.errors += bad;
	if (outcome->latency_us > result->now.max_us)
		result->now.max_us = outcome->latency_us;
}

/* ------------------------------------------------------------------- lines */

/* Up to four numbers and nothing else. */
static bool
read_numbers(const char *line, uint32_t out[4])
{
	for (int i = 0; i < 4; i++) {
		char *end;
		unsigned long long number;

		line += strspn(line, " ");
		if (*line < '0' || *line > '9')
			return false;
		number = strtoull(line, &end, 10);
		if (number > UINT32_MAX)
			return false;
		out[i] = (uint32_t)number;
		line = end;
	}
	return *line == '\0' || *line == '\n';
}

/* When the request was due; without a rate that is when it was sent.  What lies
 * between the time its user was free and was to send, and the sending, is the
 * generator's. */
static void
take(struct load_tally *tally, uint32_t number, uint32_t sent, uint32_t end,
    unsigned status)
{
	const struct load_user *user = &tally->plan->users[number];
	struct load_progress *progress = &tally->users[number];
	uint32_t due = user->loop ? sent : tally->plan->due[user->first +
	    progress->next];
	uint32_t could = due > progress->end_us ? due : progress->end_us;
	uint32_t lag = sent > could ? sent - could : 0;
	struct outcome outcome = { end, end - due - lag, end - sent, status,
	    progress->end_us > due };

	progress->next++;
	progress->end_us = end;
	if (due < tally->plan->measured_us)
		return;
	record(tally->lag, lag);
	add(tally, &tally->results[user->route], &outcome);
	add(tally, &tally->results[tally->scenario->route_count], &outcome);
}

/* May this be the next one of the user? */
static bool
is_due(const struct load_tally *tally, const struct load_user *user,
    const uint32_t word[4])
{
	size_t next = tally->users[word[0]].next;

	if (word[3] != 0 && word[3] < 100)
		return false;
	return user->loop || (next < user->count &&
	    word[1] >= tally->plan->due[user->first + next]);
}

void
load_tally_line(struct load_tally *tally, const char *line)
{
	const struct load_plan *plan = tally->plan;
	const struct load_user *user;
	uint32_t word[4];

	tally->lines++;
	if (!read_numbers(line, word) || word[0] >= plan->user_count ||
	    word[2] < word[1] || word[3] >= LOAD_STATUSES) {
		tally->malformed++;
		return;
	}
	user = &plan->users[word[0]];
	if (user->loop && word[3] == LOAD_STATUS_DONE) {
		tally->users[word[0]].done = true;
		return;
	}
	if (!is_due(tally, user, word)) {
		tally->malformed++;
		return;
	}
	if (word[2] > tally->latest_us)
		tally->latest_us = word[2];
	take(tally, word[0], word[1], word[2], word[3]);
}

/* ----------------------------------------------------------------- the end */

bool
load_tally_is_whole(const struct load_tally *tally)
{
	const struct load_plan *plan = tally->plan;

	for (size_t i = 0; i < plan->user_count; i++) {
		const struct load_progress *progress = &tally->users[i];

		if (plan->users[i].loop ? !progress->done :
		    progress->next < plan->users[i].count)
			return false;
	}
	return true;
}

static void
count_missing(struct load_result *result, uint32_t waited_us,
    enum load_fault fault, bool interrupted)
{
	result->due++;
	add_latency(result, waited_us);
	if (interrupted) {
		result->open++;
	} else {
		result->faults[fault]++;
		result->errors++;
	}
}

static void
add_missing(struct load_tally *tally, uint32_t route, uint32_t due,
    uint32_t until, enum load_fault fault)
{
	if (due < tally->plan->measured_us || due >= until)
		return;
	count_missing(&tally->results[route], until - due, fault,
	    tally->interrupted);
	count_missing(&tally->results[tally->scenario->route_count],
	    until - due, fault, tally->interrupted);
}

/* The first is one that was sent; the others waited for it. */
static void
end_user(struct load_tally *tally, size_t number, uint32_t until_us)
{
	const struct load_user *user = &tally->plan->users[number];
	const struct load_progress *progress = &tally->users[number];
	enum load_fault fault = LOAD_UNANSWERED;

	if (user->loop && !progress->done)
		add_missing(tally, user->route, progress->end_us, until_us,
		    fault);
	for (size_t i = progress->next; i < user->count; i++) {
		add_missing(tally, user->route,
		    tally->plan->due[user->first + i], until_us, fault);
		fault = LOAD_UNSENT;
	}
}

void
load_tally_end(struct load_tally *tally, uint32_t until_us, bool interrupted)
{
	uint32_t end = until_us < tally->plan->end_us ? until_us :
	    tally->plan->end_us;

	tally->interrupted = interrupted;
	tally->measured_us = end > tally->plan->measured_us ?
	    end - tally->plan->measured_us : 0;
	for (size_t i = 0; i < tally->plan->user_count; i++)
		end_user(tally, i, until_us);
	for (size_t i = 0; i < result_count(tally); i++)
		if (tally->results[i].now.replies > 0)
			close_point(&tally->results[i], tally->step_us);
}

/* ----------------------------------------------------------------- figures */

struct load_figures
load_figures(const struct load_tally *tally, const struct load_result *result)
{
	double seconds = tally->measured_us / 1e6;
	double due = (double)result->due;
	struct load_figures out = {
		.p50 = (double)times_percentile(result->counts, 50),
		.p90 = (double)times_percentile(result->counts, 90),
		.p95 = (double)times_percentile(result->counts, 95),
		.p99 = (double)times_percentile(result->counts, 99),
		.p999 = (double)times_percentile(result->counts, 99.9),
		.max = (double)result->max_us,
		.service_p50 = (double)times_percentile(result->service, 50),
		.service_p99 = (double)times_percentile(result->service, 99),
	};

	if (result->due > 0) {
		out.mean = (double)result->sum_us / due;
		out.errors = (double)result->errors / due;
		out.held = (double)result->held / due;
	}
	if (seconds > 0)
		out.rate = (due - (double)result->errors -
		    (double)result->open) / seconds;
	return out;
}

double
load_lag_us(const struct load_tally *tally)
{
	return (double)times_percentile(tally->lag, 99);
}

/* Late by more than a twentieth of a usual reply, and by what can be seen. */
#define LAG_LEAST_US	2000

bool
load_is_generators(const struct load_tally *tally, char *why, size_t size)
{
	const struct load_result *all =
	    &tally->results[tally->scenario->route_count];
	double lag = load_lag_us(tally);
	double usual = (double)times_percentile(all->counts, 50);
	char text[2][LOAD_TIME_ROOM];

	if (lag < LAG_LEAST_US || lag < usual / 2)
		return false;
	snprintf(why, size, "the generator could not keep this rate here: one "
	    "in a hundred of its requests left it %s late or more, where a "
	    "reply takes %s.  So this is a result of the generator's; a lower "
	    "rate, fewer users or a machine of its own help",
	    load_show_time(lag, text[0]), load_show_time(usual, text[1]));
	return true;
}
