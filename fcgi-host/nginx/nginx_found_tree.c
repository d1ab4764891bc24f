/*
 * nginx_found_tree.c - the text of `nginx -T` as a tree of directives.
 *
 * Runs in: the tools.
 * Owns: the words and nodes, until they are freed.
 * Invariant: pure; depth, includes and the number of directives are bounded,
 * and what is malformed is refused, not guessed.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nginx/nginx_found.h"

#define DEPTH_MAX	32
#define NODES_MAX	100000
#define WORDS_MAX	4096
#define WORD_MAX	16384
#define FILES_MAX	1024
#define MARK		"# configuration file "

struct file {
	const char	*name;
	size_t		 name_length;
	const char	*text, *end;
};

struct reader {
	struct file	 files[FILES_MAX];
	size_t		 file_count;
	size_t		 nodes;
	struct err	*err;
};

/* ------------------------------------------------------------------ files */

/* The line that begins a file, "# configuration file NAME:"; or NULL. */
static const char *
find_mark(const char *at, const char *end)
{
	size_t length = strlen(MARK);

	for (const char *line = at; line != NULL && line < end;) {
		if ((size_t)(end - line) > length &&
		    memcmp(line, MARK, length) == 0)
			return line;
		line = memchr(line, '\n', (size_t)(end - line));
		line = line == NULL ? NULL : line + 1;
	}
	return NULL;
}

static int
split(struct reader *reader, const char *text, const char *end)
{
	const char *mark = find_mark(text, end);

	while (mark != NULL && reader->file_count < FILES_MAX) {
		struct file *file = &reader->files[reader->file_count++];
		const char *line = memchr(mark, '\n', (size_t)(end - mark));

		if (line == NULL || line[-1] != ':')
			return err_set(reader->err, "a file's name is cut "
			    "off");
		file->name = mark + strlen(MARK);
		file->name_length = (size_t)(line - 1 - file->name);
		file->text = line + 1;
		mark = find_mark(file->text, end);
		file->end = mark == NULL ? end : mark;
	}
	return reader->file_count > 0 ? 0 : err_set(reader->err, "no line "
	    "says which file it is: that is not what nginx -T prints");
}

/* ------------------------------------------------------------------- words */

static bool
is_end_of_word(char c)
{
	return isspace((unsigned char)c) || c == ';' || c == '{' || c == '}';
}

/* "${name}" is a part of a word. */
static const char *
end_of_plain(const char *at, const char *end)
{
	for (; at < end && !is_end_of_word(*at); at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
		else if (*at == '$' && at + 1 < end && at[1] == '{')
			while (at < end - 1 && *at != '}')
				at++;
	}
	return at;
}

/* The next word, or one of ; { }: its kind, 0 at the end, -1. */
static int
next_word(struct reader *reader, struct file *file, char word[WORD_MAX])
{
	const char *at = file->text, *end = file->end, *stop;
	size_t length = 0;
	char quote;

	while (at < end && (isspace((unsigned char)*at) || *at == '#'))
		if (*at == '#')
			while (at < end && *at != '\n')
				at++;
		else
			at++;
	if (at == end) {
		file->text = at;
		return 0;
	}
	if (*at == ';' || *at == '{' || *at == '}') {
		file->text = at + 1;
		return *at;
	}
	quote = *at == '"' || *at == '\'' ? *at++ : '\0';
	for (stop = at; quote != '\0' && stop < end && *stop != quote; stop++)
		if (*stop == '\\' && stop + 1 < end)
			stop++;
	if (quote == '\0')
		stop = end_of_plain(at, end);
	if ((quote != '\0' && stop >= end) ||
	    (size_t)(stop - at) >= WORD_MAX)
		return err_set(reader->err, "a word in %.*s has no end",
		    (int)file->name_length, file->name);
	length = (size_t)(stop - at);
	memcpy(word, at, length);
	word[length] = '\0';
	file->text = quote == '\0' ? stop : stop + 1;
	return 'w';
}

