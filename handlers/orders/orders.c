/*
 * orders.c - a shop's orders: what comes in is declared, and checked by the
 * host before it gets here.
 *
 * Teaches: declared inputs: a filled struct, single values, nested JSON, a
 * form; and declared responses.
 * Runs in: the front.
 * Owns: nothing; nothing is kept, each reply is what was understood.
 * Invariant: no function here checks what a client sent.
 */
#include <fcgi-host/handler.h>

/* ------------------------------------------------- GET /orders */

enum sort { SORT_NONE = -1, SORT_NEWEST, SORT_OLDEST, SORT_TOTAL };

struct find {
	const char		*text;
	int64_t			 top;
	int			 sort;
	FH_LIST(const char *)	 tags;
	struct fh_date		 since;
	bool			 has_since;
	int64_t			 trace;
};

static const struct fh_property find_inputs[] = {
	{ FH_STRING(struct find, text), .required = true, .min_length = 2,
	    .max_length = 100, .about = "What to look for" },
	{ FH_INTEGER(struct find, top), .min = "1", .max = "50",
	    .fallback = "10", .about = "How many to give" },
	{ FH_ENUM(struct find, sort), .choices = FH_CHOICES("newest",
	    "oldest", "total"), .fallback = "newest" },
	{ FH_ARRAY(struct find, tags), .as = "tag", .max_length = 5,
	    .items = FH_ITEMS(FH_ITEM(STRING), .pattern = "^[a-z]+$"),
	    .about = "Only orders with all of these; may come several times" },
	{ FH_DATE(struct find, since), .has = FH_HAS(struct find, has_since),
	    .min = "2000-01-01", .about = "Only orders from this day on" },
	{ FH_INTEGER(struct find, trace), .in = FH_IN_HEADER,
	    .as = "X-Trace-Level", .min = "0", .max = "9" },
	FH_END
};

static const struct fh_inputs find_declared = { sizeof(struct find),
    find_inputs, .strict = true };

static int
find(struct fh_request *rq)
{
	static const char *const orders[] = { "newest", "oldest", "total" };
	const struct find *in = fh_input(rq);

	fh_json_begin(rq, 200);
	fh_json_object(rq);
	fh_json_name(rq, "text");
	fh_json_string(rq, in->text);
	fh_json_name(rq, "top");
	fh_json_integer(rq, in->top);
	fh_json_name(rq, "sort");
	fh_json_string(rq, orders[in->sort]);
	fh_json_name(rq, "tags");
	fh_json_array(rq);
	for (size_t i = 0; i < in->tags.count; i++)
		fh_json_string(rq, in->tags.at[i]);
	fh_json_close(rq);
	if (in->has_since) {
		fh_json_name(rq, "year");
		fh_json_integer(rq, in->since.year);
	}
	fh_json_name(rq, "trace");
	fh_json_integer(rq, in->trace);
	fh_json_close(rq);
	return fh_json_end(rq);
}

/* ------------------------------------------------- POST /orders */

struct item {
	const char	*article;
	int64_t		 count;
	double		 price;
};

struct address {
	const char	*street;
	const char	*city;
};

struct order {
	struct address		 address;
	FH_LIST(struct item)	 items;
	struct fh_time		 due;
	bool			 gift;
	const char		*coupon;
};

static const struct fh_property address_fields[] = {
	{ FH_STRING(struct address, street), .required = true,
	    .min_length = 1, .max_length = 200 },
	{ FH_STRING(struct address, city), .required = true,
	    .min_length = 1, .max_length = 100 },
	FH_END
};

static const struct fh_property item_fields[] = {
	{ FH_STRING(struct item, article), .required = true,
	    .pattern = "^[A-Z]{2}-[0-9]{4}$", .about = "Like AB-1234" },
	{ FH_INTEGER(struct item, count), .min = "1", .max = "999",
	    .fallback = "1" },
	{ FH_NUMBER(struct item, price), .required = true, .above = "0" },
	FH_END
};

static const struct fh_property order_inputs[] = {
	{ FH_OBJECT(struct order, address), .in = FH_IN_BODY,
	    .required = true, .fields = address_fields },
	{ FH_ARRAY(struct order, items), .in = FH_IN_BODY, .required = true,
	    .min_length = 1, .max_length = 100,
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct item),
		.fields = item_fields) },
	{ FH_DATE_TIME(struct order, due), .in = FH_IN_BODY,
	    .min = "2026-01-01T00:00:00Z" },
	{ FH_BOOLEAN(struct order, gift), .in = FH_IN_BODY },
	{ FH_STRING(struct order, coupon), .in = FH_IN_BODY,
	    .nullable = true, .secret = true, .min_length = 8 },
	FH_END
};

static const struct fh_inputs order_declared = { sizeof(struct order),
    order_inputs, .strict = true };

static int
order(struct fh_request *rq)
{
	const struct order *in = fh_input(rq);
	double total = 0;

	for (size_t i = 0; i < in->items.count; i++)
		total += (double)in->items.at[i].count *
		    in->items.at[i].price;
	fh_json_begin(rq, 201);
	fh_json_object(rq);
	fh_json_name(rq, "city");
	fh_json_string(rq, in->address.city);
	fh_json_name(rq, "total");
	fh_json_number(rq, total);
	fh_json_name(rq, "due");
	fh_json_integer(rq, in->due.seconds);
	fh_json_name(rq, "gift");
	fh_json_boolean(rq, in->gift);
	fh_json_name(rq, "coupon");
	fh_json_boolean(rq, in->coupon != NULL);
	fh_json_close(rq);
	return fh_json_end(rq);
}

/* ------------------------------------------------- single values */

static int
cancel(struct fh_request *rq)
{
	struct fh_uuid id = fh_input_uuid(rq, "id");

	if (fh_input_boolean(rq, "dry"))
		return fh_reply_text(rq, 200, id.text);
	return fh_status(rq, 204);
}

static int
contact(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, fh_sprintf(rq, "Thank you, %s.\n",
	    fh_input_string(rq, "name")));
}

/* ------------------------------------------------- the table */

FH_HANDLER(.name = "orders", .routes = FH_ROUTES(
	{ "GET", "/orders", .serve = find, .inputs = &find_declared,
	    .summary = "Finds orders", .responses = FH_RESPONSES(
		{ .status = 200, .fields = FH_FIELDS(
		    { FH_VALUE(STRING, "text"), .required = true },
		    { FH_VALUE(INTEGER, "top"), .required = true }) }) },
	{ "POST", "/orders", .serve = order, .inputs = &order_declared,
	    .summary = "Makes an order", .responses = FH_RESPONSES(
		{ .status = 201, .fields = FH_FIELDS(
		    { FH_VALUE(STRING, "city"), .required = true },
		    { FH_VALUE(NUMBER, "total"), .required = true,
			.above = "0" }) }) },
	{ "DELETE", "/orders/{id}", .serve = cancel, .inputs = FH_VALUES(
		{ FH_VALUE(UUID, "id") },
		{ FH_VALUE(BOOLEAN, "dry"), .about = "Only says which" }),
	    .summary = "Cancels an order", .responses = FH_RESPONSES(
		{ .status = 200, .type = "text/plain" },
		{ .status = 204 }) },
	{ "POST", "/orders/contact", .serve = contact, .inputs = FH_VALUES(
		{ FH_VALUE(STRING, "name"), .in = FH_IN_FORM,
		    .required = true, .max_length = 80 },
		{ FH_VALUE(STRING, "text"), .in = FH_IN_FORM,
		    .required = true, .max_length = 4000 }),
	    .summary = "Writes to the shop" }));
