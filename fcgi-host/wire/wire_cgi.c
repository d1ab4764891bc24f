/*
 * wire_cgi.c - the header of a CGI reply (RFC 3875, section 6), and status
 * codes.
 *
 * Runs in: front, workers, tools.
 * Owns: nothing; a span points into the caller's text.
 * Invariant: the cursor moves over whole lines only, so a reader may stop at
 * any byte and go on when more has come.
 */
#include "wire/wire_text.h"

#include <string.h>

struct status_title {
	int		 status;
	const char	*title;
};

/* RFC 9110 section 15, and those that later RFCs have registered. */
static const struct status_title titles[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 102, "Processing" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 511, "Network Authentication Required" }
};

const char *
wire_status_title(int status)
{
	if (status == 200)
		return "OK";
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Unknown";
}

bool
wire_status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

int
wire_cgi_header_next(const char **cursor, const char *end,
    struct wire_span *name_out, struct wire_span *value_out)
{
	const char *line = *cursor, *stop, *next, *colon;
	struct wire_span value;

	if (line == end ||
	    (stop = memchr(line, '\n', (size_t)(end - line))) == NULL)
		return 2;
	next = stop + 1;
	if (stop > line && stop[-1] == '\r')
		stop--;
	if (stop == line) {
		*cursor = next;
		return 0;
	}
	colon = memchr(line, ':', (size_t)(stop - line));
	if (colon == NULL || !wire_is_token(line, (size_t)(colon - line)))
		return -1;
	value.at = colon + 1;
	value.length = (size_t)(stop - value.at);
	value = wire_trim(value);
	if (!wire_is_field_value(value.at, value.length))
		return -1;
	name_out->at = line;
	name_out->length = (size_t)(colon - line);
	*value_out = value;
	*cursor = next;
	return 1;
}

int
wire_cgi_status(const char *value, size_t length)
{
	int64_t status;

	if (length < 3 || wire_parse_number(value, 3, &status) == -1)
		return -1;
	if (length > 3 && value[3] != ' ' && value[3] != '\t')
		return -1;
	return status >= 100 && status <= 599 ? (int)status : -1;
}