static int
add_word(struct reader *reader, struct nginx_node *node, const char *word)
{
	char **grown;

	if (node->count == WORDS_MAX)
		return err_set(reader->err, "a directive has too many words");
	grown = realloc(node->words, (node->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(reader->err, "memory");
	node->words = grown;
	grown[node->count] = strdup(word);
	return grown[node->count++] == NULL ? err_sys(reader->err,
	    "memory") : 0;
}

/* ---------------------------------------------------------------- the tree */

static void
free_node(struct nginx_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		free(node->words[i]);
	free(node->words);
	nginx_tree_free(&node->inside);
}

void
nginx_tree_free(struct nginx_nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++)
		free_node(&nodes->list[i]);
	free(nodes->list);
	*nodes = (struct nginx_nodes){ NULL, 0 };
}

static int	read_nodes(struct reader *, struct file *, unsigned depth,
		    bool block, struct nginx_nodes *);

/* A name in an include is below the folder of the first file. */
static int
include(struct reader *reader, const char *pattern, unsigned depth,
    struct nginx_nodes *nodes)
{
	const struct file *first = &reader->files[0];
	char name[WORD_MAX], path[WORD_MAX + 256];
	const char *slash = memrchr(first->name, '/', first->name_length);
	int folder = slash == NULL ? 0 : (int)(slash + 1 - first->name);

	snprintf(path, sizeof(path), "%.*s%s", pattern[0] == '/' ? 0 : folder,
	    first->name, pattern);
	for (size_t i = 1; i < reader->file_count; i++) {
		struct file file = reader->files[i];

		snprintf(name, sizeof(name), "%.*s", (int)file.name_length,
		    file.name);
		if (fnmatch(path, name, FNM_PATHNAME | FNM_PERIOD) == 0 &&
		    read_nodes(reader, &file, depth + 1, false, nodes) < 0)
			return -1;
	}
	return 0;
}

static int
add_node(struct reader *reader, struct nginx_nodes *nodes,
    const struct nginx_node *node)
{
	struct nginx_node *grown;

	if (reader->nodes++ == NODES_MAX)
		return err_set(reader->err, "it has too many directives");
	grown = realloc(nodes->list, (nodes->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(reader->err, "memory");
	nodes->list = grown;
	grown[nodes->count++] = *node;
	return 0;
}

/* A block that is no list of directives is skipped. */
static bool
is_program(const struct nginx_node *node)
{
	const char *name = node->words[0], *tail = "_lua_block";

	return strlen(name) > strlen(tail) &&
	    strcmp(name + strlen(name) - strlen(tail), tail) == 0;
}

static int
skip_block(struct reader *reader, struct file *file)
{
	unsigned depth = 1;

	for (; file->text < file->end && depth > 0; file->text++)
		depth += (*file->text == '{') - (unsigned)(*file->text ==
		    '}');
	return depth == 0 ? 0 : err_set(reader->err, "a block in %.*s has no "
	    "end", (int)file->name_length, file->name);
}

static int
read_block(struct reader *reader, struct file *file, unsigned depth,
    struct nginx_node *node)
{
	node->block = true;
	return is_program(node) ? skip_block(reader, file) :
	    read_nodes(reader, file, depth + 1, true, &node->inside);
}

/* What ends the directive has been read; the node's parts are ours. */
static int
end_directive(struct reader *reader, struct file *file, int kind,
    unsigned depth, struct nginx_node *node, struct nginx_nodes *nodes)
{
	int rc;

	if (node->count == 0)
		return err_set(reader->err, "a directive in %.*s has no name",
		    (int)file->name_length, file->name);
	if (kind == '{' && read_block(reader, file, depth, node) < 0)
		return -1;
	if (!node->block && strcmp(node->words[0], "include") == 0 &&
	    node->count == 2) {
		rc = include(reader, node->words[1], depth, nodes);
		free_node(node);
		*node = (struct nginx_node){ .count = 0 };
		return rc;
	}
	rc = add_node(reader, nodes, node);
	if (rc == 0)
		*node = (struct nginx_node){ .count = 0 };
	return rc;
}

/* To the end of the file, or of the block that we are in. */
static int
read_nodes(struct reader *reader, struct file *file, unsigned depth,
    bool block, struct nginx_nodes *nodes)
{
	struct nginx_node node = { .count = 0 };
	char word[WORD_MAX];
	int kind = 'w', rc = 0;

	if (depth > DEPTH_MAX)
		return err_set(reader->err, "blocks or includes are nested "
		    "too deep");
	while (rc == 0 && (kind = next_word(reader, file, word)) > 0 &&
	    (kind != '}' || node.count > 0))
		if (kind == 'w')
			rc = add_word(reader, &node, word);
		else if (kind == '}')
			break;
		else
			rc = end_directive(reader, file, kind, depth, &node,
			    nodes);
	if (rc == 0 && kind >= 0 && (node.count > 0 || (kind == '}') != block))
		rc = err_set(reader->err, "a directive or a block in %.*s has "
		    "no end, or one too many", (int)file->name_length,
		    file->name);
	free_node(&node);
	return kind < 0 ? -1 : rc;
}

int
nginx_tree_read(const char *text, size_t length, struct nginx_nodes *nodes_out,
    struct err *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct file first;
	int rc;

	*nodes_out = (struct nginx_nodes){ NULL, 0 };
	if (reader == NULL)
		return err_sys(err, "memory");
	reader->err = err;
	rc = split(reader, text, text + length);
	if (rc == 0) {
		first = reader->files[0];
		rc = read_nodes(reader, &first, 0, false, nodes_out);
	}
	if (rc < 0)
		nginx_tree_free(nodes_out);
	free(reader);
	return rc;
}
