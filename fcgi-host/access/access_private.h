/*
 * access_private.h - keys, tokens and who has failed, as the files of access/
 * see them.
 *
 * Nobody outside of access/ includes this but its tests.
 */
#ifndef ACCESS_ACCESS_PRIVATE_H
#define ACCESS_ACCESS_PRIVATE_H

#include <openssl/evp.h>

#include "access/access.h"
#include "wire/wire_text.h"

struct json_object;

#define ACCESS_FILE_MAX		(4u << 20)	/* of keys or a JWK Set */
#define ACCESS_DIGEST		32		/* bytes of SHA-256 */

/* ------------------------------------------------- secrets (access_file.c) */

/* Who may be able to read it. */
enum access_privacy { ACCESS_SECRET, ACCESS_PUBLIC };

/* The bytes of a path or "env:NAME", with a NUL behind them; the caller wipes
 * them with access_file_free().  NULL and why. */
char	*access_file_read(const char *source, enum access_privacy,
	    size_t *length_out, struct err *);
void	 access_file_free(char *bytes, size_t length);

/* ------------------------------------------- base64url (access_base64.c) */

/* RFC 7515, 2: no padding, nothing but the alphabet, and no bits left over.
 * Writes at most length / 4 * 3 + 2 bytes.  -1: it is none. */
ptrdiff_t	access_base64(uint8_t *out, const char *text, size_t length);

/* ----------------------------------------------------- JSON (access_json.c) */

/* An object and nothing else, RFC 8259, at most 16 deep; NULL if not. */
struct json_object	*access_json_object(const char *text, size_t length);

/* A member that is a string without NUL inside; NULL if it is none. */
const char	*access_json_text(struct json_object *, const char *name);

/* ----------------------------------------------------- keys (access_jwk.c) */

/* One key of one algorithm: a public one, or a secret for HS256. */
struct access_key {
	char		*id;		/* kid; or NULL */
	EVP_PKEY	*public;
	uint8_t		*secret;
	size_t		 secret_length;
};

struct access_keys {
	struct access_key	*list;
	size_t			 count;
};

#define ACCESS_KEYS_MAX		64	/* of a JWK Set */

/* From PEM or a secret's bytes, or from a JWK Set.  0, or -1 and why. */
int	access_keys_single(struct access_keys *, enum config_algorithm,
	    const char *bytes, size_t length, struct err *);
int	access_keys_set(struct access_keys *, enum config_algorithm,
	    const char *bytes, size_t length, struct err *);
void	access_keys_free(struct access_keys *);

/* -------------------------------------------------- tokens (access_jwt.c) */

struct access_rules {
	enum config_algorithm	 algorithm;
	struct access_keys	 keys;
	const char		*issuer;	/* NULL: any */
	char *const		*audience;	/* NULL: none */
	int64_t			 leeway_s;
	const char		*scope_claim;
};

/* What a sound token says. */
struct access_claims {
	struct json_object	*json;		/* json_object_put() it */
	char			*text;		/* as the issuer wrote it */
	int64_t			 begins_s, ends_s; /* leeway included */
	const char		*name;		/* in `json` */
	char			 scopes[2048];
};

/* NULL: it is sound, and *claims_out is the caller's.  Else why not, and there
 * is nothing to release. */
const char	*access_jwt(const struct access_rules *, const char *token,
		    size_t length, int64_t wall_s,
		    struct access_claims *claims_out);
void		 access_claims_release(struct access_claims *);

/* Reads what `json` says and holds it against the rules (access_claims.c). */
const char	*access_claims_check(const struct access_rules *,
		    int64_t wall_s, struct access_claims *);

/* ------------------------------------- keys of clients (access_client.c) */

struct access_client {
	uint8_t		 digest[ACCESS_DIGEST];
	char		*name;
	char		*scopes;
};

struct access_clients {
	struct access_client	*list;		/* by digest */
	size_t			 count;
};

int	access_clients_parse(struct access_clients *, const char *text,
	    size_t length, struct err *);
void	access_clients_free(struct access_clients *);

/* Whose key is it?  NULL: nobody's. */
const struct access_client	*access_clients_find(
				    const struct access_clients *,
				    const char *key, size_t length);

/* --------------------------------------------- users (access_users.c) */

struct access_user {
	char		*name;
	char		*hash;		/* of crypt(5), with its setting */
	char		*scopes;
};

