/*
 * api_form.c - a body as a form: its fields and its files.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; what it makes lies in the request's arena.
 * Invariant: a file's bytes are never copied, and what is copied of a form is
 * no more than the limits of the configuration say; of a form that is not sound
 * a handler sees nothing.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_multipart.h"

#define FIELDS	"fields (form_fields)"

/* A form while it is read. */
struct form {
	struct fh_request	*rq;
	const struct config	*config;
	const char		*body;
	struct fh_field		*fields;
	size_t			 field_count, field_size;
	struct fh_file		*files;
	size_t			 file_count, file_size;
	size_t			 parts;		/* with files that are none */
	size_t			 memory;	/* so much has been copied */
	struct fh_file		 part;		/* the present one */
	bool			 is_file;
};

static int
fail(struct fh_request *rq, int status, const char *error)
{
	rq->form_status = error == NULL ? 500 : status;
	rq->form_error = error == NULL ? "out of memory" : error;
	return -1;
}

static int
out_of_memory(struct fh_request *rq)
{
	return fail(rq, 500, NULL);
}

/* ------------------------------------------------- one part */

/* NULL: it is over the limit, or memory is out. */
static const char *
copy(struct form *form, struct wire_span text)
{
	const char *copied;

	form->memory += text.length + 1;
	if (form->memory > form->config->form_memory) {
		fail(form->rq, 413, fh_sprintf(form->rq, "The names and "
		    "values of the form's fields are larger than form_memory "
		    "(%zu bytes).", form->config->form_memory));
		return NULL;
	}
	copied = api_copy(form->rq, text.at, text.length);
	if (copied == NULL)
		out_of_memory(form->rq);
	return copied;
}

/* One more of an array in the arena: the array, or NULL. */
static void *
grow(struct form *form, void *array, size_t count, size_t *size, size_t item)
{
	size_t wanted = *size == 0 ? 8 : *size * 2;
	void *grown;

	if (count < *size)
		return array;
	grown = api_arena_alloc(&form->rq->arena, wanted * item);
	if (grown == NULL) {
		out_of_memory(form->rq);
		return NULL;
	}
	if (count > 0)
		memcpy(grown, array, count * item);
	*size = wanted;
	return grown;
}

static int
too_many(struct fh_request *rq, uint32_t limit, const char *what)
{
	return fail(rq, 413, fh_sprintf(rq, "The form has more than %u %s.",
	    limit, what));
}

static int
over_limit(struct form *form)
{
	const struct config *config = form->config;

	if (form->is_file)
		return form->parts < config->form_files ? 0 : too_many(
		    form->rq, config->form_files, "files (form_files)");
	return form->field_count < config->form_fields ? 0 : too_many(
	    form->rq, config->form_fields, FIELDS);
}

static int
name_file(struct form *form, const struct wire_part *part)
{
	static const struct wire_span unknown = { "application/octet-stream",
	    sizeof("application/octet-stream") - 1 };
	char name[WIRE_FILE_NAME_MAX + 1];
	size_t length = wire_file_name(name, sizeof(name), part->filename);

	form->parts++;
	form->part.filename = copy(form, part->filename);
	form->part.name = copy(form, (struct wire_span){ name, length });
	form->part.type = copy(form, part->type.length > 0 ? part->type :
	    unknown);
	return form->part.filename == NULL || form->part.name == NULL ||
	    form->part.type == NULL ? -1 : 0;
}

static int
begin(struct form *form, const struct wire_part *part)
{
	form->part = (struct fh_file){ .data = "" };
	form->is_file = part->is_file;
	if (over_limit(form) < 0)
		return -1;
	form->part.field = copy(form, part->name);
	if (form->part.field == NULL)
		return -1;
	return form->is_file ? name_file(form, part) : 0;
}

static int
add_file(struct form *form)
{
	if (form->part.length == 0 && form->part.filename[0] == '\0')
		return 0;
	form->files = grow(form, form->files, form->file_count,
	    &form->file_size, sizeof(*form->files));
	if (form->files == NULL)
		return -1;
	form->files[form->file_count++] = form->part;
	return 0;
}

static int
add_field(struct form *form)
{
	const char *value = copy(form, (struct wire_span){ form->part.data,
	    form->part.length });

	if (value == NULL)
		return -1;
	form->fields = grow(form, form->fields, form->field_count,
	    &form->field_size, sizeof(*form->fields));
	if (form->fields == NULL)
		return -1;
	form->fields[form->field_count++] = (struct fh_field){
	    form->part.field, value, form->part.length };
	return 0;
}

