/*
 * wit.h - what the witness's files share.
 *
 *	wit_main       reads or attaches, prints one JSON object
 *	wit_record     the record of a process that crashed, nothing believed
 *	wit_attach     the same of one that lives and is slow
 *	wit_maps       its address space
 *	wit_words      policy: what happened, in words
 *	wit_names      of signals, registers and system calls
 *	wit_unwind     whose frames are on its stack (libdw)
 *	wit_symbols    function, file and line of each
 *	wit_report     the document
 *	wit_last_words the document without frames, should we fail ourselves
 *
 * Everything in a record may be a lie, and the files that its map names may be
 * made to harm whoever reads them: the witness has no right that a handler has
 * not, and it is short-lived.
 */
#ifndef WITNESS_WIT_H
#define WITNESS_WIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/crash.h"
#include "common/err.h"

struct json_object;

#define WIT_FRAMES_MAX	64
#define WIT_WORDS_MAX	1024
#define WIT_MAPS_MAX	16384
#define WIT_TEXT_MAX	512	/* bytes of one text in a report */

/* ------------------------------------------------------------------- maps */

struct wit_map {
	uint64_t	 start, end;	/* start < end */
	uint64_t	 offset, inode;
	bool		 readable, writable, executable;
	const char	*path;	/* "", "[stack]", "/x (deleted)" */
};

/* In ascending order, none overlaps another. */
struct wit_maps {
	struct wit_map	*list;
	size_t		 count;
};

/*
 * wit_maps.c.  Takes the text of /proc/PID/maps apart, in place: paths point
 * into it, and it must end in a NUL that `length` does not count.  What is out
 * of order or no such line ends the list.  0, or -1: memory is out.
 */
int	wit_maps_parse(char *text, size_t length, struct wit_maps *out);
void	wit_maps_finish(struct wit_maps *);
/* The one that has the address, or NULL. */
const struct wit_map	*wit_maps_find(const struct wit_maps *,
			    uint64_t address);
/* The last one that ends at or before the address, or NULL. */
const struct wit_map	*wit_maps_before(const struct wit_maps *,
			    uint64_t address);

/* ----------------------------------------------------------------- records */

/*
 * A record in our memory.  In `crash` every text ends, register_count is within
 * its array, and the offsets of sections mean nothing any more.
 */
struct wit_record {
	struct crash_record	 crash;
	unsigned char		*stack;		/* NULL: none */
	size_t			 stack_length;
	char			*maps_text;
	struct wit_maps		 maps;
	bool			 bare;		/* only sp and pc are known */
	uint64_t		 stopped_ns;	/* slow: how long it stood */
	uint64_t		 at_ms;		/* slow: when, clock_now_ms() */
	struct err		 trouble;	/* what is not there */
};

/* wit_record.c: from a descriptor.  0, or -1 and why: there is nothing to say
 * about it then.  To be finished in either case. */
int	wit_record_read(int fd, struct wit_record *out, struct err *);
void	wit_record_finish(struct wit_record *);
/* 8 bytes of its stack; false: they are not in the record. */
bool	wit_record_word(const struct wit_record *, uint64_t address,
	    uint64_t *word_out);
uint64_t	wit_record_stack_pointer(const struct crash_record *);
uint64_t	wit_record_frame_pointer(const struct crash_record *);

/* wit_attach.c: from a living process, which goes on as if nothing had been.
 * 0, or -1 and why; `out` is as above. */
int	wit_attach(pid_t, struct wit_record *out, struct err *);

/* ------------------------------------------------------------------- words */

/* wit_names.c */
const char	*wit_register_name(unsigned number);	/* NULL: none */
/* "socket", or "system call 9999". */
void	wit_syscall_name(int number, char *out, size_t size);

/*
 * wit_words.c: what happened, in words; "" if there are none.  A pure function.
 * `syscall` is the name of crash.syscall, `advice` what to do about it or NULL.
 */
void	wit_words(const struct crash_record *, const struct wit_maps *,
	    const char *syscall, const char *advice, char *out, size_t size);

/* ------------------------------------------------------------------ frames */

/*
 * One frame, innermost first.  `pc` of all but the first is where it returns
 * to, so what it does there is one byte before.
 */
struct wit_frame {
	uint64_t	pc;
	bool		exact;		/* pc is the instruction itself */
};

struct wit_unwound {
	struct wit_frame	 frames[WIT_FRAMES_MAX];
	size_t			 count;
	const char		*how;	/* "dwarf", "frame pointers" */
};

struct wit_debug;			/* its modules, by libdw */

/* wit_unwind.c.  NULL: memory is out, or libdw. */
struct wit_debug	*wit_debug_create(const struct wit_record *);
void	wit_debug_destroy(struct wit_debug *);
void	wit_unwind(struct wit_debug *, struct wit_unwound *out);

/* wit_symbols.c: frames in words, a JSON array of at most WIT_FRAMES_MAX. */
struct json_object	*wit_symbols(struct wit_debug *,
			    const struct wit_unwound *);

/* ------------------------------------------------------------------ report */

/* wit_report.c: valid UTF-8 without control characters, of at most
 * WIT_TEXT_MAX bytes; NULL is "". */
struct json_object	*wit_text(const char *);
struct json_object	*wit_address(uint64_t);
/* All of it but the frames. */
struct json_object	*wit_report(const struct wit_record *);
/* Of nothing but the reason why there is none. */
struct json_object	*wit_report_error(const char *why);
void	wit_report_add_error(struct json_object *, const char *why);

/* wit_last_words.c: printed if this process crashes or `seconds` are over; NULL
 * before there are any.  wit_last_words_end(): nothing of that any more. */
void	wit_last_words(const char *text);
void	wit_last_words_begin(unsigned seconds);
void	wit_last_words_end(void);

#endif
