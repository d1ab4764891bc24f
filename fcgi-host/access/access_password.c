/*
 * access_password.c - names and passwords (RFC 7617), and their hashes.
 *
 * Runs in: front, the tools; access_hash_run() in any thread.
 * Owns: each struct access_hash.
 * Invariant: how long it takes to say no is the same whether there is such a
 * user or not; a client that has failed too often costs no hash; no password is
 * kept once it has been hashed.
 */
#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

#define CLIENT_MAX	64	/* bytes of an address */

/* The bytes of "NAME:PASSWORD", and room for a NUL. */
#define PAIR_MAX	(CONFIG_NAME_MAX + 1 + ACCESS_PASSWORD_MAX)

/*
 * user		whose it would be; NULL: nobody's, and `hash` is another's
 * failed	there was no memory for it
 */
struct access_hash {
	uint32_t		 section;
	const struct access_user *user;
	uint8_t			 digest[ACCESS_DIGEST];
	char			 client[CLIENT_MAX];
	size_t			 client_length;
	char			 password[ACCESS_PASSWORD_MAX + 1];
	char			 hash[CRYPT_OUTPUT_SIZE];
	bool			 failed, right;
};

/* -------------------------------------------------------------- credentials */

/* Base64 with its padding, as nothing else can be meant (RFC 4648, 4): what
 * access_base64() takes, but for two letters and the padding. */
static ptrdiff_t
decode(struct wire_span text, uint8_t out[PAIR_MAX + 4])
{
	char plain[(PAIR_MAX + 2) / 3 * 4];
	size_t padding = 0;

	if (text.length % 4 != 0 || text.length > sizeof(plain))
		return -1;
	while (padding < 2 && padding < text.length &&
	    text.at[text.length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.length - padding; i++) {
		char c = text.at[i];

		if (c == '-' || c == '_')
			return -1;
		plain[i] = c == '+' ? '-' : c == '/' ? '_' : c;
	}
	return access_base64(out, plain, text.length - padding);
}

/* crypt(3) would stop at a NUL, and RFC 7617 wants no control characters. */
static bool
is_plain(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < ' ' || bytes[i] == 127)
			return false;
	return true;
}

/* `bytes` becomes the name; returns the password, or NULL. */
static const char *
split(struct wire_span text, uint8_t bytes[PAIR_MAX + 4])
{
	ptrdiff_t length = decode(text, bytes);
	uint8_t *colon;

	if (length <= 0 || length > PAIR_MAX ||
	    !is_plain(bytes, (size_t)length))
		return NULL;
	bytes[length] = '\0';
	colon = memchr(bytes, ':', (size_t)length);
	if (colon == NULL ||
	    (size_t)(bytes + length - colon) > ACCESS_PASSWORD_MAX)
		return NULL;
	*colon = '\0';
	return (const char *)colon + 1;
}

static bool
is_pair(struct wire_span text)
{
	uint8_t bytes[PAIR_MAX + 4];
	bool is = split(text, bytes) != NULL;

	OPENSSL_cleanse(bytes, sizeof(bytes));
	return is;
}

enum access_verdict
access_password_check(struct access *access, uint32_t number,
    const struct access_question *question, struct access_answer *answer)
{
	struct wire_span text = { "", 0 };
	enum access_verdict verdict = access_find_scheme(question, "Basic ",
	    &text);
	uint8_t digest[ACCESS_DIGEST];

	if (verdict == ACCESS_MISSING)
		return access_refuse(answer, ACCESS_MISSING, "there is no name "
		    "and password");
	if ((question->tried & UINT32_C(1) << number) != 0)
		return access_refuse(answer, ACCESS_INVALID, "the name or the "
		    "password is wrong");
	if (verdict == ACCESS_INVALID ||
	    text.length > IDENTITY_CREDENTIAL_MAX)
		return access_fail(access, question, answer, "it is no name "
		    "and password");
	if (access_recall(access, number, text, question->wall_s, answer,
	    digest))
		return ACCESS_GRANTED;
	if (access_failed_too_often(&access->failed, question->client,
	    question->client_length, question->now_ms))
		return access_refuse(answer, ACCESS_TOO_MANY, "too many wrong "
		    "passwords came from this address");
	if (!is_pair(text))
		return access_fail(access, question, answer, "it is no name "
		    "and password");
	return access_refuse(answer, ACCESS_HASH, "the password is checked");
}

