/*
 * load_request.c - where requests go, and their bytes.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: a request is one request: what is in it has no line ends but ours.
 */
#include "load/load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
copy(char *out, size_t room, const char *from, size_t length)
{
	if (length >= room)
		return false;
	memcpy(out, from, length);
	out[length] = '\0';
	return true;
}

/* "host", "host:port", "[::1]:port" */
static bool
split_host(const char *text, size_t length, struct load_url *out)
{
	const char *end = text[0] == '[' ? memchr(text, ']', length) : NULL;
	const char *colon = memchr(end != NULL ? end : text, ':',
	    length - (size_t)((end != NULL ? end : text) - text));
	size_t host = colon != NULL ? (size_t)(colon - text) : length;

	if (host == 0 || !copy(out->host, sizeof(out->host), text, host))
		return false;
	if (colon == NULL)
		return true;
	return length - host > 1 &&
	    strspn(colon + 1, "0123456789") == length - host - 1 &&
	    copy(out->port, sizeof(out->port), colon + 1, length - host - 1);
}

int
load_url_parse(const char *url, struct load_url *out, struct err *err)
{
	const char *rest = strstr(url, "://");
	size_t host, prefix;

	*out = (struct load_url){ .tls = strncmp(url, "https://", 8) == 0 };
	if (rest == NULL || (!out->tls && strncmp(url, "http://", 7) != 0))
		return err_set(err, "url %.100s: it is http://HOST[:PORT]"
		    "[/PREFIX] or https://...", url);
	rest += 3;
	host = strcspn(rest, "/");
	strcpy(out->port, out->tls ? "443" : "80");
	prefix = strlen(rest + host);
	if (prefix > 0 && rest[host + prefix - 1] == '/')
		prefix--;
	if (strpbrk(url, " \t\r\n?#@") != NULL ||
	    !split_host(rest, host, out) || !copy(out->prefix,
	    sizeof(out->prefix), rest + host, prefix))
		return err_set(err, "url %.100s: it is http://HOST[:PORT]"
		    "[/PREFIX] or https://...", url);
	return 0;
}

static bool
has_header(const struct load_route *route, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < route->header_count; i++)
		if (strncasecmp(route->headers[i], name, length) == 0 &&
		    route->headers[i][length] == ':')
			return true;
	return false;
}

static void
put_headers(FILE *out, const struct load_route *route,
    const struct load_url *url)
{
	bool usual = strcmp(url->port, url->tls ? "443" : "80") == 0;

	if (!has_header(route, "Host"))
		fprintf(out, "Host: %s%s%s\r\n", url->host, usual ? "" : ":",
		    usual ? "" : url->port);
	if (!has_header(route, "User-Agent"))
		fprintf(out, "User-Agent: fcgi-host-load\r\n");
	for (size_t i = 0; i < route->header_count; i++)
		fprintf(out, "%s\r\n", route->headers[i]);
	if (route->body == NULL)
		return;
	if (!has_header(route, "Content-Type"))
		fprintf(out, "Content-Type: %s\r\n",
		    route->body[0] == '{' || route->body[0] == '[' ?
		    "application/json" : "text/plain; charset=utf-8");
	fprintf(out, "Content-Length: %zu\r\n", route->body_length);
}

char *
load_request_bytes(const struct load_scenario *scenario,
    const struct load_route *route, size_t *length_out)
{
	struct load_url url;
	char *bytes = NULL;
	FILE *out;

	if (load_url_parse(scenario->url, &url, NULL) < 0)
		return NULL;
	out = open_memstream(&bytes, length_out);
	if (out == NULL)
		return NULL;
	fprintf(out, "%.*s %s%s HTTP/1.1\r\n",
	    (int)strcspn(route->name, " "), route->name, url.prefix,
	    route->target);
	put_headers(out, route, &url);
	fputs("\r\n", out);
	if (route->body != NULL)
		fwrite(route->body, 1, route->body_length, out);
	return fclose(out) == 0 ? bytes : NULL;
}
