/*
 * wire_date.h - dates of HTTP (RFC 9110, section 5.6.7).  Pure.
 */
#ifndef WIRE_DATE_H
#define WIRE_DATE_H

#include <stddef.h>
#include <stdint.h>

#include "wire/wire_text.h"

#define WIRE_DATE_LENGTH	29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define WIRE_NO_DATE		INT64_MIN

/* Seconds since 1970, of the years 1 to 9999; others give the nearest of them.
 * Writes WIRE_DATE_LENGTH bytes and a NUL. */
void	wire_put_date(char out[WIRE_DATE_LENGTH + 1], int64_t seconds);

/* Any of the three forms; `now` says which century a year of two digits is in.
 * WIRE_NO_DATE: it is none. */
int64_t	wire_parse_date(struct wire_span, int64_t now);

#endif
