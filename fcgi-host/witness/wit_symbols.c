/*
 * wit_symbols.c - frames in words: function, file and line, module.
 *
 * Runs in: witness.
 * Owns: nothing.
 * Invariant: what was put in place of a call is a frame of its own, as it is in
 * the source.
 */
#include <dlfcn.h>
#include <dwarf.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "witness/wit_debug.h"

#define NAME_MAX_BYTES	512
#define SOURCE_MAX	1024
#define BUILD_ID_MAX	64

typedef char	*demangler(const char *, char *, size_t *, int *);

/* Where a frame is. */
struct place {
	Dwfl_Module	*module;
	uint64_t	 pc;		/* as it is shown */
	uint64_t	 at;		/* within the instruction */
};

/* ------------------------------------------------------------------ names */

/*
 * C++'s own, from its library: where a handler is in C++ that is installed, and
 * a host in C need not be linked with it.
 */
static demangler *
find_demangler(void)
{
	static demangler *found;
	static bool looked;
	void *library;

	if (!looked) {
		looked = true;
		library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
		if (library != NULL)
			*(void **)&found = dlsym(library, "__cxa_demangle");
	}
	return found;
}

/* "sleep@GLIBC_2.2.5": the version is not the function's name. */
static void
copy_name(const char *name, char *out, size_t size)
{
	demangler *demangle = NULL;
	char *plain = NULL;
	int status;

	if (strncmp(name, "_Z", 2) == 0 && strlen(name) < SOURCE_MAX)
		demangle = find_demangler();
	if (demangle != NULL)
		plain = demangle(name, NULL, NULL, &status);
	if (plain != NULL)
		snprintf(out, size, "%s", plain);
	else
		snprintf(out, size, "%.*s", (int)strcspn(name, "@"), name);
	free(plain);
}

/* Of a function's entry in the debug information; "" if it has none. */
static void
name_of_entry(Dwarf_Die *entry, char *out, size_t size)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(entry, DW_AT_linkage_name, &attribute) !=
	    NULL || dwarf_attr_integrate(entry, DW_AT_MIPS_linkage_name,
	    &attribute) != NULL)
		name = dwarf_formstring(&attribute);
	if (name == NULL && dwarf_attr_integrate(entry, DW_AT_name,
	    &attribute) != NULL)
		name = dwarf_formstring(&attribute);
	out[0] = '\0';
	if (name != NULL)
		copy_name(name, out, size);
}

static void
name_of_symbol(const struct place *place, char *out, size_t size)
{
	const char *name = place->module == NULL ? NULL :
	    dwfl_module_addrname(place->module, place->at);

	out[0] = '\0';
	if (name != NULL)
		copy_name(name, out, size);
}

/* ------------------------------------------------------------------- lines */

static void
put_source(const char *file, int line, char *out, size_t size)
{
	if (file == NULL)
		out[0] = '\0';
	else if (line > 0)
		snprintf(out, size, "%s:%d", file, line);
	else
		snprintf(out, size, "%s", file);
}

static void
source_of_place(const struct place *place, char *out, size_t size)
{
	Dwfl_Line *line = place->module == NULL ? NULL :
	    dwfl_module_getsrc(place->module, place->at);
	int number = 0;
	const char *file = line == NULL ? NULL :
	    dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);

	put_source(file, number, out, size);
}

/* Where a function that was put in place of its call was called from. */
static void
source_of_call(Dwarf_Die *unit, Dwarf_Die *inlined, char *out, size_t size)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t count;
	const char *name = NULL;

	if (dwarf_attr(inlined, DW_AT_call_file, &attribute) != NULL &&
	    dwarf_formudata(&attribute, &file) == 0 &&
	    dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
		name = dwarf_filesrc(files, file, NULL, NULL);
	if (dwarf_attr(inlined, DW_AT_call_line, &attribute) != NULL)
		dwarf_formudata(&attribute, &line);
	put_source(name, line < INT32_MAX ? (int)line : 0, out, size);
}

/* ----------------------------------------------------------------- modules */

