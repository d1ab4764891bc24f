/*
 * clerk_answer.c - whole replies to requests that a front has passed on.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: an answer is a whole CGI reply, and after it the client only
 * drains.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "clerk/clerk.h"

#define HEADER_MAX	1024

static void
end(struct clerk_client *client)
{
	clerk_client_frame(client, NULL, 0);
	client->state = CLERK_ENDING;
	uv_timer_stop(&client->timer);
	clerk_client_flush(client);
}

void
clerk_answer(struct clerk_client *client, int status, const char *extra,
    const char *type, const void *body, size_t length)
{
	char header[HEADER_MAX + CLERK_PREFIX_MAX];
	int size;

	if (!client->head_only && !clerk_client_may_owe(client, length)) {
		clerk_answer_problem(client, 503, "Retry-After: 1\r\n",
		    "Too many results are on their way at present.");
		return;
	}
	if (type == NULL)
		size = snprintf(header, sizeof(header),
		    "Status: %d %s\r\n%s\r\n", status,
		    wire_status_title(status), extra);
	else
		size = snprintf(header, sizeof(header), "Status: %d %s\r\n"
		    "Content-Type: %s\r\nContent-Length: %zu\r\n"
		    "Cache-Control: no-store\r\n%s\r\n", status,
		    wire_status_title(status), type, length, extra);
	clerk_client_frame(client, header, (size_t)size);
	if (type != NULL && length > 0 && !client->head_only)
		clerk_client_frame(client, body, length);
	if (!client->closing)
		end(client);
}

void
clerk_answer_problem(struct clerk_client *client, int status,
    const char *extra, const char *format, ...)
{
	char text[API_PROBLEM_MAX], detail[512];
	size_t length;
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	length = api_problem(text, sizeof(text), status,
	    client->head.request_id, client->head_only, extra, "%s", detail);
	clerk_client_frame(client, text, length);
	if (!client->closing)
		end(client);
}

void
clerk_answer_away(struct clerk_client *client)
{
	clerk_answer_problem(client, 503, "Retry-After: 5\r\n",
	    "The database of jobs does not answer.");
}

void
clerk_answer_job(struct clerk_client *client, int status,
    const struct clerk_job *job)
{
	const struct clerk *clerk = client->clerk;
	char extra[HEADER_MAX];
	char *text = clerk_show(clerk, job, client->head.prefix);

	if (text == NULL) {
		clerk_answer_away(client);
		return;
	}
	snprintf(extra, sizeof(extra), "Location: %s%s/%s\r\n",
	    client->head.prefix, clerk->config->jobs_path, job->id);
	clerk_answer(client, status, client->head.kind == CLERK_ACCEPT ?
	    extra : "", "application/json", text, strlen(text));
	free(text);
}
