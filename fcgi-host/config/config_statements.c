/*
 * config_statements.c - the statements of a file, judged by their form.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: where it stands in the tokens.
 * Invariant: each token is passed once; a statement is in the text for
 * libconfuse if and only if nothing about its form was reported.
 */
#include "config/config_statements.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"
#include "config/config_suggest.h"

static const char *
show(const struct config_reader *reader, const struct config_token *token,
    char out[CONFIG_EXCERPT])
{
	return config_excerpt(reader->text + token->at, token->length, out);
}

/* Has the section whose inside begins here a '}' before the next section? */
static bool
section_closes(const struct config_reader *from)
{
	struct config_reader at = *from;
	size_t depth = 0;

	for (; at.token < at.end; at.token++) {
		if (config_is_mark(&at, at.token, '{'))
			depth++;
		else if (config_is_mark(&at, at.token, '}') && depth-- == 0)
			return true;
		else if (config_section_begins(&at, 0) &&
		    config_token_section(&at, at.token) != NULL)
			return false;
	}
	return false;
}

/* Does this statement belong to the section we are in, as far as its name
 * says?  Asked where a '}' is missing. */
static bool
belongs_here(const struct config_reader *reader)
{
	const struct config_token *name = reader->token;

	if (name->type != CONFIG_TOKEN_WORD)
		return true;
	if (config_section_begins(reader, 0))
		return config_token_section(reader, name) == NULL;
	return config_token_option(reader, name) != NULL ||
	    config_table_find(config_sections, reader->text + name->at,
	    name->length) == NULL;
}

static void	read_statement(struct config_reader *);

/* Reads a section's inside and its '}'.  False if that is missing. */
static bool
read_inside(struct config_reader *reader)
{
	while (reader->token < reader->end) {
		if (config_is_mark(reader, reader->token, '}')) {
			reader->token++;
			return true;
		}
		if (reader->unclosed && !belongs_here(reader))
			return false;
		read_statement(reader);
	}
	return false;
}

/* Passes the words of a title that is not in quotes, but for the first.  False
 * if there are none. */
static bool
pass_words(struct config_reader *reader, unsigned line)
{
	const struct config_token *begin = reader->token;

	while (config_is_value(reader->token) && reader->token->line == line &&
	    !config_statement_begins(reader, 0))
		reader->token++;
	return reader->token > begin;
}

/* The title that stands here, without its quotes; NULL, reported, if there is
 * none that can be read. */
static char *
take_title(struct config_reader *reader, const struct config_section *section,
    unsigned line)
{
	const struct config_token *token = reader->token;
	size_t quote = token->type == CONFIG_TOKEN_STRING;
	const char *text = reader->text + token->at + quote;

	if (!config_is_value(token)) {
		config_fault(reader->faults, line, section->name,
		    "has no title: write %s \"%s\" { ... }", section->name,
		    section->title);
		return NULL;
	}
	reader->token++;
	if (token->bad)
		return NULL;
	if (pass_words(reader, line))
		config_fault(reader->faults, line, section->name,
		    "a title with spaces in it stands in quotes");
	else if (memchr(text, '\\', token->length - 2 * quote) == NULL)
		return config_copy(text, token->length - 2 * quote);
	else
		config_fault(reader->faults, line, section->name,
		    "a title has no backslash in it");
	return NULL;
}

/* Passes the '{', or reports that it is not there. */
static bool
take_brace(struct config_reader *reader, unsigned line, const char *key)
{
	if (config_is_mark(reader, reader->token, '{')) {
		reader->token++;
		return true;
	}
	config_fault(reader->faults, line, key, "put '{' behind the title");
	return false;
}

/* NAME "title" { ..., from the name on; the '{' may be missing. */
static void
read_section(struct config_reader *reader,
    const struct config_section *section)
{
	unsigned line = reader->token->line;
	struct config_reader inside;
	char *title, key[CONFIG_KEY_MAX];
	bool has_brace;

	reader->token++;
	title = take_title(reader, section, line);
	inside = *reader;
	inside.section = section;
	inside.instance = config_instance_add(reader->out, section, line,
	    title, reader->faults);
	free(title);
	config_instance_key(inside.instance, key);
	has_brace = take_brace(&inside, line, key);
	inside.unclosed = !section_closes(&inside);
	if (!read_inside(&inside) && has_brace && !reader->cut)
		config_fault(reader->faults, line, key, "the section is not "
		    "closed: add '}' before line %u",
		    config_peek(&inside, 0)->line);
	if (!inside.instance->left_out)
		config_emit(reader->out, " }", 2);
	reader->token = inside.token;
}

