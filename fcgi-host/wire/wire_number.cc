/*
 * wire_number.cc - numbers as text, by std::to_chars.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a number takes at most WIRE_NUMBER_MAX bytes, so to_chars cannot
 * fail, nor does it allocate or throw.
 */
#include "wire/wire_number.h"

#include <charconv>

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
