/*
 * clerk_ask.c - what is asked of jobs: how they are, their results, their end.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: a job is shown to whom it belongs and to nobody else, and one that
 * is not there looks the same as another's; who waits costs a connection and
 * no query until something has changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk.h"
#include "clerk/clerk_hook.h"
#include "wire/wire_text.h"

#define COMMENT_MS	15000	/* so that nobody between us ends a stream */

/* The one place that decides whose a job is.  One that was sent by nobody is
 * anybody's who knows its id, whether or not he says who he is. */
static bool
may_see(const struct clerk_client *client, const struct clerk_job *job)
{
	return job->owner[0] == '\0' ||
	    strcmp(client->head.owner, job->owner) == 0;
}

static bool
method_is(const struct clerk_client *client, const char *name)
{
	const struct wire_span *method = &client->request.method;

	return method->length == strlen(name) &&
	    memcmp(method->at, name, method->length) == 0;
}

/* Is it asked for events, by Accept?  The first type counts. */
static bool
wants_events(const struct clerk_client *client)
{
	static const char type[] = "text/event-stream";
	struct wire_span accept = clerk_client_param(client, "HTTP_ACCEPT");

	return accept.at != NULL && accept.length >= sizeof(type) - 1 &&
	    strncmp(accept.at, type, sizeof(type) - 1) == 0;
}

static void
answer_unknown(struct clerk_client *client)
{
	clerk_answer_problem(client, 404, "", "There is no such job.");
}

/* 1 and the job, or it has been answered. */
static int
look(struct clerk_client *client, struct clerk_job *job)
{
	struct clerk *clerk = client->clerk;
	bool found = false;

	if (!clerk->store.up || clerk_store_look(&clerk->store, client->id,
	    job, &found) < 0) {
		clerk_answer_away(client);
		clerk_away(clerk);
		return 0;
	}
	if (found && may_see(client, job))
		return 1;
	clerk_job_finish(job);
	answer_unknown(client);
	return 0;
}

/* ----------------------------------------------------------------- waiting */

static void
on_waited(uv_timer_t *timer)
{
	clerk_ask_end(timer->data);
}

static void
wait_for(struct clerk_client *client, uint64_t ms, const struct clerk_job *job)
{
	uint64_t most = client->clerk->config->jobs_wait_ms;

	client->state = CLERK_WAITING;
	client->seen = job->version;
	uv_timer_start(&client->timer, on_waited, ms < most ? ms : most, 0);
}

/* ------------------------------------------------------------------ events */

static void
on_comment(uv_timer_t *timer)
{
	struct clerk_client *client = timer->data;

	clerk_client_frame(client, ":\n\n", 3);
	clerk_client_flush(client);
}

static void
end_stream(struct clerk_client *client)
{
	client->state = CLERK_ENDING;
	uv_timer_stop(&client->timer);
	clerk_client_frame(client, NULL, 0);
	clerk_client_flush(client);
}

/* An event's data is one line: the document has no line breaks. */
static void
send_event(struct clerk_client *client, const struct clerk_job *job)
{
	char *text = clerk_show(client->clerk, job, client->head.prefix);
	bool final = clerk_state_is_final(job->state);
	char begin[96];
	int length;

	if (text == NULL || !clerk_client_may_owe(client, strlen(text))) {
		free(text);
		clerk_client_close(client);	/* it comes again */
		return;
	}
	length = snprintf(begin, sizeof(begin), "id: %lld\nevent: %s\ndata: ",
	    (long long)job->version, final ? "end" : "progress");
	clerk_client_frame(client, begin, (size_t)length);
	clerk_client_frame(client, text, strlen(text));
	clerk_client_frame(client, "\n\n", 2);
	free(text);
	client->seen = job->version;
	if (client->closing)
		return;
	if (final)
		end_stream(client);
	else
		clerk_client_flush(client);
}

static void
stream(struct clerk_client *client, const struct clerk_job *job)
{
	static const char header[] = "Status: 200 OK\r\n"
	    "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
	    "X-Accel-Buffering: no\r\n\r\nretry: 2000\n\n";
	struct wire_span last = clerk_client_param(client,
	    "HTTP_LAST_EVENT_ID");
	int64_t seen;

	clerk_client_frame(client, header, sizeof(header) - 1);
	client->state = CLERK_STREAMING;
	if (client->closing)
		return;
	uv_timer_start(&client->timer, on_comment, COMMENT_MS, COMMENT_MS);
	if (last.at != NULL && wire_parse_number(last.at, last.length,
	    &seen) == 0 && seen == job->version &&
	    !clerk_state_is_final(job->state)) {
		client->seen = seen;
		clerk_client_flush(client);
	} else
		send_event(client, job);
}

/* ------------------------------------------------------------- who looks on */

static void
tell(struct clerk_client *client, const struct clerk_job *job)
{
	if (client->state == CLERK_STREAMING && job->version != client->seen)
		send_event(client, job);
	else if (client->state == CLERK_WAITING &&
	    clerk_state_is_final(job->state))
		clerk_answer_job(client, 200, job);
}

static bool
looks_on(const struct clerk_client *client, const char *id)
{
	return (client->state == CLERK_WAITING ||
	    client->state == CLERK_STREAMING) && strcmp(client->id, id) == 0;
}

static bool
anybody_looks(const struct clerk *clerk, const char *id)
{
	const struct clerk_client *client;

	TAILQ_FOREACH(client, &clerk->clients, link)
		if (looks_on(client, id))
			return true;
	return false;
}

void
clerk_changed(struct clerk *clerk, const char *id)
{
	clerk_tell(clerk, id);
	clerk_changed_here(clerk, id);
}

