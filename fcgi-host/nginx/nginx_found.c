/*
 * nginx_found.c - which locations pass to the host, with what in force.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: pure; a directive holds in all blocks below its own that have none
 * of their own, wherever in the block it stands.
 */
#include "nginx/nginx_found.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MS		60000		/* what nginx has by itself */
#define BODY_BYTES	(1u << 20)
#define HEADER_BYTES	4096
#define UPSTREAM_MS	60000

/* What is in force in a block. */
struct values {
	const char	*server, *location;	/* names */
	uint64_t	 read_ms, body_bytes, header_bytes;
	bool		 keep_conn;
};

struct search {
	const struct nginx_nodes *root;
	const char		*listen;
	struct nginx_found	*found;
};

/* ------------------------------------------------------------------ values */

static int
number_of(const char **at, uint64_t *value_out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return -1;
	*value_out = strtoull(*at, &end, 10);
	*at = end;
	return 0;
}

static uint64_t
unit_ms(const char **at)
{
	static const struct {
		const char	*name;
		uint64_t	 ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
	    { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 },
	    { "M", UINT64_C(2592000000) }, { "y", UINT64_C(31536000000) } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(*at, units[i].name, strlen(units[i].name)) == 0) {
			*at += strlen(units[i].name);
			return units[i].ms;
		}
	return **at == '\0' || **at == ' ' ? 1000 : 0;
}

int
nginx_found_time(const char *text, uint64_t *ms_out)
{
	uint64_t number, unit;

	*ms_out = 0;
	do {
		if (number_of(&text, &number) < 0 ||
		    (unit = unit_ms(&text)) == 0)
			return -1;
		*ms_out += number * unit;
		while (*text == ' ')
			text++;
	} while (*text != '\0');
	return 0;
}

int
nginx_found_size(const char *text, uint64_t *bytes_out)
{
	int shift;

	if (number_of(&text, bytes_out) < 0)
		return -1;
	switch (tolower((unsigned char)*text)) {
	case '\0':
		return 0;
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	default:
		return -1;
	}
	*bytes_out <<= shift;
	return text[1] == '\0' ? 0 : -1;
}

static bool
is(const struct nginx_node *node, const char *name)
{
	return strcmp(node->words[0], name) == 0;
}

/* What cannot be read is left as it was. */
static void
take(const struct nginx_node *node, struct values *values)
{
	const char *word = node->count > 1 ? node->words[1] : "";
	uint64_t value;

	if (is(node, "fastcgi_read_timeout") &&
	    nginx_found_time(word, &value) == 0)
		values->read_ms = value;
	else if (is(node, "client_max_body_size") &&
	    nginx_found_size(word, &value) == 0)
		values->body_bytes = value;
	else if (is(node, "fastcgi_buffer_size") &&
	    nginx_found_size(word, &value) == 0)
		values->header_bytes = value;
	else if (is(node, "fastcgi_keep_conn"))
		values->keep_conn = strcmp(word, "on") == 0;
	else if (is(node, "server_name") && node->count > 1)
		values->server = word;
}

/* --------------------------------------------------------------- upstreams */

/* "tcp:0.0.0.0:9000" is reached by any address with that port. */
static bool
is_host(const char *listen, const char *address)
{
	const char *port;

	if (strncmp(listen, "unix:", 5) == 0)
		return strcmp(listen, address) == 0;
	listen += strncmp(listen, "tcp:", 4) == 0 ? 4 : 0;
	if (strcmp(listen, address) == 0)
		return true;
	port = strrchr(listen, ':');
	if (port == NULL || strrchr(address, ':') == NULL ||
	    strcmp(port, strrchr(address, ':')) != 0)
		return false;
	return strncmp(listen, "0.0.0.0:", 8) == 0 ||
	    strncmp(listen, "[::]:", 5) == 0 || listen[0] == '*' ||
	    (strncmp(listen, "127.0.0.1:", 10) == 0 &&
	    strncmp(address, "localhost:", 10) == 0);
}

