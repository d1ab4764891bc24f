/*
 * access_client.c - the keys of clients, as their file has them.
 *
 * Runs in: zygote and front, the tools.
 * Owns: struct access_clients.
 * Invariant: only digests are kept, and only digests are compared: how long
 * that takes says nothing of a key.
 */
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

#define BLANKS		" \t\r"
#define CLIENTS_MAX	100000

void
access_clients_free(struct access_clients *clients)
{
	for (size_t i = 0; i < clients->count; i++) {
		free(clients->list[i].name);
		free(clients->list[i].scopes);
	}
	free(clients->list);
	*clients = (struct access_clients){ NULL, 0 };
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct access_client *)a)->digest,
	    ((const struct access_client *)b)->digest, ACCESS_DIGEST);
}

/* ----------------------------------------------------------------- the file */

static size_t
take_word(const char **at, const char *end, const char **word_out)
{
	while (*at < end && strchr(BLANKS, **at) != NULL)
		(*at)++;
	*word_out = *at;
	while (*at < end && strchr(BLANKS, **at) == NULL)
		(*at)++;
	return (size_t)(*at - *word_out);
}

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
read_digest(const char *word, size_t length, uint8_t out[ACCESS_DIGEST])
{
	if (length != 2 * ACCESS_DIGEST)
		return -1;
	for (size_t i = 0; i < ACCESS_DIGEST; i++) {
		int high = hex_value(word[2 * i]);
		int low = hex_value(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* What is left of a line, with one blank between two words. */
static char *
read_scopes(const char *at, const char *end)
{
	char *scopes = malloc((size_t)(end - at) + 1);
	size_t have = 0, length;
	const char *word;

	while (scopes != NULL &&
	    (length = take_word(&at, end, &word)) > 0) {
		if (have > 0)
			scopes[have++] = ' ';
		memcpy(scopes + have, word, length);
		have += length;
	}
	if (scopes != NULL)
		scopes[have] = '\0';
	return scopes;
}

static int
read_line(const char *at, const char *end, struct access_client *out,
    struct err *err)
{
	const char *name, *digest;
	size_t name_length = take_word(&at, end, &name);
	size_t digest_length = take_word(&at, end, &digest);

	if (name_length > CONFIG_NAME_MAX)
		return err_set(err, "the name is over %d bytes",
		    CONFIG_NAME_MAX);
	if (read_digest(digest, digest_length, out->digest) < 0)
		return err_set(err, "is not NAME SHA256 [SCOPE ...], with 64 "
		    "hexadecimal digits, as \"printf %%s KEY | sha256sum\" "
		    "prints them");
	out->name = strndup(name, name_length);
	out->scopes = read_scopes(at, end);
	if (out->name == NULL || out->scopes == NULL)
		err_sys(err, "no memory");
	else if (config_scopes_check(out->scopes, err) == 0)
		return 0;
	free(out->name);
	free(out->scopes);
	return -1;
}

static int
add_line(struct access_clients *clients, const char *at, const char *end,
    struct err *err)
{
	struct access_client *grown;
	const char *cursor = at, *word;

	if (take_word(&cursor, end, &word) == 0 || *word == '#')
		return 0;
	if (clients->count == CLIENTS_MAX)
		return err_set(err, "has over %d keys", CLIENTS_MAX);
	grown = (clients->count & (clients->count - 1)) != 0 ? clients->list :
	    realloc(clients->list, (2 * clients->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(err, "no memory");
	clients->list = grown;
	if (read_line(at, end, &grown[clients->count], err) < 0)
		return -1;
	clients->count++;
	return 0;
}

static int
check_twice(const struct access_clients *clients, struct err *err)
{
	for (size_t i = 1; i < clients->count; i++)
		if (compare(&clients->list[i - 1], &clients->list[i]) == 0)
			return err_set(err, "\"%s\" and \"%s\" have the same "
			    "key", clients->list[i - 1].name,
			    clients->list[i].name);
	return 0;
}

int
access_clients_parse(struct access_clients *clients, const char *text,
    size_t length, struct err *err)
{
	const char *end = text + length;
	unsigned line = 1;
	struct err why;

	for (; text < end; line++) {
		const char *next = memchr(text, '\n', (size_t)(end - text));

		if (next == NULL)
			next = end;
		if (memchr(text, '\0', (size_t)(next - text)) != NULL)
			return err_set(err, "line %u: has a NUL in it", line);
		if (add_line(clients, text, next, &why) < 0)
			return err_set(err, "line %u: %s", line, why.text);
		text = next + (next < end);
	}
	if (clients->count > 0)
		qsort(clients->list, clients->count, sizeof(*clients->list),
		    compare);
	return check_twice(clients, err);
}

/* ---------------------------------------------------------------- a request */

const struct access_client *
access_clients_find(const struct access_clients *clients, const char *key,
    size_t length)
{
	struct access_client wanted = { .name = NULL };
	const struct access_client *found;

	if (clients->count == 0)
		return NULL;
	SHA256((const uint8_t *)key, length, wanted.digest);
	found = bsearch(&wanted, clients->list, clients->count,
	    sizeof(*clients->list), compare);
	return found != NULL && CRYPTO_memcmp(found->digest, wanted.digest,
	    ACCESS_DIGEST) == 0 ? found : NULL;
}
