/*
 * wire_number.cc - numbers as text, by std::to_chars, and back.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a number takes at most WIRE_NUMBER_MAX bytes, so to_chars cannot
 * fail, nor does it allocate or throw.
 */
#include "wire/wire_number.h"

#include <charconv>

#include <cstring>

extern "C" char *
wire_put_double(char *at, double value)
{
	return std::to_chars(at, at + WIRE_NUMBER_MAX, value).ptr;
}

extern "C" char *
wire_put_integer(char *at, int64_t value)
{
	return std::to_chars(at, at + WIRE_NUMBER_MAX, value).ptr;
}

extern "C" char *
wire_put_unsigned(char *at, uint64_t value)
{
	return std::to_chars(at, at + WIRE_NUMBER_MAX, value).ptr;
}

static const char *
skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* RFC 8259, section 6; from_chars takes more: "1.", ".5", "inf". */
static bool
is_number(const char *at, const char *end)
{
	const char *digits;

	at += at < end && *at == '-';
	digits = at;
	at = skip_digits(at, end);
	if (at == digits || (*digits == '0' && at - digits > 1))
		return false;
	if (at < end && *at == '.') {
		digits = ++at;
		at = skip_digits(at, end);
		if (at == digits)
			return false;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		digits = at;
		at = skip_digits(at, end);
		if (at == digits)
			return false;
	}
	return at == end;
}

/* The power of ten of the first digit that is not 0, without the exponent. */
static long long
magnitude(const char *at, const char *end)
{
	const char *point = at, *first = at;

	while (point < end && *point >= '0' && *point <= '9')
		point++;
	while (first < end && (*first == '0' || *first == '.'))
		first++;
	return point - first;
}

/* Out of range says not on which side. */
static bool
is_tiny(const char *at, const char *end)
{
	const char *e;
	long long power = 0;

	at += *at == '-';
	for (e = at; e < end && *e != 'e' && *e != 'E';)
		e++;
	if (e < end) {
		/* One that does not fit decides alone. */
		if (std::from_chars(e + 1 + (e[1] == '+'), end, power).ec !=
		    std::errc() || power > (1LL << 40) || power < -(1LL << 40))
			return e[1] == '-';
	}
	return magnitude(at, e) + power < 0;
}

extern "C" int
wire_parse_double(const char *text, size_t length, double *value_out)
{
	const char *end = text + length;

	if (!is_number(text, end))
		return -1;
	if (std::from_chars(text, end, *value_out).ec == std::errc())
		return 0;
	if (!is_tiny(text, end))
		return -2;
	*value_out = *text == '-' ? -0.0 : 0.0;
	return 0;
}
