/*
 * cached_key.c - which requests have the same reply.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: what is left out of a key is what the route's inputs leave out;
 * where it cannot be told, the key is finer, and a reply is made once more.
 */
#include "common/cached.h"

#include <openssl/evp.h>

#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "wire/wire_params.h"
#include "wire/wire_text.h"

static void
add(EVP_MD_CTX *context, const char *what, const void *bytes, size_t length)
{
	const uint64_t size = length;

	EVP_DigestUpdate(context, what, strlen(what) + 1);
	EVP_DigestUpdate(context, &size, sizeof(size));
	if (length > 0)
		EVP_DigestUpdate(context, bytes, length);
}

static void
add_text(EVP_MD_CTX *context, const char *what, const char *text)
{
	add(context, what, text, strlen(text));
}

/* NULL: no memory. */
static EVP_MD_CTX *
begin(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL &&
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
		return context;
	EVP_MD_CTX_free(context);
	return NULL;
}

static void
end(EVP_MD_CTX *context, uint8_t out[CACHED_KEY])
{
	EVP_DigestFinal_ex(context, out, NULL);
	EVP_MD_CTX_free(context);
}

void
cached_origin(const struct handler_set *set, const struct route *route,
    uint32_t generation, uint8_t out[CACHED_KEY])
{
	const struct handler *handler = route->handler;
	EVP_MD_CTX *context = begin();

	if (context == NULL)
		fatal(EXIT_CODE_SYSTEM, "SHA-256");
	add_text(context, "route", route->label);
	add_text(context, "handler", handler->name);
	if (handler->build_id[0] != '\0')
		add_text(context, "build", handler->build_id);
	else
		add(context, "generation", &generation, sizeof(generation));
	if (set->config->text != NULL)
		add(context, "config", set->config->text,
		    set->config->text_length);
	for (size_t i = 0; i < set->model_count; i++) {
		const struct fh_model *model = &set->models[i];

		add_text(context, "model", model->name);
		add_text(context, "sha256", model->sha256);
		add(context, "version", &model->version,
		    sizeof(model->version));
	}
	end(context, out);
}

/* ------------------------------------------------------- declared inputs */

static const struct fh_property *
first_of(const struct route *route)
{
	static const struct fh_property none[1];

	return route->inputs == NULL ? none : route->inputs->properties;
}

static const char *
client_name(const struct fh_property *property)
{
	return property->as != NULL ? property->as : property->name;
}

static bool
is_in_query(const struct fh_property *property)
{
	return property->in == FH_IN_PATH_OR_QUERY ||
	    property->in == FH_IN_QUERY;
}

static bool
same_name(const char *name, struct wire_span span)
{
	return strlen(name) == span.length &&
	    memcmp(name, span.at, span.length) == 0;
}

/* A name that is escaped may be any. */
static bool
is_plain(struct wire_span name)
{
	return memchr(name.at, '%', name.length) == NULL &&
	    memchr(name.at, '+', name.length) == NULL;
}

static bool
names_are_plain(struct wire_span query)
{
	const char *at = query.at, *last = query.at + query.length;
	struct wire_span name, value;

	while (wire_form_next(&at, last, &name, &value))
		if (!is_plain(name))
			return false;
	return true;
}

typedef int	next_field(const char **cursor, const char *end,
		    struct wire_span *name_out, struct wire_span *value_out);

static void
add_fields(EVP_MD_CTX *context, const struct fh_property *property,
    struct wire_span text, next_field *next)
{
	const char *at = text.at, *last = text.at + text.length;
	const char *wanted = client_name(property);
	struct wire_span name, value;

	while (next(&at, last, &name, &value))
		if (same_name(wanted, name))
			add(context, wanted, value.at, value.length);
}

static void
add_query(EVP_MD_CTX *context, const struct cached_request *request)
{
	const struct route *route = request->route;
	struct wire_span query = request->head->query;

	if (route->inputs == NULL || route->inputs->strict ||
	    !names_are_plain(query)) {
		add(context, "query", query.at, query.length);
		return;
	}
	for (const struct fh_property *p = first_of(route); p->type != 0;
	    p = route_next_property(route, p))
		if (is_in_query(p))
			add_fields(context, p, query, wire_form_next);
}

static void
add_cookies(EVP_MD_CTX *context, const struct cached_request *request)
{
	const struct route *route = request->route;
	struct wire_span cookie = request->head->cookie;

	if (route->inputs == NULL) {
		add(context, "cookies", cookie.at, cookie.length);
		return;
	}
	add_text(context, "cookies", "");
	for (const struct fh_property *p = first_of(route); p->type != 0;
	    p = route_next_property(route, p))
		if (p->in == FH_IN_COOKIE)
			add_fields(context, p, cookie, wire_cookie_next);
}

