/*
 * api_lines.c - JSON lines: one value per line, each sent at once.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a line that has been sent holds one value and no line end.
 */
#include "api/api_private.h"

#include <json-c/json.h>

static void
choose_type(struct fh_request *rq)
{
	if (rq->content_type == NULL && !rq->fixed)
		rq->content_type = FH_JSON_LINES;
}

static int
end_line(struct fh_request *rq)
{
	if (api_reply_push(rq, "\n", 1) != 0)
		return -1;
	return fh_flush(rq);
}

int
fh_json_line_begin(struct fh_request *rq)
{
	if (api_reply_state(rq) != 0)
		return -1;
	choose_type(rq);
	rq->json_out = (struct api_json){ .state = API_JSON_OPEN };
	return 0;
}

int
fh_json_line_end(struct fh_request *rq)
{
	if (fh_json_end(rq) != 0)
		return -1;
	return end_line(rq);
}

int
fh_json_line(struct fh_request *rq, struct json_object *json)
{
	int rc = -1;

	if (fh_json_line_begin(rq) == 0 && fh_json_tree(rq, json) == 0)
		rc = fh_json_line_end(rq);
	json_object_put(json);
	return rc;
}

/* A line end in JSON is a blank between two parts (RFC 8259, section 2). */
int
fh_json_line_text(struct fh_request *rq, const char *text, size_t length)
{
	const char *end = text + length, *at;

	if (api_reply_state(rq) != 0)
		return -1;
	choose_type(rq);
	while (text < end) {
		for (at = text; at < end && *at != '\n' && *at != '\r'; at++)
			continue;
		if (at > text && api_reply_push(rq, text,
		    (size_t)(at - text)) != 0)
			return -1;
		if (at < end && api_reply_push(rq, " ", 1) != 0)
			return -1;
		text = at < end ? at + 1 : end;
	}
	return end_line(rq);
}
