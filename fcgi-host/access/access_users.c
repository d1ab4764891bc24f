/*
 * access_users.c - the users with their hashes, as their file has them.
 *
 * Runs in: zygote and front, the tools.
 * Owns: struct access_users.
 * Invariant: every hash in the list can be computed, in bounded memory, and
 * withstands guessing; one that does not is never used, and never shown: it may
 * be a password in plain text.
 */
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

#define USERS_MAX	100000
#define MAKE_ONE	"make one with \"mkpasswd -m yescrypt\""

static void
wipe(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void
wipe_user(struct access_user *user)
{
	free(user->name);
	wipe(user->hash);
	free(user->scopes);
}

void
access_users_free(struct access_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		wipe_user(&users->list[i]);
	free(users->list);
	*users = (struct access_users){ NULL, 0 };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct access_user *)a)->name,
	    ((const struct access_user *)b)->name);
}

/* ------------------------------------------------------------------- hashes */

/* The digits of crypt(5), in their order. */
static unsigned
digit_of(char c)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz";
	const char *found = c == '\0' ? NULL : strchr(digits, c);

	return found == NULL ? 64 : (unsigned)(found - digits);
}

static bool
fits(unsigned power, unsigned blocks)
{
	return power < 32 && blocks < 1024 &&
	    UINT64_C(128) * blocks << power <= CONFIG_HASH_MEMORY;
}

/* "$y$j9T$": flags, and N and r as numbers that one digit can hold; those that
 * need two are far too large.  "$7$CU....": N, and r of five digits. */
static bool
fits_memory(const char *hash)
{
	const char *y = strncmp(hash, "$y$", 3) == 0 ? hash + 3 :
	    strncmp(hash, "$gy$", 4) == 0 ? hash + 4 : NULL;

	if (y != NULL)
		return strlen(y) > 3 && digit_of(y[1]) < 48 &&
		    digit_of(y[2]) < 48 &&
		    fits(digit_of(y[1]) + 1, digit_of(y[2]) + 1);
	if (strncmp(hash, "$7$", 3) != 0)
		return true;
	return strlen(hash) > 14 && strncmp(hash + 6, "...", 3) == 0 &&
	    fits(digit_of(hash[3]), digit_of(hash[4]) +
	    64 * digit_of(hash[5]));
}

/* Behind the setting; a hash that is cut off would be nobody's password. */
static bool
is_whole(const char *hash)
{
	const char *last = strrchr(hash, '$');
	size_t wanted = strncmp(hash, "$2", 2) == 0 ? 53 :
	    strncmp(hash, "$6$", 3) == 0 ? 86 : 43;

	return last != NULL && strlen(last + 1) == wanted;
}

const char *
access_hash_refuse(const char *hash)
{
	if (strlen(hash) >= CRYPT_OUTPUT_SIZE ||
	    crypt_checksalt(hash) != CRYPT_SALT_OK)
		return "is of a kind that does not withstand guessing, or none "
		    "at all: " MAKE_ONE;
	if (!is_whole(hash))
		return "has too few characters, or too many: " MAKE_ONE;
	return fits_memory(hash) ? NULL : "takes over 64 MiB of memory to "
	    "compute: " MAKE_ONE;
}

/* ----------------------------------------------------------------- the file */

/* No client could send another. */
static const char *
refuse_name(const char *name)
{
	if (name[0] == '\0')
		return "has no name in front";
	if (strlen(name) > CONFIG_NAME_MAX)
		return "has a name of over 63 bytes";
	for (const char *c = name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return "has a control character in its name";
	return wire_is_utf8(name, strlen(name)) ? NULL :
	    "has a name that is not in UTF-8";
}

/* With one blank between two words. */
static char *
copy_scopes(const char *at)
{
	char *scopes = malloc(strlen(at) + 1);
	size_t have = 0;

	while (scopes != NULL && *(at += strspn(at, " \t")) != '\0') {
		size_t length = strcspn(at, " \t");

		if (have > 0)
			scopes[have++] = ' ';
		memcpy(scopes + have, at, length);
		have += length;
		at += length;
	}
	if (scopes != NULL)
		scopes[have] = '\0';
	return scopes;
}

/* `line` is cut at its colons. */
static int
read_line(char *line, struct access_user *out, struct err *err)
{
	char *hash = strchr(line, ':'), *scopes;
	const char *why;

	if (hash == NULL)
		return err_set(err, "is not NAME:HASH or NAME:HASH:SCOPES; "
		    MAKE_ONE);
	*hash++ = '\0';
	scopes = strchr(hash, ':');
	if (scopes != NULL)
		*scopes++ = '\0';
	if ((why = refuse_name(line)) != NULL)
		return err_set(err, "%s", why);
	if ((why = access_hash_refuse(hash)) != NULL)
		return err_set(err, "the hash of \"%s\" %s", line, why);
	*out = (struct access_user){ strdup(line), strdup(hash),
	    copy_scopes(scopes == NULL ? "" : scopes) };
	if (out->name == NULL || out->hash == NULL || out->scopes == NULL)
		err_sys(err, "no memory");
	else if (config_scopes_check(out->scopes, err) == 0)
		return 0;
	wipe_user(out);
	return -1;
}

static int
add_line(struct access_users *users, char *line, struct err *err)
{
	struct access_user *grown;

	line[strcspn(line, "\r")] = '\0';
	if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
		return 0;
	if (users->count == USERS_MAX)
		return err_set(err, "has over %d users", USERS_MAX);
	grown = (users->count & (users->count - 1)) != 0 ? users->list :
	    realloc(users->list, (2 * users->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(err, "no memory");
	users->list = grown;
	if (read_line(line, &grown[users->count], err) < 0)
		return -1;
	users->count++;
	return 0;
}

static int
check_twice(const struct access_users *users, struct err *err)
{
	for (size_t i = 1; i < users->count; i++)
		if (compare(&users->list[i - 1], &users->list[i]) == 0)
			return err_set(err, "\"%s\" is there twice: remove "
			    "one of the two", users->list[i].name);
	return 0;
}

int
access_users_parse(struct access_users *users, const char *text,
    size_t length, struct err *err)
{
	const char *end = text + length;
	struct err why;

	for (unsigned line = 1; text < end; line++) {
		const char *next = memchr(text, '\n', (size_t)(end - text));
		char *copy;
		int rc;

		if (next == NULL)
			next = end;
		if (memchr(text, '\0', (size_t)(next - text)) != NULL)
			return err_set(err, "line %u: has a NUL in it", line);
		copy = strndup(text, (size_t)(next - text));
		if (copy == NULL)
			return err_sys(err, "no memory");
		rc = add_line(users, copy, &why);
		OPENSSL_cleanse(copy, (size_t)(next - text));
		free(copy);
		if (rc < 0)
			return err_set(err, "line %u: %s", line, why.text);
		text = next + (next < end);
	}
	if (users->count > 0)
		qsort(users->list, users->count, sizeof(*users->list),
		    compare);
	return check_twice(users, err);
}

/* ---------------------------------------------------------------- a request */

const struct access_user *
access_users_find(const struct access_users *users, const char *name)
{
	const struct access_user wanted = { .name = (char *)(uintptr_t)name };

	return users->count == 0 ? NULL : bsearch(&wanted, users->list,
	    users->count, sizeof(*users->list), compare);
}