/* ------------------------------------------------------------- parameters */

static bool
pair_begins(const struct wire_pair *pair, const char *with)
{
	return pair->name_length >= strlen(with) &&
	    memcmp(pair->name, with, strlen(with)) == 0;
}

/* "HTTP_X_TRACE" for "X-Trace". */
static bool
is_header(const struct wire_pair *pair, const char *header)
{
	const uint8_t *name = pair->name + 5;

	if (!pair_begins(pair, "HTTP_") ||
	    pair->name_length - 5 != strlen(header))
		return false;
	for (; *header != '\0'; header++, name++)
		if (*name != (uint8_t)wire_cgi_letter(*header))
			return false;
	return true;
}

/* A parameter of any name may be one, or say who asks: what a proxy that knows
 * its users adds, or a web server that has seen a certificate.  These are what
 * they are called. */
static bool
may_be_credential(const struct wire_pair *pair)
{
	static const char *const words[] = { "AUTH", "KEY", "TOKEN",
	    "SECRET", "SESSION", "USER", "EMAIL", "IDENTITY", "PRINCIPAL",
	    "OIDC", "JWT", "CERT", "SSL_CLIENT", "TLS_CLIENT", "TENANT",
	    "GROUP", "ROLE" };

	if (wire_pair_is(pair, "HTTP_USER_AGENT"))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(pair->name, pair->name_length, words[i],
		    strlen(words[i])) != NULL)
			return true;
	return false;
}

static bool
is_declared(const struct route *route, const struct wire_pair *pair)
{
	for (const struct fh_property *p = first_of(route); p->type != 0;
	    p = route_next_property(route, p))
		if (p->in == FH_IN_HEADER && is_header(pair, client_name(p)))
			return true;
	return false;
}

static bool
counts(const struct route *route, const struct wire_pair *pair)
{
	static const char *const always[] = { "HTTP_ACCEPT", "HTTP_HOST",
	    "HTTP_FORWARDED", "HTTP_X_FORWARDED_HOST",
	    "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PREFIX", "HTTPS",
	    "REQUEST_SCHEME", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME",
	    "CONTENT_TYPE" };

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (wire_pair_is(pair, always[i]))
			return true;
	return may_be_credential(pair) || is_declared(route, pair);
}

static bool
wants_fresh(const struct route *route, const struct wire_pair *pair)
{
	const struct wire_span value = { (const char *)pair->value,
	    pair->value_length };

	return route->cache_refresh &&
	    wire_pair_is(pair, "HTTP_CACHE_CONTROL") &&
	    (cached_has_word(value, "no-cache") ||
	    cached_has_word(value, "no-store"));
}

static bool
reads(const struct head *head)
{
	return same_name("GET", head->method) ||
	    same_name("HEAD", head->method);
}

static enum cached_kind
add_params(EVP_MD_CTX *context, const struct cached_request *request)
{
	const uint8_t *at = request->params;
	const uint8_t *last = at + request->params_length;
	enum cached_kind kind = CACHED_LOOK;
	struct wire_pair pair;

	while (wire_params_next(&at, last, &pair) == 1) {
		if (wire_pair_is(&pair, "HTTP_RANGE"))
			return CACHED_NOT;
		if (pair_begins(&pair, "HTTP_IF_")) {
			if (!reads(request->head))
				return CACHED_NOT;
			if (kind == CACHED_LOOK)
				kind = CACHED_IF;
		}
		if (wants_fresh(request->route, &pair))
			kind = CACHED_FRESH;
		if (!counts(request->route, &pair))
			continue;
		add(context, "name", pair.name, pair.name_length);
		add(context, "value", pair.value, pair.value_length);
	}
	return kind;
}

enum cached_kind
cached_key(const struct cached_request *request, uint8_t out[CACHED_KEY])
{
	EVP_MD_CTX *context = begin();
	enum cached_kind kind;

	if (context == NULL)
		return CACHED_NOT;
	add(context, "origin", request->origin, CACHED_KEY);
	add(context, "path", request->head->path.at,
	    request->head->path.length);
	add(context, "identity", request->identity,
	    request->identity_length);
	add(context, "body", request->body, request->body_length);
	add_query(context, request);
	add_cookies(context, request);
	kind = add_params(context, request);
	end(context, out);
	return kind;
}
