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
	    .choices = "key bearer", .example = "key",
	    .text = "key: a long random text in a header.  bearer: a signed "
	    "token (JWT, RFC 7519) as \"Authorization: Bearer TOKEN\" (RFC "
	    "6750)." },
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
