/*
 * config_tokens.c - a configuration file's words, strings and marks.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: the list of tokens.
 * Invariant: a token that is not bad means the same to libconfuse.
 */
#include "config/config_tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	struct config_tokens	*tokens;
	struct config_faults	*faults;
	const char		*text;
	size_t			 at, length;
	unsigned		 line;
};

/* The byte `ahead` from here; 0 behind the end. */
static char
peek(const struct lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->length ?
	    lexer->text[lexer->at + ahead] : '\0';
}

static void
push(struct lexer *lexer, enum config_token_type type, size_t length,
    bool bad)
{
	struct config_tokens *tokens = lexer->tokens;

	if (tokens->count == tokens->room) {
		tokens->room = tokens->room * 2 + 64;
		tokens->list = config_grow(tokens->list, tokens->room,
		    sizeof(*tokens->list));
	}
	tokens->list[tokens->count++] = (struct config_token){ type, bad,
	    lexer->line, lexer->at, length };
	lexer->at += length;
}

static void
skip_line(struct lexer *lexer)
{
	while (lexer->at < lexer->length && peek(lexer, 0) != '\n')
		lexer->at++;
}

static void
skip_comment(struct lexer *lexer)
{
	unsigned begin = lexer->line;

	for (lexer->at += 2; lexer->at < lexer->length; lexer->at++) {
		if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
			lexer->at += 2;
			return;
		}
		if (peek(lexer, 0) == '\n')
			lexer->line++;
	}
	config_fault(lexer->faults, begin, NULL,
	    "the comment that begins here has no end: add */");
	lexer->tokens->cut = true;
}

/* Moves to what is neither a space nor a comment. */
static void
skip_blank(struct lexer *lexer)
{
	for (;;) {
		char c = peek(lexer, 0);

		if (c == '#' || (c == '/' && peek(lexer, 1) == '/')) {
			skip_line(lexer);
		} else if (c == '/' && peek(lexer, 1) == '*') {
			skip_comment(lexer);
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			lexer->line += c == '\n';
			lexer->at++;
		} else {
			return;
		}
	}
}

/*
 * Judges the escape at text[0] == '\\' in double quotes: its length, and why
 * it is refused, if it is.
 */
static size_t
escape(const char *text, size_t left, const char **why_out)
{
	char high, low;

	if (left < 2 || text[1] == '\n')
		return 1;
	if (isdigit((unsigned char)text[1]))
		*why_out = "a backslash before a digit is not understood: "
		    "write \\\\ for a backslash";
	if (text[1] != 'x')
		return 2;
	high = left > 2 ? text[2] : '\0';
	low = left > 3 ? text[3] : '\0';
	if (strchr("234567", high) == NULL || high == '\0' ||
	    !isxdigit((unsigned char)low)) {
		*why_out = "\\x is for two digits from 20 to 7E: write other "
		    "characters themselves";
		return 2;
	}
	return 4;
}

/* The length of the string's inside; *why_out if there is a fault in it. */
static size_t
inside_double(const char *text, size_t left, const char **why_out)
{
	size_t at = 0;

	while (at < left && text[at] != '"' && text[at] != '\n') {
		if (text[at] == '\\') {
			at += escape(text + at, left - at, why_out);
			continue;
		}
		if (text[at] == '$' && at + 1 < left && text[at + 1] == '{')
			*why_out = "${...} is not replaced: write the value "
			    "itself, or '${' in single quotes";
		at++;
	}
	return at;
}

static size_t
inside_single(const char *text, size_t left)
{
	size_t at = 0;

	while (at < left && text[at] != '\'' && text[at] != '\n')
		at += text[at] == '\\' && at + 1 < left &&
		    (text[at + 1] == '\\' || text[at + 1] == '\'') ? 2 : 1;
	return at;
}

static void
take_string(struct lexer *lexer)
{
	const char *begin = lexer->text + lexer->at, *why = NULL;
	size_t left = lexer->length - lexer->at - 1, length;
	bool closed;

	if (*begin == '"')
		length = inside_double(begin + 1, left, &why);
	else
		length = inside_single(begin + 1, left);
	closed = length < left && begin[length + 1] == *begin;
	if (!closed)
		why = "the string that begins here is not closed on its line: "
		    "add the other quote";
	if (why != NULL)
		config_fault(lexer->faults, lexer->line, NULL, "%s", why);
	push(lexer, CONFIG_TOKEN_STRING, length + 1 + closed, why != NULL);
}

/* What libconfuse and a person surely read alike without quotes. */
static bool
is_plain(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)word[i]) &&
		    strchr("_-.:/@%[]~", word[i]) == NULL)
			return false;
		if (i > 0 && word[i] == '/' && word[i - 1] == '/')
			return false;
	}
	return true;
}

/* Bytes of the word, which ends at a space, a mark or a comment; ${...} is one
 * piece. */
static size_t
word_length(const char *word, size_t left, bool *dollar_out)
{
	size_t length = 1;

	*dollar_out = false;
	while (length < left) {
		if (word[length - 1] == '$' && word[length] == '{') {
			*dollar_out = true;
			while (length < left && word[length] != '\n' &&
			    word[length - 1] != '}')
				length++;
			continue;
		}
		if (strchr(" \t\r\n\"'#{}()=,;", word[length]) != NULL ||
		    (word[length] == '/' && length + 1 < left &&
		    word[length + 1] == '*'))
			break;
		length++;
	}
	return length;
}

static void
take_word(struct lexer *lexer)
{
	const char *word = lexer->text + lexer->at;
	char shown[CONFIG_EXCERPT];
	bool plain, dollar;
	size_t length;

	length = word_length(word, lexer->length - lexer->at, &dollar);
	plain = is_plain(word, length);
	if (dollar)
		config_fault(lexer->faults, lexer->line, NULL,
		    "${...} is not replaced: write the value itself");
	else if (!plain)
		config_fault(lexer->faults, lexer->line, NULL,
		    "%s: what has characters other than letters, digits and "
		    "_-.:/@%%[] stands in quotes",
		    config_excerpt(word, length, shown));
	push(lexer, CONFIG_TOKEN_WORD, length, !plain);
}

static void
take_token(struct lexer *lexer)
{
	char c = peek(lexer, 0);

	if (c == '"' || c == '\'') {
		take_string(lexer);
	} else if (c == '+' && peek(lexer, 1) == '=') {
		push(lexer, CONFIG_TOKEN_MARK, 2, false);
	} else if (strchr("={}(),", c) != NULL) {
		push(lexer, CONFIG_TOKEN_MARK, 1, false);
	} else if (c == ';') {
		config_fault(lexer->faults, lexer->line, NULL,
		    "remove the ';': a statement ends without one");
		lexer->at++;
	} else {
		take_word(lexer);
	}
}

void
config_tokens_init(struct config_tokens *tokens, const char *text,
    size_t length, struct config_faults *faults)
{
	struct lexer lexer = { tokens, faults, text, 0, length, 1 };

	memset(tokens, 0, sizeof(*tokens));
	tokens->text = text;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		lexer.at = 3;
	for (;;) {
		skip_blank(&lexer);
		if (lexer.at >= length)
			break;
		take_token(&lexer);
	}
	push(&lexer, CONFIG_TOKEN_END, 0, false);
}

void
config_tokens_finish(struct config_tokens *tokens)
{
	free(tokens->list);
	memset(tokens, 0, sizeof(*tokens));
}
