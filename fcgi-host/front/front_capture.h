/*
 * front_capture.h - requests of crashes, kept without credentials.
 */
#ifndef FRONT_FRONT_CAPTURE_H
#define FRONT_FRONT_CAPTURE_H

#include "front/front.h"

/* Keeps a job's request; the file's name, or "". */
void	front_capture(const struct front_job *,
	    char name_out[CAPTURE_NAME_MAX]);

/* Overwrites the values of those parameters that are credentials, in place. */
void	front_capture_hide(const struct config *, uint8_t *params,
	    size_t length);

/* The parameters as a capture may have them, until the next call; as they are
 * where nothing is captured.  NULL: no memory. */
const uint8_t	*front_capture_mask(struct front *, const uint8_t *params,
		    size_t length);

#endif
