#ifndef SUPERVISOR_SUP_DIRECTORY_H
#define SUPERVISOR_SUP_DIRECTORY_H
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "common/err.h"
struct sup_directory;
typedef void sup_directory_changed(void *context);
struct sup_directory *sup_directory_open(uv_loop_t *, const char *path, uint64_t delay_ms, sup_directory_changed *, void *context, struct err *);
const char *const *sup_directory_being_written(struct sup_directory *, size_t *count_out);
void sup_directory_close(struct sup_directory *);
#endif
