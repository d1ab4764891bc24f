/*
 * sentiment.c - labels a text with a model of half a gigabyte that is in
 * memory once.
 *
 * Teaches: a `file` model.  The host has mapped the file's bytes; preload()
 *	makes a small index of them before the processes are forked, and every
 *	process then reads the same pages.  An answer takes microseconds, so
 *	the route is sync.  In the configuration:
 *
 *		model "sentiment" { path = "/.../sentiment.bin"  kind = file }
 *
 * Runs in: the front; preload() in the zygote.
 * Owns: the index, `reader`, constant once preload() has returned.
 * Invariant: nothing is copied out of the model but the words' places.
 */
#include <string.h>

#include <json-c/json.h>

#include <fcgi-host/handler.h>

#include "fasttext_reader.h"

#define TEXTS_MAX	1000
#define BYTES_MAX	((size_t)256 << 10)	/* of all texts of a request */
#define FAULTS_MAX	20			/* named in one reply */

static struct fasttext_reader	reader;
static bool			ready;

static int
sentiment_preload(struct fh_host *host)
{
	const struct fh_model *model = fh_host_model(host, "sentiment");
	char why[160];

	if (model == NULL) {
		fh_host_log(host, FH_LOG_WARN, "no model \"sentiment\": its "
		    "routes answer 503");
		return 0;
	}
	if (fasttext_reader_open(&reader, model->data, model->length, why,
	    sizeof(why)) != 0) {
		fh_host_log(host, FH_LOG_ERROR, "model \"sentiment\": %s", why);
		return -1;
	}
	ready = true;
	return 0;
}

static int
not_loaded(struct fh_request *rq)
{
	fh_set_header(rq, "Retry-After", "30");
	return fh_problem(rq, 503, "the model is not loaded");
}

/* {"label":"positive","probability":0.98}, or NULL: nothing to go by. */
static struct json_object *
answer(const char *text, size_t length)
{
	struct fasttext_answer found;
	struct json_object *object, *probability;

	if (fasttext_predict(&reader, text, length, &found) != FASTTEXT_OK)
		return NULL;
	probability = json_object_new_double(found.probability);
	json_object_set_serializer(probability,
	    json_object_double_to_json_string, "%.6f", NULL);
	object = json_object_new_object();
	json_object_object_add(object, "label",
	    json_object_new_string_len(found.label, (int)found.label_length));
	json_object_object_add(object, "probability", probability);
	return object;
}

/* What is wrong with a text, or NULL. */
static const char *
fault_of(const char *text, size_t length)
{
	if (text == NULL)
		return "is missing";
	if (length > BYTES_MAX)
		return "is longer than 256 KiB";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] > ' ')
			return NULL;
	return "is empty";
}

static int
sentiment_get(struct fh_request *rq)
{
	const char *text = fh_query(rq, "text");
	const char *fault;
	struct json_object *reply;

	if (!ready)
		return not_loaded(rq);
	fault = fault_of(text, text == NULL ? 0 : strlen(text));
	if (fault != NULL)
		return fh_problem(rq, 422, "text: %s, as in "
		    "/sentiment?text=a+fine+film", fault);
	reply = answer(text, strlen(text));
	if (reply == NULL)
		return fh_problem(rq, 422, "text: the model knows nothing "
		    "in it");
	return fh_reply_json(rq, 200, reply);
}

/* Every fault of the list, as one sentence; NULL if there is none. */
static const char *
faults_of_list(struct fh_request *rq, struct json_object *list)
{
	size_t count = json_object_array_length(list), bytes = 0, length;
	const char *faults = NULL, *text, *fault;
	int named = 0;

	if (count == 0 || count > TEXTS_MAX)
		return fh_sprintf(rq, "%zu texts; 1 to %d are taken", count,
		    TEXTS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		fault = "is not a string";
		if (json_object_is_type(item, json_type_string)) {
			text = json_object_get_string(item);
			length = (size_t)json_object_get_string_len(item);
			bytes += length;
			fault = fault_of(text, length);
		}
		if (fault != NULL && named++ < FAULTS_MAX)
			faults = fh_sprintf(rq, "%s%stext %zu %s",
			    faults == NULL ? "" : faults,
			    faults == NULL ? "" : "; ", i, fault);
	}
	if (faults == NULL && bytes > BYTES_MAX)
		return "more than 256 KiB of text";
	if (named > FAULTS_MAX)
		return fh_sprintf(rq, "%s; and %d more", faults,
		    named - FAULTS_MAX);
	return faults;
}

static int
sentiment_post(struct fh_request *rq)
{
	struct json_object *list, *reply;
	const char *faults;

	if (!ready)
		return not_loaded(rq);
	list = fh_json(rq);
	if (list == NULL && fh_json_error(rq) != NULL)
		return fh_problem(rq, 400, "%s", fh_json_error(rq));
	if (!json_object_is_type(list, json_type_array))
		return fh_problem(rq, 422, "a list of texts is needed, as in "
		    "[\"a fine film\", \"a poor film\"]");
	if ((faults = faults_of_list(rq, list)) != NULL)
		return fh_problem(rq, 422, "%s", faults);

	reply = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		/* null where the model knows nothing in the text */
		json_object_array_add(reply,
		    answer(json_object_get_string(item),
		    (size_t)json_object_get_string_len(item)));
	}
	return fh_reply_json(rq, 200, reply);
}

FH_HANDLER(.name = "sentiment", .version = "1",
    .preload = sentiment_preload, .routes = FH_ROUTES(
	{ "GET", "/sentiment", .serve = sentiment_get,
	    .summary = "label and probability of ?text=" },
	{ "POST", "/sentiment", .serve = sentiment_post,
	    .summary = "the same for a JSON list of texts" }));
