/*
 * access_jwk.c - the keys that signatures are checked with: PEM and JWK Sets.
 *
 * Runs in: zygote and the tools, before any handler is loaded.
 * Owns: struct access_keys.
 * Invariant: every key is one of the section's algorithm, strong enough for it;
 * a public key is never taken for a secret.
 */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

#define SECRET_LEAST	32		/* bytes; RFC 7518, section 3.2 */
#define RSA_LEAST	2048		/* bits; section 3.3 */
#define RSA_MOST	8192
#define ED25519_BYTES	32
#define PART_MAX	(RSA_MOST / 8)	/* of a key, in bytes */

void
access_keys_free(struct access_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct access_key *key = &keys->list[i];

		free(key->id);
		EVP_PKEY_free(key->public);
		access_file_free((char *)key->secret, key->secret_length);
	}
	free(keys->list);
	*keys = (struct access_keys){ NULL, 0 };
}

static int
add(struct access_keys *keys, const struct access_key *key)
{
	struct access_key *grown = realloc(keys->list,
	    (keys->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	keys->list = grown;
	keys->list[keys->count++] = *key;
	return 0;
}

/* ------------------------------------------------------------ one of a file */

static int
check_public(EVP_PKEY *key, enum config_algorithm algorithm, struct err *err)
{
	int bits = EVP_PKEY_get_bits(key);

	if (algorithm == CONFIG_EDDSA)
		return EVP_PKEY_is_a(key, "ED25519") ? 0 : err_set(err, "its "
		    "key is none of Ed25519, which EdDSA wants");
	if (!EVP_PKEY_is_a(key, "RSA"))
		return err_set(err, "its key is none of RSA, which RS256 "
		    "wants");
	if (bits < RSA_LEAST || bits > RSA_MOST)
		return err_set(err, "its RSA key has %d bits: use %d to %d",
		    bits, RSA_LEAST, RSA_MOST);
	return 0;
}

static EVP_PKEY *
read_pem(const char *bytes, size_t length)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)length);
	EVP_PKEY *key = NULL;
	X509 *certificate;

	if (bio == NULL)
		return NULL;
	if (strstr(bytes, "-----BEGIN CERTIFICATE") == NULL)
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	else if ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) !=
	    NULL) {
		key = X509_get_pubkey(certificate);
		X509_free(certificate);
	}
	BIO_free(bio);
	return key;
}

static int
single_public(struct access_keys *keys, enum config_algorithm algorithm,
    const char *bytes, size_t length, struct err *err)
{
	struct access_key key = { .public = read_pem(bytes, length) };

	if (key.public == NULL && strstr(bytes, "PRIVATE KEY") != NULL)
		return err_set(err, "is a private key, which only the issuer "
		    "should have: \"openssl pkey -pubout\" gives the public "
		    "one");
	if (key.public == NULL)
		return err_set(err, "has no public key and no certificate in "
		    "PEM");
	if (check_public(key.public, algorithm, err) == 0 &&
	    add(keys, &key) == 0)
		return 0;
	EVP_PKEY_free(key.public);
	return -1;
}

static int
add_secret(struct access_keys *keys, const char *id, const void *bytes,
    size_t length, struct err *err)
{
	struct access_key key = { .secret_length = length };

	if (length < SECRET_LEAST)
		return err_set(err, "its secret has %zu bytes: HS256 wants %d "
		    "at least (RFC 7518), as \"openssl rand -hex 32\" makes "
		    "them", length, SECRET_LEAST);
	key.secret = malloc(length);
	key.id = id != NULL ? strdup(id) : NULL;
	if (key.secret == NULL || (id != NULL && key.id == NULL) ||
	    (memcpy(key.secret, bytes, length), add(keys, &key)) < 0) {
		free(key.secret);
		free(key.id);
		return err_sys(err, "its secret");
	}
	return 0;
}

int
access_keys_single(struct access_keys *keys, enum config_algorithm algorithm,
    const char *bytes, size_t length, struct err *err)
{
	if (algorithm != CONFIG_HS256)
		return single_public(keys, algorithm, bytes, length, err);
	if (strstr(bytes, "-----BEGIN") != NULL)
		return err_set(err, "has a PEM in it: for HS256 it is a "
		    "secret, for a public key the algorithm is RS256 or "
		    "EdDSA");
	while (length > 0 && (bytes[length - 1] == '\n' ||
	    bytes[length - 1] == '\r'))
		length--;
	return add_secret(keys, NULL, bytes, length, err);
}

/* --------------------------------------------------------------- a JWK Set */

