/*
 * load_config.c - the configuration of a second host, which is to disturb
 * nothing of the first.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: of the text only statements change that are named here; lines keep
 * their numbers.
 */
#include "load/load.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_tokens.h"

/* Sockets, folders and whatever reaches out of this host: no job of others is
 * to be run, and nobody to be told. */
static const char *const ours[] = { "listen", "listen_mode", "listen_owner",
	"listen_group", "allow_users", "allow_networks", "control",
	"state_dir", "watch", "watch_delay", "body_files", "jobs_database",
	"jobs_webhooks", "stop_delay" };

struct edit {
	const char		*text;
	char			*out;		/* the same, with blanks */
	const struct config_token *token;
	const char		*route;
	size_t			 insert_at;	/* behind its '{'; 0: none */
};

static bool
is_text(const struct edit *edit, const struct config_token *token,
    const char *text)
{
	return strlen(text) == token->length &&
	    memcmp(edit->text + token->at, text, token->length) == 0;
}

static bool
is_mark(const struct edit *edit, const struct config_token *token, char mark)
{
	return token->type == CONFIG_TOKEN_MARK &&
	    edit->text[token->at] == mark;
}

static bool
is_ours(const struct edit *edit)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (is_text(edit, edit->token, ours[i]))
			return true;
	return false;
}

static void
blank(struct edit *edit, const struct config_token *from,
    const struct config_token *last)
{
	for (size_t i = from->at; i < last->at + last->length; i++)
		if (edit->out[i] != '\n')
			edit->out[i] = ' ';
}

/* Behind "{ ... }", whatever is in it. */
static const struct config_token *
skip_braces(const struct edit *edit, const struct config_token *token)
{
	unsigned depth = 0;

	for (; token->type != CONFIG_TOKEN_END; token++) {
		if (is_mark(edit, token, '{'))
			depth++;
		else if (is_mark(edit, token, '}') && --depth == 0)
			return token + 1;
	}
	return token;
}

/* NAME = VALUE: the last token of it. */
static const struct config_token *
assignment_end(const struct edit *edit)
{
	const struct config_token *value = edit->token + 2;

	if (value->type == CONFIG_TOKEN_END)
		return edit->token;
	return is_mark(edit, value, '{') ? skip_braces(edit, value) - 1 :
	    value;
}

static bool
is_assignment(const struct edit *edit)
{
	return edit->token->type == CONFIG_TOKEN_WORD &&
	    edit->token[1].type == CONFIG_TOKEN_MARK &&
	    (edit->text[edit->token[1].at] == '=' ||
	    edit->text[edit->token[1].at] == '+');
}

static bool
is_the_route(const struct edit *edit)
{
	const struct config_token *title = edit->token + 1;
	size_t length = strlen(edit->route);

	return is_text(edit, edit->token, "route") &&
	    title->type == CONFIG_TOKEN_STRING &&
	    title->length == length + 2 &&
	    memcmp(edit->text + title->at + 1, edit->route, length) == 0;
}

/* The section of our route loses its tag. */
static void
edit_section(struct edit *edit)
{
	bool route = is_the_route(edit);
	const struct config_token *end;

	while (edit->token->type != CONFIG_TOKEN_END &&
	    !is_mark(edit, edit->token, '{'))
		edit->token++;
	end = skip_braces(edit, edit->token);
	if (!route) {
		edit->token = end;
		return;
	}
	edit->insert_at = edit->token->at + edit->token->length;
	for (edit->token++; edit->token < end; edit->token++) {
		if (is_assignment(edit) && is_text(edit, edit->token, "async"))
			blank(edit, edit->token, assignment_end(edit));
		if (is_assignment(edit))
			edit->token = assignment_end(edit);
	}
}

static void
edit_all(struct edit *edit)
{
	while (edit->token->type != CONFIG_TOKEN_END) {
		const struct config_token *last;

		if (!is_assignment(edit)) {
			edit_section(edit);
			continue;
		}
		last = assignment_end(edit);
		if (is_ours(edit))
			blank(edit, edit->token, last);
		edit->token = last + 1;
	}
}

static char *
put_together(const struct edit *edit, size_t length, bool async,
    const char *added)
{
	const char *word = async ? "true" : "false";
	char *all;
	int rc;

	if (edit->insert_at > 0)
		rc = asprintf(&all, "%.*s async = %s\t%.*s\n%s",
		    (int)edit->insert_at, edit->out, word,
		    (int)(length - edit->insert_at),
		    edit->out + edit->insert_at, added);
	else
		rc = asprintf(&all, "%.*s\n%sroute \"%s\" { async = %s }\n",
		    (int)length, edit->out, added, edit->route, word);
	return rc < 0 ? NULL : all;
}

char *
load_config_text(const char *text, size_t length, const char *route,
    bool async, const char *added)
{
	struct config_faults faults = { .file = "" };
	struct config_tokens tokens;
	struct edit edit = { .text = text, .route = route };
	char *all = NULL;

	edit.out = malloc(length + 1);
	if (edit.out == NULL)
		return NULL;
	memcpy(edit.out, text, length);
	config_tokens_init(&tokens, text, length, &faults);
	edit.token = tokens.list;
	if (faults.count == 0) {
		edit_all(&edit);
		all = put_together(&edit, length, async, added);
	}
	config_tokens_finish(&tokens);
	free(edit.out);
	return all;
}