static int
take(struct form *form, enum wire_multipart_event event,
    const struct wire_part *part, struct wire_span bytes)
{
	switch (event) {
	case WIRE_PART_BEGINS:
		return begin(form, part);
	case WIRE_PART_BYTES:	/* once: all of the body is there */
		form->part.data = bytes.at;
		form->part.length = bytes.length;
		form->part.offset = (uint64_t)(bytes.at - form->body);
		return 0;
	case WIRE_PART_ENDS:
		return form->is_file ? add_file(form) : add_field(form);
	}
	return 0;
}

/* ------------------------------------------------- all of them */

static int
malformed(struct fh_request *rq, const char *why)
{
	return fail(rq, 400, fh_sprintf(rq, "The form is malformed: %s.",
	    why));
}

static int
read_parts(struct form *form, struct wire_multipart *multipart, size_t length)
{
	const char *at = form->body, *end = at + length;
	enum wire_multipart_event event;
	struct wire_span bytes;
	struct wire_part part;
	int rc;

	while ((rc = wire_multipart_next(multipart, &at, end, &event, &part,
	    &bytes)) == 1) {
		if (take(form, event, &part, bytes) < 0)
			return -1;
	}
	if (rc < 0 || wire_multipart_end(multipart) < 0)
		return malformed(form->rq, multipart->error);
	return 0;
}

static void
read_multipart(struct fh_request *rq, struct wire_span boundary)
{
	struct form form = { .rq = rq, .config = rq->thread->set->config };
	struct wire_multipart *multipart;
	size_t length;

	multipart = api_arena_alloc(&rq->arena, sizeof(*multipart));
	if (multipart == NULL) {
		out_of_memory(rq);
		return;
	}
	form.body = fh_body(rq, &length);
	wire_multipart_init(multipart, boundary);
	if (read_parts(&form, multipart, length) < 0)
		return;
	rq->form = (struct api_fields){ form.fields, form.field_count, true };
	rq->files = form.files;
	rq->file_count = form.file_count;
}

static void
read_urlencoded(struct fh_request *rq)
{
	uint32_t limit = rq->thread->set->config->form_fields;

	if (!api_fields_form(rq, limit))
		too_many(rq, limit, FIELDS);
}

static bool
is_urlencoded(const char *type)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const size_t length = sizeof(form) - 1;

	return strncasecmp(type, form, length) == 0 &&
	    (type[length] == '\0' || type[length] == ';' ||
	    type[length] == ' ' || type[length] == '\t');
}

static void
read_form(struct fh_request *rq)
{
	const char *type = fh_header(rq, "Content-Type"), *error;
	struct wire_span boundary;
	int rc;

	rq->form.ready = true;
	if (type == NULL)
		return;
	if (is_urlencoded(type)) {
		read_urlencoded(rq);
		return;
	}
	rc = wire_multipart_boundary((struct wire_span){ type, strlen(type) },
	    &boundary, &error);
	if (rc == 1)
		read_multipart(rq, boundary);
	else if (rc < 0)
		malformed(rq, error);
}

int
api_form_error(struct fh_request *rq, const char **error_out)
{
	if (!rq->form.ready)
		read_form(rq);
	*error_out = rq->form_error;
	return rq->form_status;
}

/* ------------------------------------------------- for the handler */

const struct fh_field *
fh_form_fields(struct fh_request *rq, size_t *count_out)
{
	if (!rq->form.ready)
		read_form(rq);
	*count_out = rq->form.count;
	return rq->form.at;
}

const char *
fh_form(struct fh_request *rq, const char *name)
{
	size_t count;
	const struct fh_field *fields = fh_form_fields(rq, &count);

	return api_fields_first(fields, count, name);
}

const struct fh_file *
fh_files(struct fh_request *rq, size_t *count_out)
{
	if (!rq->form.ready)
		read_form(rq);
	*count_out = rq->file_count;
	return rq->files;
}

const struct fh_file *
fh_file(struct fh_request *rq, const char *field)
{
	size_t count;
	const struct fh_file *files = fh_files(rq, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(files[i].field, field) == 0)
			return &files[i];
	}
	return NULL;
}

const char *
fh_form_error(struct fh_request *rq)
{
	const char *error;

	api_form_error(rq, &error);
	return error;
}

int
fh_form_problem(struct fh_request *rq)
{
	const char *error;
	int status = api_form_error(rq, &error);

	if (error == NULL)
		return api_fault(rq, EINVAL, "fh_form_problem() for a form "
		    "without a fault");
	return fh_problem(rq, status, "%s", error);
}
