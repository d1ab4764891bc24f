/*
 * clerk_db.c - rows of an answer, and parameters of a statement.
 *
 * Runs in: clerk.
 * Owns: the copies in struct clerk_rows.
 * Invariant: a cell can be read as a text whatever bytes it holds.
 */
#include "clerk/clerk_db.h"

#include <stdlib.h>
#include <string.h>

#define GROW	32	/* cells at a time */

int
clerk_rows_add(struct clerk_rows *rows, const void *bytes, size_t length,
    bool null)
{
	size_t have = rows->cell_count;
	struct clerk_cell *cell;

	if (have % GROW == 0) {
		cell = realloc(rows->cells, (have + GROW) * sizeof(*cell));
		if (cell == NULL)
			return -1;
		rows->cells = cell;
	}
	cell = &rows->cells[have];
	*cell = (struct clerk_cell){ NULL, 0 };
	rows->cell_count++;
	if (null)
		return 0;
	cell->at = malloc(length + 1);
	if (cell->at == NULL)
		return -1;
	if (length > 0)
		memcpy(cell->at, bytes, length);
	cell->at[length] = '\0';
	cell->length = length;
	return 0;
}

void
clerk_rows_free(struct clerk_rows *rows)
{
	for (size_t i = 0; i < rows->cell_count; i++)
		free(rows->cells[i].at);
	free(rows->cells);
	memset(rows, 0, sizeof(*rows));
}

const char *
clerk_rows_text(const struct clerk_rows *rows, size_t row, size_t column)
{
	const char *at = rows->cells[row * rows->columns + column].at;

	return at == NULL ? "" : at;
}

int64_t
clerk_rows_number(const struct clerk_rows *rows, size_t row, size_t column)
{
	return strtoll(clerk_rows_text(rows, row, column), NULL, 10);
}

struct clerk_value
clerk_db_text(const char *text)
{
	if (text == NULL)
		return CLERK_DB_NULL;
	return (struct clerk_value){ .kind = CLERK_TEXT, .at = text,
	    .length = strlen(text) };
}

struct clerk_value
clerk_db_bytes(const void *bytes, size_t length)
{
	return (struct clerk_value){ .kind = CLERK_BYTES,
	    .at = bytes == NULL ? "" : bytes, .length = length };
}
