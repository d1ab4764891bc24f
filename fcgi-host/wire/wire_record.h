/*
 * wire_record.h - FastCGI records, both ways.  Pure: no I/O, never fatal.
 *
 * FastCGI specification 1.0, section 3.3 (records) and 8 (types).  Constants
 * and structures come from libfcgi's <fastcgi.h>.
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <fastcgi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest content of a record that keeps the next header aligned. */
#define WIRE_CONTENT_MAX	65528

/*
 * Content of a record that is no stream (anything but PARAMS, STDIN, DATA,
 * STDOUT, STDERR) is kept until it is whole, up to this many bytes.
 */
#define WIRE_CONTROL_MAX	1024

/*
 * What wire_read found.  A stream record comes in as many pieces as it was
 * read in, each with the bytes at hand; any other record comes once, whole,
 * with `truncated` set when it was longer than WIRE_CONTROL_MAX (the rest is
 * skipped).  An empty record comes as one piece with length 0.
 */
struct wire_piece {
	uint8_t		 type;
	uint16_t	 id;
	uint16_t	 content_length;	/* of the whole record */
	bool		 truncated;
	const uint8_t	*data;	/* in the caller's bytes or in the reader */
	size_t		 length;
};

/* The state between two reads of one connection.  Zeroed is fresh. */
struct wire_reader {
	uint8_t		 header[FCGI_HEADER_LEN];
	uint8_t		 header_have;
	bool		 in_record;
	uint16_t	 content_left;
	uint8_t		 padding_left;
	uint16_t	 control_have;
	uint8_t		 control[WIRE_CONTROL_MAX];
};

/*
 * Takes bytes from *cursor up to `end` and advances *cursor.
 *  1	*piece_out is filled; call again for more
 *  0	all bytes are taken, more are needed
 * -1	this is not FastCGI version 1: close the connection
 * `piece_out->data` is good until the next call or until the caller's bytes go.
 */
int	wire_read(struct wire_reader *, const uint8_t **cursor,
	    const uint8_t *end, struct wire_piece *piece_out);

/* True between two records, when closing cuts nothing off. */
bool	wire_reader_at_boundary(const struct wire_reader *);

/* Writes the eight bytes in front of `content_length` bytes. */
void	wire_put_header(uint8_t out[FCGI_HEADER_LEN], uint8_t type, uint16_t id,
	    uint16_t content_length, uint8_t padding_length);

/* Whole records; each returns its length. */
#define WIRE_END_LEN	16
size_t	wire_put_end(uint8_t out[WIRE_END_LEN], uint16_t id,
	    uint32_t app_status, uint8_t protocol_status);
size_t	wire_put_unknown(uint8_t out[WIRE_END_LEN], uint8_t type);
size_t	wire_put_begin(uint8_t out[WIRE_END_LEN], uint16_t id, uint16_t role,
	    uint8_t flags);

/*
 * The answer to a GET_VALUES record with this content: one GET_VALUES_RESULT
 * record with the names we know, each once (section 4.1).  A malformed or
 * unknown name is left out.  Returns the length, at most WIRE_VALUES_MAX.
 */
#define WIRE_VALUES_MAX	128
size_t	wire_put_values(uint8_t out[WIRE_VALUES_MAX], const uint8_t *content,
	    size_t length, uint32_t max_conns, uint32_t max_reqs);

#endif
