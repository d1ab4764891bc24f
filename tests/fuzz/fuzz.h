/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is LLVMFuzzerTestOneInput and nothing else.  Linked with fuzz_main.c
 * it replays files (the corpus, or an input that was found); linked with
 * clang's -fsanitize=fuzzer it makes its own.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define CHECK(property) \
	do { \
		if (!(property)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #property); \
			abort(); \
		} \
	} while (0)

#endif
