/*
 * wire_multipart.h - multipart/form-data, as its bytes come.  Pure: no I/O,
 * nothing allocated, never fatal.
 *
 * Parts and boundaries: RFC 2046, 5.1.  Names: RFC 7578, 4.2 and 5, and WHATWG
 * HTML, "multipart/form-data encoding algorithm".  What can be read in two ways
 * is malformed, so that nobody in front of us has read it in the other.
 */
#ifndef WIRE_MULTIPART_H
#define WIRE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire_text.h"

#define WIRE_BOUNDARY_MAX	70	/* RFC 2046, 5.1.1 */
#define WIRE_PART_HEADER_MAX	8192	/* of one part, its blank line too */

/* What is between two delimiters: "\r\n--", and what the client has chosen. */
#define WIRE_DELIMITER_MAX	(4 + WIRE_BOUNDARY_MAX)

enum wire_multipart_state {
	WIRE_MULTIPART_PREAMBLE,	/* before the first part: no matter */
	WIRE_MULTIPART_DATA,
	WIRE_MULTIPART_DELIMITED,	/* a delimiter has come */
	WIRE_MULTIPART_DASH,		/* ... and one '-' behind it */
	WIRE_MULTIPART_PADDING,		/* ... and a blank */
	WIRE_MULTIPART_RETURN,		/* ... and a CR */
	WIRE_MULTIPART_HEADER,
	WIRE_MULTIPART_CLOSED,		/* the last delimiter has come */
	WIRE_MULTIPART_CLOSED_RETURN,	/* ... and a CR */
	WIRE_MULTIPART_EPILOGUE,	/* no matter either */
	WIRE_MULTIPART_FAILED
};

/* The state between two pushes.  wire_multipart_init() makes it. */
struct wire_multipart {
	enum wire_multipart_state	 state;
	char		 delimiter[WIRE_DELIMITER_MAX];
	size_t		 delimiter_length;
	size_t		 matched;	/* of it, at the end of what came */
	size_t		 owed;		/* ... of which so much is no data */
	char		 header[WIRE_PART_HEADER_MAX];
	size_t		 header_length;
	const char	*error;
};

/*
 * What wire_multipart_next() found.  The spans are in the state: good until the
 * next part begins.
 *
 * name		the field's, as the form has it: UTF-8 without a NUL; may be
 *		empty, and may have line ends, quotes and slashes
 * filename	as the client sent it, likewise; filename* is not looked at
 *		(RFC 7578, 4.2)
 * is_file	there is a filename, be it empty
 * type		Content-Type, "" without one
 */
struct wire_part {
	struct wire_span	 name;
	struct wire_span	 filename;
	struct wire_span	 type;
	bool			 is_file;
};

enum wire_multipart_event {
	WIRE_PART_BEGINS,		/* *part_out is filled */
	WIRE_PART_BYTES,		/* *bytes_out is: a piece, not empty */
	WIRE_PART_ENDS
};

/*
 * The boundary in a Content-Type.  1: in *boundary_out; 0: this is another type
 * than multipart/form-data; -1: it is that, and the boundary is absent, given
 * twice, or none (1 to 70 characters of bchars), as *error_out says.
 */
int	wire_multipart_boundary(struct wire_span content_type,
	    struct wire_span *boundary_out, const char **error_out);

/* Before the first byte.  A boundary that was found by the function above. */
void	wire_multipart_init(struct wire_multipart *, struct wire_span boundary);

/*
 * Takes bytes from *cursor up to `end` and advances *cursor.
 *  1	*event_out, and what belongs to it; call again for more
 *  0	all bytes are taken, more are needed
 * -1	malformed; `error` in the state is a sentence.  It stays so
 * Bytes of a part are in the caller's memory, in one piece as far as they go;
 * those that looked like the begin of a delimiter, at the end of the bytes
 * before, are in the state until the next call.  However the bytes are split, a
 * part is the same.
 */
int	wire_multipart_next(struct wire_multipart *, const char **cursor,
	    const char *end, enum wire_multipart_event *event_out,
	    struct wire_part *part_out, struct wire_span *bytes_out);

/* After the last byte: 0; or -1 when the last delimiter has not come, and
 * `error` says so. */
int	wire_multipart_end(struct wire_multipart *);

/*
 * The header of one part, of whole lines without the blank one.  What it says
 * is decoded in place.  NULL, or a sentence (wire_part.c).
 */
const char	*wire_part_header(char *header, size_t length,
		    struct wire_part *part_out);

/*
 * The next of "; name=value; name="value"", of *cursor up to `end`: 1; 0 at the
 * end; -1: malformed.  A quoted value comes without its quotes, not decoded.
 */
int	wire_parameter_next(const char **cursor, const char *end,
	    struct wire_span *name_out, struct wire_span *value_out,
	    bool *quoted_out);

/*
 * A name for a file, made of what a client calls it: what follows the last '/'
 * or '\', without control characters, those that turn the writing direction,
 * dots in front, and blanks and dots at the end; '_' for each of <>:"|?* and
 * bad UTF-8, and before a name that is a device on Windows.  "file" if nothing
 * is left.  Cut to fit, the extension kept.  `size` is at least 32.  Ends in
 * NUL; returns the length.
 */
#define WIRE_FILE_NAME_MAX	200	/* with a NUL more for `size` */
size_t	wire_file_name(char *out, size_t size, struct wire_span from);

#endif
