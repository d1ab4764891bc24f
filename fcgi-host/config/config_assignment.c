/*
 * config_assignment.c - NAME = VALUE and NAME = { ... }, judged by their form.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: an assignment goes to the text for libconfuse whole or not at all.
 */
#include "config/config_reader.h"

#include "config/config_suggest.h"
#include "config/config_value.h"

/* Puts the tokens from here up to `stop` into the text and moves there. */
static void
emit_until(struct config_reader *reader, const struct config_token *stop)
{
	for (; reader->token < stop; reader->token++)
		if (!reader->instance->left_out)
			config_emit_token(reader->out, reader->text,
			    reader->token);
}

/* Marks the option as set in this line; false if it was set before. */
static bool
note_option(struct config_reader *reader, const struct config_option *option,
    const struct config_token *name)
{
	unsigned *line =
	    &reader->instance->lines[option - reader->section->options];

	if (*line != 0) {
		config_fault(reader->faults, name->line, option->name, "is "
		    "set already, in line %u: remove one of the two", *line);
		return false;
	}
	*line = name->line;
	return true;
}

static void
note_item(struct config_reader *reader, unsigned line)
{
	struct config_instance *instance = reader->instance;

	instance->item_lines = config_grow(instance->item_lines,
	    instance->item_count + 1, sizeof(unsigned));
	instance->item_lines[instance->item_count++] = line;
}

/*
 * Passes a list from its '{' on.  NULL if it is sound, else why not, and then
 * we are behind its end, or at the statement before which a '}' is missing.
 */
static const char *
pass_list(struct config_reader *reader, bool *bad_out)
{
	const char *why = NULL;

	*bad_out = false;
	for (reader->token++; reader->token < reader->end;) {
		const struct config_token *token = reader->token;

		if (config_is_mark(reader, token, '}')) {
			reader->token++;
			return why;
		}
		if (!config_is_value(token))
			why = "a list is \"VALUE\", \"VALUE\", ... in braces";
		else if (config_statement_begins(reader, 0))
			return "the list is not closed: add '}'";
		*bad_out |= token->bad;
		note_item(reader, token->line);
		reader->token++;
		if (config_is_mark(reader, config_peek(reader, 0), ','))
			reader->token++;
		else if (config_is_value(config_peek(reader, 0)) &&
		    !config_statement_begins(reader, 0) && why == NULL)
			why = "put a ',' between the items of a list";
	}
	return "the list is not closed: add '}'";
}

/* NAME = { ... }, from the name on. */
static void
read_list(struct config_reader *reader, const struct config_option *option)
{
	const struct config_token *name = reader->token, *stop;
	size_t items = reader->instance->item_count;
	const char *why;
	bool bad;

	if (!config_value_is_list(option)) {
		config_fault(reader->faults, name->line, option->name,
		    "takes one value, not a list: leave out the braces");
		reader->token += 2;
		config_skip_braces(reader);
		return;
	}
	reader->token += 2;
	why = pass_list(reader, &bad);
	stop = reader->token;
	if (why != NULL)
		config_fault(reader->faults, name->line, option->name, "%s",
		    why);
	if (!note_option(reader, option, name)) {
		reader->instance->item_count = items;
		return;
	}
	reader->instance->items_at[option - reader->section->options] = items;
	if (why == NULL && !bad) {
		reader->token = name;
		emit_until(reader, stop);
	}
}

/* What is wrong with the single value behind NAME =, or NULL. */
static const char *
judge_value(const struct config_reader *reader)
{
	const struct config_token *value = config_peek(reader, 2);
	const struct config_token *next = config_peek(reader, 3);

	if (!config_is_value(value) ||
	    (value->line != config_peek(reader, 1)->line &&
	    config_statement_begins(reader, 2)))
		return "has no value: write one behind the '='";
	if (next->line != value->line)
		return NULL;
	if (config_is_value(next) && !config_statement_begins(reader, 3))
		return "a value with spaces in it stands in quotes";
	if (config_is_mark(reader, next, ','))
		return "takes one value: a ',' has no place here";
	return NULL;
}

static void
read_value(struct config_reader *reader, const struct config_option *option)
{
	const struct config_token *name = reader->token;
	const char *why = judge_value(reader);
	bool fresh = note_option(reader, option, name);

	if (why != NULL) {
		config_fault(reader->faults, name->line, option->name, "%s",
		    why);
		reader->token += 2;
		config_skip_value(reader);
		return;
	}
	if (config_value_is_list(option) && fresh) {
		reader->instance->items_at[option - reader->section->options] =
		    reader->instance->item_count;
		note_item(reader, config_peek(reader, 2)->line);
	}
	if (fresh && !config_peek(reader, 2)->bad)
		emit_until(reader, name + 3);
	reader->token = name + 3;
}

/* Passes NAME = VALUE of an option that we don't know. */
static void
skip_assignment(struct config_reader *reader)
{
	reader->token += 2;
	if (config_is_mark(reader, reader->token, '{'))
		config_skip_braces(reader);
	else if (config_is_value(reader->token) &&
	    !config_statement_begins(reader, 0))
		reader->token++;
	config_skip_value(reader);
}

void
config_read_assignment(struct config_reader *reader)
{
	const struct config_token *name = reader->token;
	const struct config_option *option = config_token_option(reader, name);

	if (option == NULL) {
		if (!name->bad)
			config_suggest_option(reader->faults, name->line,
			    reader->section, reader->text + name->at,
			    name->length);
		skip_assignment(reader);
	} else if (config_is_mark(reader, config_peek(reader, 2), '{')) {
		read_list(reader, option);
	} else {
		read_value(reader, option);
	}
}

