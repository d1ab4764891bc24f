/*
 * sentiment_lib.c - the same question as `sentiment`, asked of libfasttext.
 *
 * Teaches: a `preload` model.  The library builds its own objects on the heap,
 *	once, in the zygote; the workers forked from it share those pages
 *	copy-on-write.  In the configuration:
 *
 *		model "sentiment-lib" {
 *			path = "/.../sentiment.bin"  kind = preload
 *		}
 *
 * Runs in: the workers; preload_model() in the zygote.
 * Owns: the model object, from preload_model() to the end of the process.
 * Invariant: nothing writes to the model after the fork.
 */
#include <json-c/json.h>

#include <fcgi-host/handler.h>

#include "fasttext_shim.h"

#define TEXT_MAX	((size_t)256 << 10)

static int
preload_model(const struct fh_source *source, void **object_out)
{
	char why[160];

	*object_out = fasttext_shim_load(source->path, why, sizeof(why));
	if (*object_out == NULL) {
		fh_host_log(NULL, FH_LOG_ERROR, "model \"%s\": %s: %s",
		    source->name, source->path, why);
		return -1;
	}
	return 0;
}

/* One line for fastText: newlines count as spaces.  NULL if it is empty. */
static const char *
one_line(struct fh_request *rq, const char *text)
{
	char *line = text == NULL ? NULL : fh_strdup(rq, text);
	bool empty = true;
	size_t length = 0;

	for (; line != NULL && line[length] != '\0'; length++) {
		if (line[length] == '\n')
			line[length] = ' ';
		empty = empty && (unsigned char)line[length] <= ' ';
	}
	return empty || length > TEXT_MAX ? NULL : line;
}

static int
sentiment(struct fh_request *rq)
{
	const struct fh_model *model = fh_model(rq, "sentiment-lib");
	const char *line = one_line(rq, fh_query(rq, "text"));
	struct json_object *reply, *probability;
	char label[256], why[160];
	double likely;
	int rc;

	if (model == NULL) {
		fh_set_header(rq, "Retry-After", "30");
		return fh_problem(rq, 503, "the model is not loaded");
	}
	if (line == NULL)
		return fh_problem(rq, 422, "text: 1 byte to 256 KiB are "
		    "needed, as in /sentiment-lib?text=a+fine+film");
	rc = fasttext_shim_predict(model->root, line, label, sizeof(label),
	    &likely, why, sizeof(why));
	if (rc < 0) {
		fh_log(rq, FH_LOG_ERROR, "libfasttext: %s", why);
		return fh_problem(rq, 500, "the model failed");
	}
	if (rc > 0)
		return fh_problem(rq, 422, "text: the model knows nothing "
		    "in it");

	probability = json_object_new_double(likely);
	json_object_set_serializer(probability,
	    json_object_double_to_json_string, "%.6f", NULL);
	reply = json_object_new_object();
	json_object_object_add(reply, "label", json_object_new_string(label));
	json_object_object_add(reply, "probability", probability);
	return fh_reply_json(rq, 200, reply);
}

FH_HANDLER(.name = "sentiment-lib", .version = "1",
    .models = FH_MODELS({ "sentiment-lib", .preload = preload_model }),
    .routes = FH_ROUTES(
	{ "GET", "/sentiment-lib", .serve = sentiment, .async = true,
	    .summary = "label and probability of ?text=, by libfasttext" }));