/* A section that we don't know, or in a place where it cannot be. */
static void
refuse_section(struct config_reader *reader)
{
	const struct config_token *name = reader->token;

	if (!name->bad)
		config_suggest_section(reader->faults, name->line,
		    reader->section, reader->text + name->at, name->length);
	while (!config_is_mark(reader, reader->token, '{'))
		reader->token++;
	config_skip_braces(reader);
}

/* ------------------------------------------------------------- statements */

/* A word that is neither followed by '=' nor by what makes a section. */
static void
refuse_word(struct config_reader *reader)
{
	const struct config_token *name = reader->token, *next;
	const struct config_option *option = config_token_option(reader, name);
	bool top = reader->section == config_sections;
	char key[CONFIG_EXCERPT];

	next = config_peek(reader, 1);
	show(reader, name, key);
	if (config_is_mark(reader, next, '(') && !name->bad)
		config_fault(reader->faults, name->line, key, "there are no "
		    "functions here, and no include");
	else if (config_is_mark(reader, next, '+') && option != NULL)
		config_fault(reader->faults, name->line, key, "use '=' and "
		    "give the whole list at once");
	else if (option != NULL && next->line == name->line &&
	    config_is_value(next))
		config_fault(reader->faults, name->line, key, "put '=' "
		    "between the name and its value");
	else if (option != NULL)
		config_fault(reader->faults, name->line, key, "has no value: "
		    "write %s = VALUE", key);
	else if (top && config_token_section(reader, name) != NULL)
		config_fault(reader->faults, name->line, key, "is a section: "
		    "write %s \"%s\" { ... }", key,
		    config_token_section(reader, name)->title);
	else if (!name->bad)
		config_suggest_option(reader->faults, name->line,
		    reader->section, reader->text + name->at, name->length);
	config_skip_statement(reader);
}

/* Something that no statement begins with. */
static void
refuse_token(struct config_reader *reader)
{
	const struct config_token *token = reader->token;
	char shown[CONFIG_EXCERPT];

	if (config_is_mark(reader, token, '}'))
		config_fault(reader->faults, token->line, NULL,
		    "this '}' closes nothing: remove it");
	else if (token->type == CONFIG_TOKEN_STRING && !token->bad)
		config_fault(reader->faults, token->line, NULL,
		    "%s: a statement begins with a name, without quotes",
		    show(reader, token, shown));
	else if (!token->bad)
		config_fault(reader->faults, token->line, NULL,
		    "'%s' has no place here", show(reader, token, shown));
	if (config_is_mark(reader, token, '}'))
		reader->token++;
	else
		config_skip_statement(reader);
}

static void
read_statement(struct config_reader *reader)
{
	const struct config_section *section;
	const struct config_token *name = reader->token;
	bool top = reader->section == config_sections;

	if (name->type != CONFIG_TOKEN_WORD) {
		refuse_token(reader);
		return;
	}
	section = config_token_section(reader, name);
	if (config_is_mark(reader, config_peek(reader, 1), '='))
		config_read_assignment(reader);
	else if (top && section != NULL && (config_section_begins(reader, 0) ||
	    (config_is_value(config_peek(reader, 1)) &&
	    !config_statement_begins(reader, 1))))
		read_section(reader, section);
	else if (config_section_begins(reader, 0))
		refuse_section(reader);
	else
		refuse_word(reader);
}

void
config_statements_init(struct config_statements *out,
    const struct config_tokens *tokens, struct config_faults *faults)
{
	struct config_reader reader = { .token = tokens->list,
	    .end = tokens->list + tokens->count - 1, .text = tokens->text,
	    .out = out, .faults = faults, .section = config_sections,
	    .cut = tokens->cut };
	struct config_instance top = { .kind = CONFIG_TOP };

	memset(out, 0, sizeof(*out));
	out->line = 1;
	config_emit(out, "", 0);
	config_instance_add(out, config_sections, 0, NULL, faults);
	while (reader.token < reader.end) {
		/* The list may have moved with the last section. */
		reader.instance = &top;
		read_statement(&reader);
	}
	out->list[0] = top;
}
