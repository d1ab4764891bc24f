/*
 * config_auth_options.c - the options of a section auth.
 *
 * Runs in: whoever reads a configuration or prints its manual.
 * Owns: what these options are called, take, default to and mean.
 * Invariant: nothing else in the program repeats a default or a bound of them.
 */
#include "config/config_table.h"

#define AUTH(member)	CONFIG_MEMBER(struct config_auth, member)

const struct config_option config_auth_options[] = {
	{ .name = "type", .type = CONFIG_CHOICE, AUTH(type), .required = true,
	    .choices = "key bearer basic", .example = "key",
	    .text = "key: a long random text in a header.  bearer: a signed "
	    "token (JWT, RFC 7519) as \"Authorization: Bearer TOKEN\" (RFC "
	    "6750).  basic: a name and a password, which browsers ask for "
	    "(RFC 7617); whoever hears the line has the password, so only "
	    "behind TLS." },
	{ .name = "header", .type = CONFIG_TEXT, AUTH(header),
	    .fallback = "X-API-Key",
	    .text = "For type key: the request header with the key." },
	{ .name = "keys_file", .type = CONFIG_SECRET, AUTH(keys_file),
	    .example = "/etc/fcgi-host/keys",
	    .text = "For type key: the file of the keys.  Each line has a "
	    "name, the key's SHA-256 in hexadecimal digits and its scopes, "
	    "with blanks between; '#' begins a comment.  A key is made with "
	    "\"openssl rand -hex 32\", its digest with \"printf %s KEY | "
	    "sha256sum\": the file cannot be used to log in.  A name may have "
	    "several keys, so that one can take the place of another." },
	{ .name = "users_file", .type = CONFIG_SECRET, AUTH(users_file),
	    .fallback = "",
	    .text = "For type basic: the file of the users, such as "
	    "\"/etc/fcgi-host/users\".  Each line is NAME:HASH or "
	    "NAME:HASH:SCOPE SCOPE; '#' begins a comment.  HASH is what "
	    "\"mkpasswd -m yescrypt\" prints, or another of crypt(5) that "
	    "withstands guessing: $y$, $gy$, $7$, $6$ and $2b$, the last as "
	    "\"htpasswd -B\" makes it too.  MD5 ($1$, $apr1$), SHA-1 and "
	    "plain text are refused, and so is a hash that takes over 64 MiB "
	    "of memory.  A password is hashed beside all that serves, one at "
	    "a time, some 30 ms each, before its request is queued; 64 "
	    "requests may wait for that, 16 of one address, and more get a "
	    "503 with Retry-After.  One that was right is known for 5 "
	    "minutes, or until the next reload, and then costs nothing." },
	{ .name = "algorithm", .type = CONFIG_CHOICE, AUTH(algorithm),
	    .fallback = "RS256", .choices = "HS256 RS256 EdDSA",
	    .text = "For type bearer: the one algorithm that tokens are signed "
	    "with, whatever they say themselves.  EdDSA is Ed25519 (RFC "
	    "8037)." },
	{ .name = "key_file", .type = CONFIG_SECRET, AUTH(key_file),
	    .fallback = "",
	    .text = "For type bearer: the key that signatures are checked "
	    "with, such as \"/etc/fcgi-host/issuer.pem\".  For RS256 and "
	    "EdDSA a public key or a certificate in PEM; "
	    "for HS256 the secret's bytes, 32 at least, without a line feed at "
	    "the end." },
	{ .name = "jwks_file", .type = CONFIG_SECRET, AUTH(jwks_file),
	    .fallback = "",
	    .text = "In place of key_file: a JWK Set (RFC 7517), as issuers "
	    "publish it.  A token's kid chooses among its keys; those of "
	    "another algorithm are left out.  The host fetches nothing: let a "
	    "timer do it and call fcgi-host reload." },
	{ .name = "issuer", .type = CONFIG_TEXT, AUTH(issuer),
	    .fallback = "",
	    .text = "For type bearer: what a token's iss must be.  Empty: "
	    "anything." },
	{ .name = "audience", .type = CONFIG_LIST, .item = CONFIG_TEXT,
	    AUTH(audience), .fallback = "",
	    .text = "For type bearer: a token's aud must have one of these.  "
	    "Empty: a token with an aud is for somebody else and refused (RFC "
	    "7519, section 4.1.3)." },
	{ .name = "leeway", .type = CONFIG_TIME, AUTH(leeway_ms),
	    .fallback = "30s", .min = "1s", .max = "10m", .zero = true,
	    .text = "For type bearer: how far the issuer's clock may be from "
	    "ours, for exp and nbf.  A token without exp is refused." },
	{ .name = "scope_claim", .type = CONFIG_TEXT, AUTH(scope_claim),
	    .fallback = "scope",
	    .text = "For type bearer: the claim with the scopes, a text with "
	    "blanks between them (RFC 8693) or a list." },
	{ .name = NULL }
};
