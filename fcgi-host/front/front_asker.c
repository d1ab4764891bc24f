/*
 * front_asker.c - who asks for a document, and in which form.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: what a proxy passes on is never taken for this machine's.
 */
#include <arpa/inet.h>
#include <string.h>

#include "front/front_ask.h"
#include "wire/wire_accept.h"
#include "wire/wire_params.h"

/* Who has come through another machine's hands says so, and is not of ours,
 * whatever address the last one of these has. */
static bool
came_through_others(const struct front_request *request)
{
	static const char *const names[] = { "HTTP_X_FORWARDED_FOR",
	    "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA" };
	const uint8_t *at = request->params, *end = at + request->params_have;
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (wire_pair_is(&pair, names[i]) &&
			    pair.value_length > 0)
				return true;
	return false;
}

static bool
is_loopback(const struct wire_span *address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (address->length == 0 || address->length >= sizeof(text))
		return false;
	memcpy(text, address->at, address->length);
	text[address->length] = '\0';
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) &&
	    six.s6_addr[12] == IN_LOOPBACKNET);
}

bool
front_asker_is_local(const struct front_request *request)
{
	return is_loopback(&request->head.remote_addr) &&
	    !came_through_others(request);
}

/* Without keys it is for this machine alone; health is told to everybody, if
 * not all of it. */
bool
front_asker_may(const struct front_request *request)
{
	return front_asker_kind(request) == ASK_READY ||
	    request->front->config->metrics_auth != NULL ||
	    front_asker_is_local(request);
}

/* Who takes everything gets what a person can read in a browser. */
static enum ask_kind
form_of(const struct front_request *request)
{
	static const char *const types[] = { "text/plain",
	    "application/openmetrics-text" };
	const uint8_t *at = request->params, *end = at + request->params_have;
	struct wire_span accept = { "", 0 };
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1)
		if (wire_pair_is(&pair, "HTTP_ACCEPT"))
			accept = (struct wire_span){ (const char *)pair.value,
			    pair.value_length };
	return wire_accept(accept, types, 2) == 1 ? ASK_METRICS :
	    ASK_METRICS_TEXT;
}

enum ask_kind
front_asker_kind(const struct front_request *request)
{
	enum ask_kind kind = (enum ask_kind)
	    (request->match.route->handler->asked - 1);

	return kind == ASK_METRICS ? form_of(request) : kind;
}