/* ------------------------------------------------------------------- hashes */

/* Always the same one for a name, so that asking again tells nothing. */
static const struct access_user *
stand_in(const struct access *access, uint32_t section, const char *name)
{
	const struct access_users *users = &access->sections[section].users;
	uint8_t digest[ACCESS_DIGEST];
	uint32_t number;

	if (users->count == 0)
		return NULL;
	access_known_digest(&access->known, section, name, strlen(name),
	    digest);
	memcpy(&number, digest, sizeof(number));
	return &users->list[number % users->count];
}

static void
fill(struct access *access, struct access_hash *hash, const char *name,
    const char *password)
{
	const struct access_user *user;

	hash->user = access_users_find(
	    &access->sections[hash->section].users, name);
	user = hash->user != NULL ? hash->user :
	    stand_in(access, hash->section, name);
	snprintf(hash->password, sizeof(hash->password), "%s", password);
	if (user != NULL)
		snprintf(hash->hash, sizeof(hash->hash), "%s", user->hash);
}

struct access_hash *
access_hash_create(struct access *access,
    const struct access_question *question, uint32_t section)
{
	struct access_hash *hash = calloc(1, sizeof(*hash));
	struct wire_span text = { "", 0 };
	uint8_t bytes[PAIR_MAX + 4];
	const char *password = NULL;

	if (hash == NULL)
		return NULL;
	hash->section = section;
	hash->client_length = question->client_length < CLIENT_MAX ?
	    question->client_length : CLIENT_MAX;
	if (hash->client_length > 0)
		memcpy(hash->client, question->client, hash->client_length);
	if (access_find_scheme(question, "Basic ", &text) == ACCESS_GRANTED)
		password = split(text, bytes);
	if (password != NULL) {
		fill(access, hash, (const char *)bytes, password);
		access_known_digest(&access->known, section, text.at,
		    text.length, hash->digest);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return hash;
}

/* What libcrypt says when it cannot begins with '*'. */
void
access_hash_run(struct access_hash *hash)
{
	struct crypt_data *data;
	const char *result;
	size_t length = strlen(hash->hash);

	if (length == 0)
		return;		/* there are no users */
	data = calloc(1, sizeof(*data));
	result = data == NULL ? NULL : crypt_r(hash->password, hash->hash,
	    data);
	hash->failed = (result == NULL || result[0] == '*') &&
	    errno == ENOMEM;
	hash->right = result != NULL && strlen(result) == length &&
	    CRYPTO_memcmp(result, hash->hash, length) == 0;
	OPENSSL_cleanse(hash->password, sizeof(hash->password));
	if (data != NULL)
		OPENSSL_cleanse(data, sizeof(*data));
	free(data);
}

int
access_hash_done(struct access *access, const struct access_hash *hash,
    uint32_t *tried, int64_t wall_s, uint64_t now_ms)
{
	const struct access_user *user = hash->user;
	uint8_t identity[IDENTITY_MAX];
	size_t length;

	if (hash->failed)
		return -1;
	if (!hash->right || user == NULL) {
		*tried |= UINT32_C(1) << hash->section;
		access_failed_count(&access->failed, hash->client,
		    hash->client_length, now_ms);
		return 1;
	}
	length = identity_put(identity, sizeof(identity), &(struct fh_identity){
	    access->sections[hash->section].config->name, user->name,
	    user->scopes, "{}" });
	return length == 0 ? -1 : access_known_put(&access->known,
	    hash->digest, hash->section, wall_s, wall_s + ACCESS_KNOWN_S,
	    identity, length);
}

void
access_hash_free(struct access_hash *hash)
{
	if (hash != NULL)
		OPENSSL_cleanse(hash, sizeof(*hash));
	free(hash);
}

void
access_check_now(struct access *access, struct access_question *question,
    struct access_answer *answer)
{
	for (;;) {
		struct access_hash *hash;
		int rc = -1;

		access_check(access, question, answer);
		if (answer->verdict != ACCESS_HASH)
			return;
		hash = access_hash_create(access, question, answer->section);
		if (hash != NULL) {
			access_hash_run(hash);
			rc = access_hash_done(access, hash, &question->tried,
			    question->wall_s, question->now_ms);
		}
		access_hash_free(hash);
		if (rc < 0) {
			answer->verdict = access_refuse(answer, ACCESS_BUSY,
			    "there is no memory to check the password");
			return;
		}
	}
}