struct access_users {
	struct access_user	*list;		/* by name */
	size_t			 count;
};

int	access_users_parse(struct access_users *, const char *text,
	    size_t length, struct err *);
void	access_users_free(struct access_users *);

/* NULL: nobody has that name, which ends in NUL. */
const struct access_user	*access_users_find(
				    const struct access_users *,
				    const char *name);

/* Is it a hash of crypt(5) that may be used?  NULL, or why not. */
const char	*access_hash_refuse(const char *hash);

/* ---------------------------------- headers of a request (access_find.c) */

/* A header that comes twice is none: another program would take the other. */
enum access_verdict	access_find_header(const struct access_question *,
			    const char *parameter, struct wire_span *out);

/* What stands behind a scheme in Authorization; the scheme ends in a blank. */
enum access_verdict	access_find_scheme(const struct access_question *,
			    const char *scheme, struct wire_span *out);

/* ---------------------------------------- passwords (access_password.c) */

#define ACCESS_PASSWORD_MAX	512	/* bytes; CRYPT_MAX_PASSPHRASE_SIZE */
#define ACCESS_KNOWN_S		300	/* a right one need not be hashed for */

enum access_verdict	access_password_check(struct access *,
			    uint32_t section, const struct access_question *,
			    struct access_answer *);

/* What becomes of an answer (access_check.c). */
enum access_verdict	access_refuse(struct access_answer *,
			    enum access_verdict, const char *why);
enum access_verdict	access_fail(struct access *,
			    const struct access_question *,
			    struct access_answer *, const char *why);

/* Is it one that was good before?  Then `answer` has its identity. */
bool	access_recall(struct access *, uint32_t section,
	    struct wire_span credential, int64_t wall_s,
	    struct access_answer *, uint8_t digest_out[ACCESS_DIGEST]);

/* ------------------------------------------ known tokens (access_known.c) */

/*
 * Tokens and passwords that were good, so that most requests cost no signature
 * and no hash.  A place is chosen by a digest nobody outside can foresee; a
 * newcomer takes it.  Bad ones are not kept: nobody can push out others without
 * a good one.
 */
#define ACCESS_KNOWN	1024

struct access_known_one {
	uint8_t		 digest[ACCESS_DIGEST];
	uint32_t	 section;
	int64_t		 begins_s, ends_s;
	uint8_t		*identity;	/* NULL: free */
	size_t		 length;
};

struct access_known {
	uint8_t			 salt[ACCESS_DIGEST];
	struct access_known_one	 list[ACCESS_KNOWN];
};

/* The digest of a credential of a section. */
void	access_known_digest(const struct access_known *, uint32_t section,
	    const char *credential, size_t length,
	    uint8_t digest_out[ACCESS_DIGEST]);

/* NULL: it is not known, or not valid now. */
const struct access_known_one	*access_known_find(struct access_known *,
				    const uint8_t digest[ACCESS_DIGEST],
				    uint32_t section, int64_t wall_s);
/* -1: no memory, and it is not known. */
int	access_known_put(struct access_known *,
	    const uint8_t digest[ACCESS_DIGEST], uint32_t section,
	    int64_t begins_s, int64_t ends_s, const uint8_t *identity,
	    size_t length);
void	access_known_forget(struct access_known *);

/* --------------------------------------------- who failed (access_failed.c) */

#define ACCESS_FAILED		4096	/* clients that are counted */
#define ACCESS_FAILED_MS	10000

struct access_failed_one {
	uint64_t	client;		/* a digest; 0: free */
	uint64_t	since_ms;
	uint32_t	count;
};

struct access_failed {
	uint32_t			 limit;		/* 0: none */
	uint64_t			 salt;
	struct access_failed_one	 list[ACCESS_FAILED];
};

bool	access_failed_too_often(const struct access_failed *,
	    const char *client, size_t length, uint64_t now_ms);
void	access_failed_count(struct access_failed *, const char *client,
	    size_t length, uint64_t now_ms);

/* ---------------------------------------------------------------- all of it */

struct access_section {
	const struct config_auth	*config;
	char				*parameter; /* "HTTP_X_API_KEY" */
	struct access_clients		 clients;
	struct access_users		 users;
	struct access_rules		 rules;
};

struct access {
	struct access_section	*sections;
	size_t			 count;
	struct access_failed	 failed;
	struct access_known	 known;
};

#endif
