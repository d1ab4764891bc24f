/*
 * wire_number.h - numbers as JSON writes them (RFC 8259, section 6).
 *
 * The one part of the host that is C++: the shortest text that reads back as
 * the same double is std::to_chars of the compiler's own library.
 */
#ifndef WIRE_NUMBER_H
#define WIRE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for any number, without a NUL. */
#define WIRE_NUMBER_MAX	32

/*
 * The shortest text that strtod() reads back to this value, bit by bit; `value`
 * must be finite.  Where two are as short: fixed rather than with an exponent,
 * and the nearer one.  Returns the new end.
 */
char	*wire_put_double(char *at, double value);

/* In decimal.  Return the new end. */
char	*wire_put_integer(char *at, int64_t value);
char	*wire_put_unsigned(char *at, uint64_t value);

/*
 * All of the text as a number of that grammar, to the nearest double: 0; -1 for
 * any other text, and -2 for one that is over a double.  What is under one is
 * 0.  No locale changes it.
 */
int	wire_parse_double(const char *text, size_t length, double *value_out);

#ifdef __cplusplus
}
#endif

#endif
