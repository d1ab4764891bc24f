/*
 * config_reader.c - looking at the tokens of a file, and passing over some.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: the reader only ever moves forwards.
 */
#include "config/config_reader.h"

const struct config_token *
config_peek(const struct config_reader *reader, size_t ahead)
{
	size_t left = (size_t)(reader->end - reader->token);

	return ahead < left ? reader->token + ahead : reader->end;
}

bool
config_is_mark(const struct config_reader *reader,
    const struct config_token *token, char mark)
{
	return token->type == CONFIG_TOKEN_MARK &&
	    reader->text[token->at] == mark;
}

bool
config_is_value(const struct config_token *token)
{
	return token->type == CONFIG_TOKEN_WORD ||
	    token->type == CONFIG_TOKEN_STRING;
}

const struct config_option *
config_token_option(const struct config_reader *reader,
    const struct config_token *token)
{
	return config_table_find(reader->section, reader->text + token->at,
	    token->length);
}

const struct config_section *
config_token_section(const struct config_reader *reader,
    const struct config_token *token)
{
	return config_table_section(reader->text + token->at, token->length);
}

bool
config_section_begins(const struct config_reader *reader, size_t ahead)
{
	return config_peek(reader, ahead)->type == CONFIG_TOKEN_WORD &&
	    (config_is_mark(reader, config_peek(reader, ahead + 1), '{') ||
	    (config_is_value(config_peek(reader, ahead + 1)) &&
	    config_is_mark(reader, config_peek(reader, ahead + 2), '{')));
}

bool
config_statement_begins(const struct config_reader *reader, size_t ahead)
{
	return config_section_begins(reader, ahead) ||
	    (config_peek(reader, ahead)->type == CONFIG_TOKEN_WORD &&
	    config_is_mark(reader, config_peek(reader, ahead + 1), '='));
}

void
config_skip_braces(struct config_reader *reader)
{
	size_t depth = 0;

	for (const struct config_token *at = reader->token; at < reader->end;
	    at++) {
		depth += config_is_mark(reader, at, '{');
		if (config_is_mark(reader, at, '}') && --depth == 0) {
			reader->token = at + 1;
			return;
		}
	}
	config_fault(reader->faults, reader->token->line, NULL,
	    "the '{' has no '}'");
	reader->token = reader->end;
}

/* Passes one token, or what stands in braces.  False at the section's '}'. */
static bool
skip_token(struct config_reader *reader)
{
	if (config_is_mark(reader, reader->token, '}') &&
	    reader->section != config_sections)
		return false;
	if (config_is_mark(reader, reader->token, '{'))
		config_skip_braces(reader);
	else
		reader->token++;
	return true;
}

void
config_skip_statement(struct config_reader *reader)
{
	unsigned line = reader->token->line;

	while (reader->token < reader->end && reader->token->line == line &&
	    skip_token(reader))
		line = reader->token[-1].line;
}

void
config_skip_value(struct config_reader *reader)
{
	unsigned line = reader->token[-1].line;

	while (reader->token < reader->end && reader->token->line == line &&
	    !config_statement_begins(reader, 0) && skip_token(reader))
		line = reader->token[-1].line;
}
