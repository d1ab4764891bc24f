/*
 * clerk_sign.h - a webhook's signature.  Pure.
 */
#ifndef CLERK_CLERK_SIGN_H
#define CLERK_CLERK_SIGN_H

#include <stdint.h>
#include <stddef.h>

#define CLERK_SECRET_MAX	256	/* bytes, decoded */
#define CLERK_SIGNATURE_MAX	64	/* "v1," and Base64 of 32 bytes */

struct clerk_secret {
	unsigned char	 bytes[CLERK_SECRET_MAX];
	size_t		 length;	/* 0: there is none */
};

/*
 * What stands in the file of the secret, blanks around it ignored: "whsec_"
 * and Base64, or any bytes.  0, or -1: it has none, too many, or is no Base64.
 */
int	clerk_sign_secret(const char *text, size_t length,
	    struct clerk_secret *out);

/* 0, or -1: no memory. */
int	clerk_sign(const struct clerk_secret *, const char *id,
	    int64_t timestamp, const void *body, size_t length,
	    char out[CLERK_SIGNATURE_MAX]);

#endif