/* Once a file could be read its build id is known. */
static void
add_build_id(Dwfl_Module *module, struct json_object *frame)
{
	const unsigned char *bytes;
	char text[2 * BUILD_ID_MAX + 1];
	GElf_Addr address;
	int length = dwfl_module_build_id(module, &bytes, &address);

	if (length <= 0 || length > BUILD_ID_MAX)
		return;
	for (int i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	json_object_object_add(frame, "build_id", wit_text(text));
}

static void
add_module(const struct place *place, struct json_object *frame)
{
	Dwarf_Addr start, bias = 0;
	const char *name;

	if (place->module == NULL)
		return;
	name = dwfl_module_info(place->module, NULL, &start, NULL, NULL, NULL,
	    NULL, NULL);
	if (dwfl_module_getelf(place->module, &bias) == NULL)
		bias = start;
	json_object_object_add(frame, "module", wit_text(name));
	json_object_object_add(frame, "offset",
	    wit_address(place->pc - bias));
	add_build_id(place->module, frame);
}

/* The kernel's own, and memory that is no file, have names as well. */
static void
add_mapping(const struct wit_debug *debug, const struct place *place,
    struct json_object *frame)
{
	const struct wit_map *map = wit_maps_find(&debug->record->maps,
	    place->at);

	if (place->module != NULL || map == NULL || map->path[0] == '\0')
		return;
	json_object_object_add(frame, "module", wit_text(map->path));
	json_object_object_add(frame, "offset",
	    wit_address(place->pc - map->start + map->offset));
}

/* ------------------------------------------------------------------ frames */

struct list {
	const struct wit_debug	*debug;
	struct json_object	*array;
};

static void
add_frame(const struct list *list, const struct place *place,
    const char *function, const char *source, bool inlined)
{
	struct json_object *frame;

	if (json_object_array_length(list->array) >= WIT_FRAMES_MAX ||
	    (frame = json_object_new_object()) == NULL)
		return;
	json_object_object_add(frame, "pc", wit_address(place->pc));
	if (function[0] != '\0')
		json_object_object_add(frame, "function", wit_text(function));
	add_module(place, frame);
	add_mapping(list->debug, place, frame);
	if (source[0] != '\0')
		json_object_object_add(frame, "source", wit_text(source));
	if (inlined)
		json_object_object_add(frame, "inlined",
		    json_object_new_boolean(1));
	json_object_array_add(list->array, frame);
}

/*
 * The entries around a place, innermost first, as they lie in the debug
 * information: libdw's first list goes on with where an inlined function is
 * defined, the second with where it was put.
 */
static int
scopes_of(const struct place *place, Dwarf_Die **unit_out,
    Dwarf_Die **scopes_out)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit, *found = NULL, inner;
	Dwarf *debug;
	int count;

	*scopes_out = NULL;
	if (place->module == NULL ||
	    (debug = dwfl_module_getdwarf(place->module, &bias)) == NULL ||
	    (unit = dwfl_module_addrdie(place->module, place->at, &bias)) ==
	    NULL)
		return 0;
	count = dwarf_getscopes(unit, place->at - bias, &found);
	if (count <= 0)
		return 0;
	inner = found[0];
	free(found);
	*unit_out = unit;
	count = dwarf_getscopes_die(&inner, scopes_out);
	return count > 0 ? count : 0;
}

/* The one entry that the others are in; its name is better than a symbol's
 * where there is no symbol. */
static void
name_outermost(const struct place *place, Dwarf_Die *scopes, int count,
    char *out, size_t size)
{
	name_of_symbol(place, out, size);
	for (int i = 0; i < count && out[0] == '\0'; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			name_of_entry(&scopes[i], out, size);
}

static void
add_place(const struct list *list, const struct place *place)
{
	char function[NAME_MAX_BYTES], source[SOURCE_MAX];
	Dwarf_Die *unit = NULL, *scopes;
	int count = scopes_of(place, &unit, &scopes);

	source_of_place(place, source, sizeof(source));
	for (int i = 0; i < count; i++) {
		if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			continue;
		name_of_entry(&scopes[i], function, sizeof(function));
		add_frame(list, place, function, source, true);
		source_of_call(unit, &scopes[i], source, sizeof(source));
	}
	name_outermost(place, scopes, count, function, sizeof(function));
	add_frame(list, place, function, source, false);
	free(scopes);
}

struct json_object *
wit_symbols(struct wit_debug *debug, const struct wit_unwound *unwound)
{
	struct list list = { debug, json_object_new_array() };

	for (size_t i = 0; list.array != NULL && i < unwound->count; i++) {
		const struct wit_frame *frame = &unwound->frames[i];
		struct place place = { .pc = frame->pc,
		    .at = frame->exact ? frame->pc : frame->pc - 1 };

		place.module = dwfl_addrmodule(debug->dwfl, place.at);
		add_place(&list, &place);
	}
	return list.array;
}
