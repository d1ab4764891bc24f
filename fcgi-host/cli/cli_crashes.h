/*
 * cli_crashes.h - crash reports for a person.
 *
 * They are made of what a process left that had lost control of itself: any
 * member may be missing or of another type, and any text have any bytes.
 */
#ifndef CLI_CLI_CRASHES_H
#define CLI_CLI_CRASHES_H

#include <stdio.h>

struct json_object;

/* What a terminal would obey becomes "\xNN". */
void	cli_print_safely(FILE *, const char *text);

/* The same in JSON: it becomes "\u00NN" and stays the document that it is. */
void	cli_print_json_safely(FILE *, const char *text);

/* The table: {"crashes": [...]}. */
void	cli_crashes_table(struct json_object *root);

/* One of them, and how to run its request again with configuration `file`. */
void	cli_crashes_report(struct json_object *report, const char *file);

#endif
