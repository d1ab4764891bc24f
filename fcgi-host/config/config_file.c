/*
 * config_file.c - the bytes of a configuration file.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: the descriptor while it reads.
 * Invariant: whatever the path leads to, nothing blocks and no more than
 * CONFIG_FILE_MAX bytes are read.
 */
#include "config/config_file.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
report_size(struct config_faults *faults, long long size)
{
	config_fault(faults, 0, NULL, "the file has %lld bytes, and a "
	    "configuration has at most %d: is it the right file?", size,
	    CONFIG_FILE_MAX);
}

/* Is it a file of a possible size?  -1 and a fault if not. */
static int
check_kind(int fd, size_t *size_out, struct config_faults *faults)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		config_fault(faults, 0, NULL, "cannot be read: %s",
		    strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		config_fault(faults, 0, NULL, "is a directory: name the file "
		    "in it");
	} else if (!S_ISREG(st.st_mode)) {
		config_fault(faults, 0, NULL, "is not a regular file");
	} else if (st.st_size > CONFIG_FILE_MAX) {
		report_size(faults, (long long)st.st_size);
	} else {
		*size_out = (size_t)st.st_size;
		return 0;
	}
	return -1;
}

/* Reads up to `size` bytes; -1 and a fault. */
static ssize_t
read_whole(int fd, char *text, size_t size, struct config_faults *faults)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, text + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			config_fault(faults, 0, NULL, "cannot be read: %s",
			    strerror(errno));
			return -1;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

char *
config_file_read(const char *file, size_t *length_out,
    struct config_faults *faults)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = NULL;
	ssize_t length = -1;
	size_t size;

	if (fd < 0) {
		config_fault(faults, 0, NULL, "cannot be opened: %s",
		    strerror(errno));
		return NULL;
	}
	if (check_kind(fd, &size, faults) == 0) {
		text = config_allocate(size + 1, 1);
		length = read_whole(fd, text, size, faults);
	}
	close(fd);
	if (length < 0) {
		free(text);
		return NULL;
	}
	*length_out = (size_t)length;
	return text;
}

/* Bytes of the character at `text`, or 0 if it is no UTF-8 (RFC 3629). */
static size_t
character(const unsigned char *text, size_t left)
{
	size_t more = text[0] < 0x80 ? 0 : text[0] < 0xe0 ? 1 :
	    text[0] < 0xf0 ? 2 : 3;
	uint32_t value = text[0] & (0x7fu >> (more + (more > 0)));
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	if ((text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4 ||
	    more >= left)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[more] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return more + 1;
}

int
config_file_check(const char *text, size_t length,
    struct config_faults *faults)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned line = 1;

	if (length > CONFIG_FILE_MAX) {
		report_size(faults, (long long)length);
		return -1;
	}
	for (size_t at = 0, step; at < length; at += step) {
		step = character(bytes + at, length - at);
		if (step != 0 && bytes[at] != '\0') {
			line += bytes[at] == '\n';
			continue;
		}
		if (step == 0)
			config_fault(faults, line, NULL, "the byte 0x%02X is "
			    "not UTF-8: save the file as UTF-8", bytes[at]);
		else
			config_fault(faults, line, NULL, "there is a NUL byte "
			    "here: is it a text file?");
		return -1;
	}
	return 0;
}