void
clerk_changed_here(struct clerk *clerk, const char *id)
{
	struct clerk_client *client, *next;
	struct clerk_job job;
	bool found = false;

	clerk_say(clerk);
	if (!anybody_looks(clerk, id) || clerk_store_look(&clerk->store, id,
	    &job, &found) < 0 || !found)
		return;
	for (client = TAILQ_FIRST(&clerk->clients); client != NULL;
	    client = next) {
		next = TAILQ_NEXT(client, link);
		if (looks_on(client, id))
			tell(client, &job);
	}
	clerk_job_finish(&job);
}

void
clerk_changed_all(struct clerk *clerk)
{
	struct clerk_client *client, *next;
	struct clerk_job job;
	bool found;

	for (client = TAILQ_FIRST(&clerk->clients); client != NULL;
	    client = next) {
		next = TAILQ_NEXT(client, link);
		if ((client->state != CLERK_WAITING && client->state !=
		    CLERK_STREAMING) || clerk_store_look(&clerk->store,
		    client->id, &job, &found) < 0 || !found)
			continue;
		tell(client, &job);
		clerk_job_finish(&job);
	}
}

void
clerk_ask_end(struct clerk_client *client)
{
	struct clerk_job job;

	if (client->state == CLERK_STREAMING) {
		end_stream(client);
		return;
	}
	if (look(client, &job) == 0)
		return;
	clerk_answer_job(client, 200, &job);
	clerk_job_finish(&job);
}

/* ----------------------------------------------------------------- answers */

/* As the handler gave it; but of a redirect there is no longer where to. */
static void
answer_reply(struct clerk_client *client, const struct clerk_job *job)
{
	int status = job->status < 300 ? job->status : 200;

	if (job->result_length == 0 && job->type[0] == '\0')
		clerk_answer(client, status, wire_status_has_body(status) ?
		    "Content-Length: 0\r\nCache-Control: no-store\r\n" :
		    "Cache-Control: no-store\r\n", NULL, NULL, 0);
	else
		clerk_answer(client, status, "", job->type[0] == '\0' ?
		    "application/octet-stream" : job->type, job->result,
		    job->result_length);
}

static void
answer_result(struct clerk_client *client, const struct clerk_job *job)
{
	if (!clerk_state_is_final(job->state))
		clerk_answer_problem(client, 409, "", "The job is %s, and has "
		    "no result yet.", clerk_state_name(job->state,
		    job->attempts));
	else if (job->state != CLERK_SUCCEEDED || job->result == NULL)
		clerk_answer_problem(client, 404, "", "The job is %s, and has "
		    "no result.", clerk_state_name(job->state, job->attempts));
	else
		answer_reply(client, job);
}

static void
answer_get(struct clerk_client *client, enum clerk_what what)
{
	struct clerk_job job;
	uint64_t wait_ms;

	if (clerk_words_wait(client->request.query, &wait_ms) < 0) {
		clerk_answer_problem(client, 400, "", "wait: a time such as "
		    "10s or 500ms.");
		return;
	}
	if (look(client, &job) == 0)
		return;
	if (what == CLERK_WHAT_RESULT)
		answer_result(client, &job);
	else if (what == CLERK_WHAT_EVENTS || (wants_events(client) &&
	    !client->head_only))
		stream(client, &job);
	else if (wait_ms > 0 && !clerk_state_is_final(job.state) &&
	    !client->hurried)
		wait_for(client, wait_ms, &job);
	else
		clerk_answer_job(client, 200, &job);
	clerk_job_finish(&job);
}

static void
cancel(struct clerk_client *client)
{
	struct clerk *clerk = client->clerk;
	struct clerk_job job;
	struct clerk_run *run;

	if (look(client, &job) == 0)
		return;
	if (clerk_state_is_final(job.state)) {
		clerk_answer_problem(client, 409, "", "The job has ended: it "
		    "is %s.", clerk_state_name(job.state, job.attempts));
		clerk_job_finish(&job);
		return;
	}
	clerk_job_finish(&job);
	if (clerk_store_cancel(&clerk->store, client->id) < 0) {
		clerk_answer_away(client);
		clerk_away(clerk);
		return;
	}
	if ((run = clerk_run_find(clerk, client->id)) != NULL)
		clerk_run_cancel(run);
	if (look(client, &job) == 0)
		return;
	if (job.state == CLERK_CANCELLED)
		clerk_answer(client, 204, "", NULL, NULL, 0);
	else
		clerk_answer_job(client, 202, &job);
	clerk_job_finish(&job);
	clerk_changed(clerk, client->id);
	clerk_hook_pump(clerk);
}

void
clerk_ask(struct clerk_client *client)
{
	enum clerk_what what = clerk_words_path(client->request.path,
	    client->clerk->config->jobs_path, client->id);
	const char *allow = what == CLERK_WHAT_JOB ?
	    "Allow: GET, HEAD, DELETE, OPTIONS\r\n" :
	    "Allow: GET, HEAD, OPTIONS\r\n";

	if (what == CLERK_WHAT_NOTHING)
		answer_unknown(client);
	else if (method_is(client, "GET") || (client->head_only &&
	    what != CLERK_WHAT_EVENTS))
		answer_get(client, what);
	else if (method_is(client, "DELETE") && what == CLERK_WHAT_JOB)
		cancel(client);
	else if (method_is(client, "OPTIONS"))
		clerk_answer(client, 204, allow, NULL, NULL, 0);
	else
		clerk_answer_problem(client, 405, allow, "A job can be looked "
		    "at and deleted.");
}