/* A member in base64url; 0 if it is none. */
static size_t
part_of(struct json_object *json, const char *name, uint8_t out[PART_MAX + 2])
{
	const char *text = access_json_text(json, name);
	ptrdiff_t length;

	if (text == NULL || strlen(text) > PART_MAX / 3 * 4)
		return 0;
	length = access_base64(out, text, strlen(text));
	return length < 0 ? 0 : (size_t)length;
}

static EVP_PKEY *
make_rsa(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

/* RFC 7518, section 6.3.1. */
static EVP_PKEY *
read_rsa(struct json_object *json)
{
	uint8_t modulus[PART_MAX + 2], exponent[PART_MAX + 2];
	size_t n_length = part_of(json, "n", modulus);
	size_t e_length = part_of(json, "e", exponent);
	BIGNUM *n = BN_bin2bn(modulus, (int)n_length, NULL);
	BIGNUM *e = BN_bin2bn(exponent, (int)e_length, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (n_length > 0 && e_length > 0 && n != NULL && e != NULL &&
	    build != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params != NULL)
		key = make_rsa(params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

/* RFC 8037, section 2. */
static EVP_PKEY *
read_ed25519(struct json_object *json)
{
	const char *curve = access_json_text(json, "crv");
	uint8_t x[PART_MAX + 2];

	if (curve == NULL || strcmp(curve, "Ed25519") != 0 ||
	    part_of(json, "x", x) != ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x,
	    ED25519_BYTES);
}

/* Is it of our algorithm, as far as it says, and for signatures? */
static bool
is_ours(struct json_object *json, enum config_algorithm algorithm)
{
	static const char *const types[] = { "oct", "RSA", "OKP" };
	static const char *const names[] = { "HS256", "RS256", "EdDSA" };
	const char *type = access_json_text(json, "kty");
	const char *use = access_json_text(json, "use");
	const char *name = access_json_text(json, "alg");

	return type != NULL && strcmp(type, types[algorithm]) == 0 &&
	    (use == NULL || strcmp(use, "sig") == 0) &&
	    (name == NULL || strcmp(name, names[algorithm]) == 0);
}

static int
set_secret(struct access_keys *keys, struct json_object *json,
    struct err *err)
{
	uint8_t bytes[PART_MAX + 2];
	size_t length = part_of(json, "k", bytes);
	int rc = add_secret(keys, access_json_text(json, "kid"), bytes, length,
	    err);

	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

static int
set_one(struct access_keys *keys, enum config_algorithm algorithm,
    struct json_object *json, struct err *err)
{
	const char *id = access_json_text(json, "kid");
	struct access_key key = { .public = NULL };

	if (!is_ours(json, algorithm))
		return 0;
	if (algorithm == CONFIG_HS256)
		return set_secret(keys, json, err);
	key.public = algorithm == CONFIG_RS256 ? read_rsa(json) :
	    read_ed25519(json);
	if (key.public == NULL)
		return err_set(err, "its key \"%.80s\" cannot be read",
		    id == NULL ? "" : id);
	key.id = id == NULL ? NULL : strdup(id);
	if (check_public(key.public, algorithm, err) == 0 &&
	    (id == NULL || key.id != NULL) && add(keys, &key) == 0)
		return 0;
	EVP_PKEY_free(key.public);
	free(key.id);
	return -1;
}

static int
set_all(struct access_keys *keys, enum config_algorithm algorithm,
    struct json_object *json, struct err *err)
{
	struct json_object *list;
	size_t count;

	if (!json_object_object_get_ex(json, "keys", &list) ||
	    !json_object_is_type(list, json_type_array))
		return err_set(err, "has no list \"keys\"");
	count = json_object_array_length(list);
	if (count > ACCESS_KEYS_MAX)
		return err_set(err, "has %zu keys: at most %d are looked at",
		    count, ACCESS_KEYS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (json_object_is_type(one, json_type_object) &&
		    set_one(keys, algorithm, one, err) < 0)
			return -1;
	}
	return keys->count > 0 ? 0 :
	    err_set(err, "has no key of the algorithm");
}

static size_t
skip_blanks_at_end(const char *bytes, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", bytes[length - 1]) != NULL)
		length--;
	return length;
}

int
access_keys_set(struct access_keys *keys, enum config_algorithm algorithm,
    const char *bytes, size_t length, struct err *err)
{
	struct json_object *json = access_json_object(bytes,
	    skip_blanks_at_end(bytes, length));
	int rc;

	if (json == NULL)
		return err_set(err, "is no JWK Set: a JSON object with a list "
		    "\"keys\"");
	rc = set_all(keys, algorithm, json, err);
	json_object_put(json);
	return rc;
}
