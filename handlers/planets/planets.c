/*
 * planets.c - a table in whichever form the client likes: JSON, JSON lines or
 * CSV.
 *
 * What it teaches: the struct of a row is declared once, in the route's
 * responses, and from that come the type that Accept chooses, each form of a
 * row, and the OpenAPI document.  A client that has the table gets a 304.
 *
 * Runs in: the front (sync): the table is small.
 * Owns: nothing.
 * Invariant: another table has another EDITION.
 *
 *	curl http://127.0.0.1:8080/planets
 *	curl -H 'Accept: text/csv' http://127.0.0.1:8080/planets
 *	curl -OJ -H 'Accept: text/csv' 'http://127.0.0.1:8080/planets?save=yes'
 */
#include <fcgi-host/handler.h>

#define EDITION	"2026-1"	/* another one whenever the table changes */

struct planet {
	const char	*name;
	double		 radius_km;
	int64_t		 moons;
	bool		 has_rings;
};

static const struct planet planets[] = {
	{ "Mercury", 2439.7, 0, false },
	{ "Venus", 6051.8, 0, false },
	{ "Earth", 6371, 1, false },
	{ "Mars", 3389.5, 2, false },
	{ "Jupiter", 69911, 97, true },
	{ "Saturn", 58232, 274, true },
	{ "Uranus", 25362, 28, true },
	{ "Neptune", 24622, 16, true }
};

static int
serve_planets(struct fh_request *rq)
{
	/* Each form has bytes of its own, so each has a tag of its own. */
	fh_set_etag(rq, fh_sprintf(rq, EDITION ";%s", fh_accepted(rq)), false);
	fh_fresh_for(rq, 3600, true);
	if (fh_precondition(rq) != 0)
		return 0;
	if (fh_query(rq, "save") != NULL)
		fh_download(rq, "planets.csv");
	fh_rows_begin(rq, 200, NULL);
	for (size_t i = 0; i < sizeof(planets) / sizeof(planets[0]); i++)
		fh_row(rq, &planets[i]);
	return fh_rows_end(rq);
}

static const struct fh_property fields[] = {
	{ FH_STRING(struct planet, name), .about = "In English" },
	{ FH_NUMBER(struct planet, radius_km), .about = "On average" },
	{ FH_INTEGER(struct planet, moons), .about = "Known so far" },
	{ FH_BOOLEAN(struct planet, has_rings) },
	FH_END
};

#define ROWS	.items = FH_ITEMS(FH_ITEM_OBJECT(struct planet),	\
		    .fields = fields)

static const struct fh_response responses[] = {
	{ .status = 200, ROWS, .about = "The planets, from the sun" },
	{ .status = 200, .type = "application/jsonl", ROWS },
	{ .status = 200, .type = "text/csv", ROWS },
	{ .status = 0 }
};

FH_HANDLER(.name = "planets", .routes = FH_ROUTES(
	{ "GET", "/planets", .serve = serve_planets, .responses = responses,
	    .summary = "a table as JSON, JSON lines or CSV" }));
