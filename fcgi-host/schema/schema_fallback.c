/*
 * schema_fallback.c - fallbacks and examples: values that a table holds.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing; what it makes belongs to the node.
 * Invariant: what a table holds passes what it asks of a client.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"

/* One text of a table while it is tried. */
struct trial {
	struct schema_run	 run;
	char			 why[200];	/* the first fault */
	struct pieces {
		struct pieces	*next;
		max_align_t	 bytes[];
	}			*pieces;
};

static void *
alloc(void *context, size_t size)
{
	struct trial *trial = context;
	struct pieces *piece = malloc(sizeof(*piece) + size);

	if (piece == NULL)
		return NULL;
	piece->next = trial->pieces;
	trial->pieces = piece;
	return piece->bytes;
}

static void
take_fault(void *context, const struct schema_fault *fault)
{
	struct trial *trial = context;

	if (trial->why[0] == '\0')
		schema_fault_message(fault, trial->why, sizeof(trial->why));
}

static int
begin(const struct schema_maker *maker, struct trial *trial)
{
	memset(trial, 0, sizeof(*trial));
	trial->run.alloc = alloc;
	trial->run.report = take_fault;
	trial->run.context = trial;
	trial->run.matcher = schema_matcher_create();
	return trial->run.matcher != NULL ? 0 :
	    err_sys(maker->err, "route \"%s\"", maker->source->label);
}

static void
finish(struct trial *trial)
{
	while (trial->pieces != NULL) {
		struct pieces *next = trial->pieces->next;

		free(trial->pieces);
		trial->pieces = next;
	}
	schema_matcher_destroy(trial->run.matcher);
}

/* ------------------------------------------------- one text */

static struct json_object *
parse(const char *text)
{
	struct json_tokener *tokener = json_tokener_new_ex(2 *
	    SCHEMA_DEPTH_MAX);
	struct json_object *json;

	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	json_tokener_free(tokener);
	return json;
}

static int
try_json(struct trial *trial, const struct schema_node *node,
    const char *text, struct json_object **json_out)
{
	struct json_object *json = parse(text);

	*json_out = json;
	if (json == NULL)
		strcpy(trial->why, "it is no JSON");
	else
		schema_json_take(&trial->run, node, json, NULL, NULL);
	return trial->why[0] == '\0' ? 0 : -1;
}

static int
try_text(struct trial *trial, const struct schema_node *node,
    const char *text, union schema_value *value_out)
{
	struct schema_reading reading;
	struct schema_fault fault = { .node = node };

	fault.wrong = schema_value_read(node, text, strlen(text), &trial->run,
	    &reading);
	fault.why = reading.why;
	if (fault.wrong == SCHEMA_NO_MEMORY)
		strcpy(trial->why, "there is no memory for it");
	else if (fault.wrong != SCHEMA_OK)
		take_fault(trial, &fault);
	else
		*value_out = reading.value;
	return trial->why[0] == '\0' ? 0 : -1;
}

/* The bytes that a fallback is decoded to outlive the trial. */
static int
keep_bytes(struct schema_node *node)
{
	struct fh_bytes *bytes = &node->value.bytes;
	uint8_t *copy = malloc(bytes->length + 1);

	if (copy != NULL)
		memcpy(copy, bytes->at, bytes->length);
	bytes->at = copy;
	return copy != NULL ? 0 : -1;
}

static int
try(struct trial *trial, struct schema_node *node, const char *text,
    bool keeps)
{
	struct json_object *json = NULL;
	union schema_value value;
	int rc;

	if (node->type == FH_TYPE_ARRAY || node->type == FH_TYPE_OBJECT)
		rc = try_json(trial, node, text, &json);
	else
		rc = try_text(trial, node, text, &value);
	if (rc < 0 || !keeps) {
		json_object_put(json);
		return rc;
	}
	node->json = json;
	if (json == NULL)
		node->value = value;
	if (node->type == FH_TYPE_BYTE && keep_bytes(node) < 0) {
		strcpy(trial->why, "there is no memory for it");
		return -1;
	}
	node->fallback = text;
	return 0;
}

static int
make(const struct schema_maker *maker, struct schema_node *node,
    const char *word, const char *text, bool keeps)
{
	struct trial trial;
	int rc;

	if (text == NULL)
		return 0;
	if (begin(maker, &trial) < 0)
		return -1;
	rc = try(&trial, node, text, keeps);
	if (rc < 0)
		schema_refuse(maker, "has %s = \"%.80s\", which a client may "
		    "not send: %s", word, text, trial.why);
	finish(&trial);
	return rc;
}

int
schema_fallback_make(const struct schema_maker *maker,
    const struct fh_property *from, struct schema_node *node)
{
	if (schema_is_file(node) && (from->fallback != NULL ||
	    from->example != NULL))
		return schema_refuse(maker, "is a file, which no text can "
		    "stand for: take its fallback and example away");
	if (make(maker, node, "fallback", from->fallback, true) < 0)
		return -1;
	return make(maker, node, "example", from->example, false);
}
