/*
 * fasttext_shim.cc - libfasttext behind two C functions.
 *
 * Teaches: how a C++ library becomes a handler: all of it that is C++ stands
 *	here, and every exception ends here.
 * Runs in: the zygote (load), the workers (predict).
 * Owns: the model object, which lives as long as the process.
 * Invariant: no exception leaves an extern "C" function.
 */
#include "fasttext_shim.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fasttext/fasttext.h>

struct fasttext_shim {
	fasttext::FastText	model;
};

struct fasttext_shim *
fasttext_shim_load(const char *path, char *why, size_t why_size)
{
	struct fasttext_shim *shim = nullptr;

	try {
		shim = new fasttext_shim;
		shim->model.loadModel(std::string(path));
		return shim;
	} catch (const std::exception &error) {
		snprintf(why, why_size, "%s", error.what());
	} catch (...) {
		snprintf(why, why_size, "unknown exception");
	}
	delete shim;
	return nullptr;
}

static int
predict(const struct fasttext_shim *shim, const char *line, char *label_out,
    size_t label_size, double *probability_out)
{
	static const char prefix[] = "__label__";
	std::istringstream text(std::string(line) + "\n");
	std::vector<std::pair<fasttext::real, std::string>> found;
	const char *label;

	shim->model.predictLine(text, found, 1, 0.0f);
	if (found.empty())
		return 1;
	label = found[0].second.c_str();
	if (strncmp(label, prefix, sizeof(prefix) - 1) == 0)
		label += sizeof(prefix) - 1;
	snprintf(label_out, label_size, "%s", label);
	/* fastText adds 0.00001 before it takes the logarithm. */
	*probability_out = found[0].first > 1 ? 1.0 :
	    static_cast<double>(found[0].first);
	return 0;
}

int
fasttext_shim_predict(const struct fasttext_shim *shim, const char *line,
    char *label_out, size_t label_size, double *probability_out, char *why,
    size_t why_size)
{
	try {
		return predict(shim, line, label_out, label_size,
		    probability_out);
	} catch (const std::exception &error) {
		snprintf(why, why_size, "%s", error.what());
	} catch (...) {
		snprintf(why, why_size, "unknown exception");
	}
	return -1;
}
