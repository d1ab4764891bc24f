/*
 * fuzz_api.c - one request through api/, and what must hold for its reply.
 *
 * Runs in: make check, libFuzzer.
 * Owns: one serving thread and its request, used again and again as in a
 * worker; the reply.
 * Invariant: a sink that failed is not called again.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "wire/wire_text.h"

struct collector {
	struct api_sink		 sink;
	struct fuzz_reply	 reply;
	unsigned int		 sends;
	unsigned int		 leaves_at;
	bool			 broken;
};

static struct collector collector;

static int
collect(struct api_sink *sink, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct fuzz_reply *reply = &collector.reply;

	CHECK(sink == &collector.sink && !collector.broken);
	CHECK((head != NULL) == (reply->head_length == 0));
	if (++collector.sends == collector.leaves_at) {
		collector.broken = true;
		errno = EPIPE;
		return -1;
	}
	if (head != NULL) {
		CHECK(head_length > 0 && head_length < sizeof(reply->head));
		memcpy(reply->head, head, head_length);
		reply->head_length = head_length;
	}
	CHECK(length <= FUZZ_BODY_MAX - reply->body_length);
	if (length > 0)
		memcpy(reply->body + reply->body_length, body, length);
	reply->body_length += length;
	return 0;
}

static int
flush(struct api_sink *sink)
{
	CHECK(sink->streams && !collector.broken);
	return 0;
}

/* Made once: what a request leaves behind would be seen by the next. */
static struct fh_request *
the_request(struct route **route_out)
{
	static struct config config;
	static struct handler handler;
	static struct route route;
	static struct handler_set set;
	static struct fh_request *rq;

	*route_out = &route;
	if (rq != NULL)
		return rq;
	log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	config.header_limit = FUZZ_HEADER_LIMIT;
	config.form_fields = FUZZ_FORM_FIELDS;
	config.form_files = FUZZ_FORM_FILES;
	config.form_memory = FUZZ_FORM_MEMORY;
	handler.name = (char *)(uintptr_t)"fuzzed";
	handler.host = (struct fh_host){ &set, &handler };
	CHECK(route_init(&route, "GET", 3, "/{name}/{rest...}") == 0);
	route.handler = &handler;
	set = (struct handler_set){ .handlers = &handler, .handler_count = 1,
	    .routes = &route, .route_count = 1, .config = &config };
	rq = api_request_create(api_worker_create(&set, API_ALL_POOLS));
	CHECK(rq != NULL);
	collector.reply.body = malloc(FUZZ_BODY_MAX);
	CHECK(collector.reply.body != NULL);
	return rq;
}

void
fuzz_declare(const struct schema *schema)
{
	struct route *route;

	the_request(&route);
	route->schema = (struct schema *)(uintptr_t)schema;
}

const struct fuzz_reply *
fuzz_serve(int (*serve)(struct fh_request *), struct api_input input,
    const struct fuzz_reader *reader)
{
	struct fuzz_reply *reply = &collector.reply;
	struct route *route;
	struct fh_request *rq = the_request(&route);

	route->serve = serve;
	input.route = route;
	input.request_id = "fuzz-1";
	input.head_only = reader->head_only;
	collector.sink = (struct api_sink){ .space = reader->space,
	    .streams = reader->streams, .send = collect, .flush = flush };
	collector.sends = 0;
	collector.leaves_at = reader->leaves_at;
	collector.broken = false;
	reply->head_length = reply->body_length = 0;
	reply->outcome = api_serve(rq, &input, &collector.sink,
	    &reply->result);
	api_request_reset(rq);
	return reply;
}

/* ------------------------------------------------- what must hold */

static bool
is_tchar(char c)
{
	return isalnum((unsigned char)c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* One line, and where the next begins. */
static const char *
check_line(const char *at, const char *end)
{
	const char *name = at;

	while (at < end && is_tchar(*at))
		at++;
	CHECK(at > name && end - at >= 4);
	CHECK(at[0] == ':' && at[1] == ' ');
	for (at += 2; at < end && *at != '\r'; at++)
		CHECK(*at == '\t' || ((unsigned char)*at >= ' ' &&
		    *at != 127));
	CHECK(end - at >= 2 && at[1] == '\n');
	return at + 2;
}

static size_t
count_headers(const struct fuzz_reply *reply, const char *name,
    const char **value_out)
{
	const char *at = reply->head, *end = at + reply->head_length;
	size_t length = strlen(name), count = 0;

	while (end - at > 2) {
		if (strncasecmp(at, name, length) == 0 && at[length] == ':') {
			*value_out = at + length + 2;
			count++;
		}
		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	}
	return count;
}

bool
fuzz_find_header(const struct fuzz_reply *reply, const char *name,
    const char **value_out)
{
	return count_headers(reply, name, value_out) > 0;
}

static void
check_head(const struct fuzz_reply *reply)
{
	const char *at = reply->head, *end = at + reply->head_length;
	const char *value;
	char status[16];

	CHECK(end - at >= 2 && memcmp(end - 2, "\r\n", 2) == 0);
	while (end - at > 2)
		at = check_line(at, end);
	snprintf(status, sizeof(status), "Status: %d ", reply->result.status);
	CHECK(strncmp(reply->head, status, strlen(status)) == 0);
	CHECK(reply->result.status >= 100 && reply->result.status <= 599);
	CHECK(count_headers(reply, "Status", &value) == 1);
	CHECK(count_headers(reply, "Content-Length", &value) <= 1);
	CHECK(count_headers(reply, "Content-Type", &value) <= 1);
	CHECK(count_headers(reply, "Transfer-Encoding", &value) == 0);
	CHECK(count_headers(reply, "Connection", &value) == 0);
}

void
fuzz_check_reply(const struct fuzz_reply *reply,
    const struct fuzz_reader *reader)
{
	const char *value;
	unsigned long long length;

	CHECK(reply->body_length == reply->result.body_bytes);
	if (reply->head_length == 0) {
		CHECK(reader->leaves_at == 1 && reply->outcome == API_BROKEN);
		return;
	}
	check_head(reply);
	CHECK(reader->leaves_at != 0 || reader->streams ||
	    reply->outcome == API_DONE);
	if (reader->head_only || !wire_status_has_body(reply->result.status)) {
		CHECK(reply->body_length == 0);
		return;
	}
	if (!fuzz_find_header(reply, "Content-Length", &value))
		return;
	length = strtoull(value, NULL, 10);
	CHECK(reply->body_length <= length);
	CHECK(reply->outcome == API_BROKEN || reply->body_length == length);
}
