/*
 * config_instance.c - the sections of a file, and the text for libconfuse.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: struct config_statements.
 * Invariant: the text has every section that is in the list and not left out,
 * in this order, each with a title of its own.
 */
#include "config/config_statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define METHOD_CHARACTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
#define ROUTE_MAX		1024

void
config_emit(struct config_statements *out, const char *text, size_t length)
{
	if (out->length + length + 2 > out->room) {
		out->room = (out->length + length + 2) * 2;
		out->text = config_grow(out->text, out->room, 1);
	}
	memcpy(out->text + out->length, text, length);
	out->length += length;
	out->text[out->length] = '\0';
}

void
config_emit_token(struct config_statements *out, const char *text,
    const struct config_token *token)
{
	for (; out->line < token->line; out->line++)
		config_emit(out, "\n", 1);
	config_emit(out, " ", 1);
	config_emit(out, text + token->at, token->length);
}

const char *
config_instance_key(const struct config_instance *instance,
    char out[CONFIG_KEY_MAX])
{
	const char *name = config_sections[instance->kind].name;
	char shown[CONFIG_EXCERPT];

	if (instance->title == NULL)
		snprintf(out, CONFIG_KEY_MAX, "%s", name);
	else
		snprintf(out, CONFIG_KEY_MAX, "%s \"%s\"", name,
		    config_excerpt(instance->title, strlen(instance->title),
		    shown));
	return out;
}

static int
check_route(const char *title, struct err *err)
{
	size_t method = strspn(title, METHOD_CHARACTERS);
	const char *path = title + method + 1;

	if (method == 0 || title[method] != ' ' || path[0] != '/')
		return err_set(err, "the title is a method in capitals, one "
		    "space and a path that begins with '/', such as "
		    "\"GET /hello\"");
	if (strlen(title) > ROUTE_MAX)
		return err_set(err, "the title is over %d bytes", ROUTE_MAX);
	for (; *path != '\0'; path++)
		if ((unsigned char)*path <= ' ' || *path == 127 ||
		    strchr("'\"\\", *path) != NULL)
			return err_set(err, "the path has a space, a quote, "
			    "a backslash or a control character in it");
	return 0;
}

int
config_title_check(enum config_section_kind kind, const char *title,
    struct err *err)
{
	size_t length = strlen(title);

	if (kind == CONFIG_SECTION_ROUTE)
		return check_route(title, err);
	if (length == 0)
		return err_set(err, "the name is empty");
	if (length > CONFIG_NAME_MAX)
		return err_set(err, "the name is over %d bytes",
		    CONFIG_NAME_MAX);
	if (title[strspn(title, NAME_CHARACTERS)] != '\0')
		return err_set(err, "a name has only letters, digits, '-', "
		    "'_' and '.'");
	return 0;
}

/* The section of that kind and title that the file already has, or NULL. */
static const struct config_instance *
find(const struct config_statements *statements,
    enum config_section_kind kind, const char *title)
{
	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *other = &statements->list[i];

		if (other->kind == kind && !other->refused &&
		    strcmp(other->title, title) == 0)
			return other;
	}
	return NULL;
}

/* Is the title sound and new?  Reports why not. */
static bool
judge_title(const struct config_statements *statements,
    const struct config_instance *instance, struct config_faults *faults)
{
	const struct config_instance *other;
	char key[CONFIG_KEY_MAX];
	struct err err;

	config_instance_key(instance, key);
	if (config_title_check(instance->kind, instance->title, &err) < 0) {
		config_fault(faults, instance->line, key, "%s", err.text);
		return false;
	}
	other = find(statements, instance->kind, instance->title);
	if (other == NULL)
		return true;
	config_fault(faults, instance->line, key, "there is one already, in "
	    "line %u: put all of it in one section", other->line);
	return false;
}

static struct config_instance *
append(struct config_statements *statements)
{
	if (statements->count == statements->list_room) {
		statements->list_room = statements->list_room * 2 + 16;
		statements->list = config_grow(statements->list,
		    statements->list_room, sizeof(*statements->list));
	}
	return memset(&statements->list[statements->count++], 0,
	    sizeof(*statements->list));
}

/* Begins it in the text: under its title, or under a number if that is not
 * good, so that libconfuse keeps it apart and its values are judged too. */
static void
begin(struct config_statements *out, const struct config_instance *instance)
{
	const char *name = config_sections[instance->kind].name;
	char line[64 + ROUTE_MAX];

	for (; out->line < instance->line; out->line++)
		config_emit(out, "\n", 1);
	if (!instance->refused)
		snprintf(line, sizeof(line), " %s '%s' {", name,
		    instance->title);
	else
		snprintf(line, sizeof(line), " %s '?%zu' {", name, out->count);
	config_emit(out, line, strlen(line));
}

/* One section of a kind more than there may be: judged, but not kept. */
static struct config_instance *
leave_out(struct config_statements *out, enum config_section_kind kind,
    unsigned line)
{
	free(out->excess.item_lines);
	memset(&out->excess, 0, sizeof(out->excess));
	out->excess.kind = kind;
	out->excess.line = line;
	out->excess.left_out = true;
	return &out->excess;
}

struct config_instance *
config_instance_add(struct config_statements *out,
    const struct config_section *section, unsigned line, const char *title,
    struct config_faults *faults)
{
	enum config_section_kind kind =
	    (enum config_section_kind)(section - config_sections);
	struct config_instance new = { .kind = kind, .line = line,
		.refused = true };

	if (kind != CONFIG_TOP && out->counts[kind]++ >= section->most) {
		if (out->counts[kind] == section->most + 1)
			config_fault(faults, line, section->name, "there are "
			    "over %zu of these sections: use fewer",
			    section->most);
		return leave_out(out, kind, line);
	}
	if (title != NULL) {
		new.title = config_copy(title, strlen(title));
		new.refused = !judge_title(out, &new, faults);
	}
	*append(out) = new;
	if (kind != CONFIG_TOP)
		begin(out, &new);
	return &out->list[out->count - 1];
}

void
config_statements_finish(struct config_statements *statements)
{
	for (size_t i = 0; i < statements->count; i++) {
		free(statements->list[i].title);
		free(statements->list[i].item_lines);
	}
	free(statements->excess.item_lines);
	free(statements->list);
	free(statements->text);
	memset(statements, 0, sizeof(*statements));
}
