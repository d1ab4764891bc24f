/*
 * sup_json.h - a member of a document in one call.
 */
#ifndef SUPERVISOR_SUP_JSON_H
#define SUPERVISOR_SUP_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* NULL is null; bytes that are no UTF-8 become U+FFFD. */
struct json_object	*sup_json_string(const char *text);

/* Each adds one member.  A text of NULL is null. */
void	sup_json_text(struct json_object *, const char *key, const char *text);
void	sup_json_number(struct json_object *, const char *key, uint64_t);
void	sup_json_bool(struct json_object *, const char *key, bool);

/* The document as text; free() it.  NULL: out of memory.  The document is
 * still the caller's. */
char	*sup_json_print(struct json_object *);

#endif
