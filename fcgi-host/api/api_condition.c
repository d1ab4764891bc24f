/*
 * api_condition.c - validators of a reply, and requests that depend on them.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a request is judged at most once, and never after its header has
 * left.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "wire/wire_condition.h"

int
fh_set_etag(struct fh_request *rq, const char *tag, bool weak)
{
	char *text;

	if (api_reply_open(rq) != 0)
		return -1;
	text = fh_sprintf(rq, "%s\"%s\"", weak ? "W/" : "", tag);
	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	if (!wire_is_etag((struct wire_span){ text, strlen(text) }))
		return api_fault(rq, EINVAL, "the entity tag has a quote, a "
		    "blank or a control character");
	rq->etag = text;
	return fh_set_header(rq, "ETag", text);
}

int
fh_set_modified(struct fh_request *rq, int64_t seconds)
{
	char date[WIRE_DATE_LENGTH + 1];

	if (api_reply_open(rq) != 0)
		return -1;
	wire_put_date(date, seconds);
	rq->modified = seconds;
	return fh_set_header(rq, "Last-Modified", date);
}

bool
api_has_validators(const struct fh_request *rq)
{
	return rq->etag != NULL || rq->modified != WIRE_NO_DATE;
}

static struct wire_span
header_span(const struct fh_request *rq, const char *name)
{
	const char *value = fh_header(rq, name);

	return (struct wire_span){ value, value == NULL ? 0 : strlen(value) };
}

static struct wire_validators
validators_of(const struct fh_request *rq)
{
	return (struct wire_validators){ .modified = rq->modified, .etag = {
	    rq->etag, rq->etag == NULL ? 0 : strlen(rq->etag) } };
}

static bool
reads(const struct fh_request *rq)
{
	const char *method = fh_method(rq);

	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static enum wire_verdict
judge(struct fh_request *rq)
{
	struct wire_validators there = validators_of(rq);
	struct wire_conditions asked = {
		.reads = reads(rq),
		.match = header_span(rq, "If-Match"),
		.none_match = header_span(rq, "If-None-Match"),
		.modified_since = header_span(rq, "If-Modified-Since"),
		.unmodified_since = header_span(rq, "If-Unmodified-Since")
	};

	rq->judged = true;
	return wire_judge(&asked, &there, time(NULL));
}

/* Nothing of a body stays; what else was set does. */
static void
become(struct fh_request *rq, int status)
{
	rq->status = status;
	rq->content_type = NULL;
	rq->replied = true;
	rq->collected = 0;
	rq->written = 0;
	rq->declared = status == 304 ? -1 : 0;
}

int
fh_precondition(struct fh_request *rq)
{
	if (api_reply_open(rq) != 0 || rq->fault[0] != '\0')
		return -1;
	switch (judge(rq)) {
	case WIRE_NOT_MODIFIED:
		become(rq, 304);
		rq->json_out.state = API_JSON_NONE;
		return 304;
	case WIRE_FAILED:
		return fh_problem(rq, 412, "What this request is to be done "
		    "to is not what the client expects.") == 0 ? 412 : -1;
	case WIRE_GO_ON:
		break;
	}
	return rq->fault[0] != '\0' ? -1 : 0;
}

bool
api_condition_is_due(const struct fh_request *rq, int status)
{
	return !rq->judged && status == 200 && api_has_validators(rq) &&
	    reads(rq);
}

void
api_condition_at_last(struct fh_request *rq)
{
	enum wire_verdict verdict = judge(rq);

	if (verdict == WIRE_GO_ON)
		return;
	become(rq, verdict == WIRE_NOT_MODIFIED ? 304 : 412);
	rq->muted = true;
}

bool
api_range_stands(const struct fh_request *rq)
{
	struct wire_validators there = validators_of(rq);
	struct wire_span value = header_span(rq, "If-Range");

	return value.at == NULL || wire_if_range(value, &there, time(NULL));
}