static const struct nginx_node *
find_upstream(const struct nginx_nodes *nodes, const char *name)
{
	const struct nginx_node *found;

	for (size_t i = 0; i < nodes->count; i++) {
		const struct nginx_node *node = &nodes->list[i];

		if (is(node, "upstream") && node->count > 1 &&
		    strcmp(node->words[1], name) == 0)
			return node;
		if (is(node, "http") && (found = find_upstream(&node->inside,
		    name)) != NULL)
			return found;
	}
	return NULL;
}

/* How long its connections are kept: 0, they are not. */
static uint64_t
kept_ms(const struct nginx_node *upstream)
{
	uint64_t ms = UPSTREAM_MS;
	bool kept = false;

	for (size_t i = 0; upstream != NULL && i < upstream->inside.count;
	    i++) {
		const struct nginx_node *node = &upstream->inside.list[i];

		kept |= is(node, "keepalive") && node->count > 1 &&
		    strcmp(node->words[1], "0") != 0;
		if (is(node, "keepalive_timeout") && node->count > 1)
			(void)nginx_found_time(node->words[1], &ms);
	}
	return kept ? ms : 0;
}

static bool
has_host(const struct nginx_node *upstream, const char *listen)
{
	for (size_t i = 0; i < upstream->inside.count; i++) {
		const struct nginx_node *node = &upstream->inside.list[i];

		if (is(node, "server") && node->count > 1 &&
		    is_host(listen, node->words[1]))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ search */

static void
add_place(struct search *search, const struct values *values, uint64_t ms)
{
	struct nginx_found *found = search->found;
	struct nginx_found_place *place;

	if (found->place_count++ >= NGINX_FOUND_PLACES)
		return;
	place = &found->places[found->place_count - 1];
	*place = (struct nginx_found_place){ .read_ms = values->read_ms,
	    .body_bytes = values->body_bytes,
	    .header_bytes = values->header_bytes,
	    .kept = values->keep_conn && ms > 0, .kept_ms = ms };
	snprintf(place->name, sizeof(place->name), "%s%s%s", values->server,
	    values->server[0] != '\0' ? " " : "", values->location);
}

static void
take_pass(struct search *search, const struct nginx_node *node,
    const struct values *values)
{
	const char *to = node->count > 1 ? node->words[1] : "";
	const struct nginx_node *upstream;

	if (strchr(to, '$') != NULL) {
		search->found->unclear++;
		return;
	}
	upstream = find_upstream(search->root, to);
	if (upstream != NULL ? has_host(upstream, search->listen) :
	    is_host(search->listen, to))
		add_place(search, values, kept_ms(upstream));
}

static void
look(struct search *search, const struct nginx_nodes *nodes,
    struct values values)
{
	for (size_t i = 0; i < nodes->count; i++)
		if (!nodes->list[i].block)
			take(&nodes->list[i], &values);
	for (size_t i = 0; i < nodes->count; i++) {
		const struct nginx_node *node = &nodes->list[i];
		struct values inner = values;

		if (is(node, "location") && node->count > 1)
			inner.location = node->words[node->count - 1];
		if (node->block && !is(node, "upstream"))
			look(search, &node->inside, inner);
		else if (is(node, "fastcgi_pass"))
			take_pass(search, node, &values);
		else if (is(node, "user") && node->count > 1)
			snprintf(search->found->user,
			    sizeof(search->found->user), "%s",
			    node->words[1]);
	}
}

int
nginx_found_read(const char *text, size_t length, const char *listen,
    struct nginx_found *found_out, struct err *err)
{
	const struct values values = { .server = "", .location = "",
	    .read_ms = READ_MS, .body_bytes = BODY_BYTES,
	    .header_bytes = HEADER_BYTES };
	struct nginx_nodes root;
	struct search search = { &root, listen, found_out };

	*found_out = (struct nginx_found){ .user = "nobody" };
	if (nginx_tree_read(text, length, &root, err) < 0)
		return -1;
	look(&search, &root, values);
	nginx_tree_free(&root);
	return 0;
}
