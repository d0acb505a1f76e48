/*
 * query.c - queries taken apart (XEP-0313 section 4).
 */
#include "mam.h"

#define FULLTEXT "{" NS_FULLTEXT "}fulltext"

/* The last one is left out where there is no full text. */
static const pc_field fields[] = {
	{ .var = "with", .type = PC_FIELD_JID },
	{ .var = "start" },
	{ .var = "end" },
	{ .var = "before-id" },
	{ .var = "after-id" },
	{ .var = "ids", .type = PC_FIELD_CHOICES },
	{ .var = "include-groupchat", .type = PC_FIELD_BOOLEAN },
	{ .var = FULLTEXT },
	{ 0 },
};
static const pc_field fields_without_text[] = {
	{ .var = "with", .type = PC_FIELD_JID },
	{ .var = "start" },
	{ .var = "end" },
	{ .var = "before-id" },
	{ .var = "after-id" },
	{ .var = "ids", .type = PC_FIELD_CHOICES },
	{ .var = "include-groupchat", .type = PC_FIELD_BOOLEAN },
	{ 0 },
};
static const pc_form form = { .form_type = NS_MAM, .fields = fields };
static const pc_form form_without_text = { .form_type = NS_MAM, .fields = fields_without_text };

static const pc_form *form_of(const struct mam *mam)
{
	return mam->opts.full_text ? &form : &form_without_text;
}

/* ------------------------------------------------------------ the form, for who asks */

pc_result query_form(struct mam *mam, pc_event *ev)
{
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *x = pc_form_ask(pc_stanza_open(reply, "query", NS_MAM), form_of(mam), NULL);

	for (pc_stanza *f = pc_stanza_first(x); f; f = pc_stanza_next(f)) {
		const char *var = pc_stanza_get(f, "var");
		pc_stanza *validate;

		if (var == NULL || strcmp(var, "ids") != 0)
			continue;
		/* any value, not one of a list (XEP-0122 section 3.2) */
		validate =
		        pc_stanza_open(f, "validate", "http://jabber.org/protocol/xdata-validate");
		pc_stanza_set(validate, "datatype", "xs:string");
		pc_stanza_open(validate, "open", NULL);
	}
	return pc_reply(ev, reply);
}

/* ------------------------------------------------------------ reading one */

struct refusal {
	const char *condition, *text;
	char why[PC_FORM_WHY];
};

static bool refuse(struct refusal *r, const char *condition, const char *text)
{
	r->condition = condition;
	r->text = text;
	return false;
}

static bool is_known(const pc_form *f, const char *var)
{
	if (strcmp(var, "FORM_TYPE") == 0)
		return true;
	for (const pc_field *field = f->fields; field->var; field++)
		if (strcmp(field->var, var) == 0)
			return true;
	return false;
}

/* Section 4.1.5: what is not understood is not passed over. */
static bool knows_all(const pc_form *f, const pc_stanza *x)
{
	for (const pc_stanza *c = pc_stanza_first(x); c; c = pc_stanza_next(c)) {
		const char *var = pc_stanza_get(c, "var");

		if (pc_stanza_is(c, "field", PC_NS_FORMS) && var && !is_known(f, var))
			return false;
	}
	return true;
}

static bool read_form(struct query *q, const pc_form *f, const pc_stanza *query, struct refusal *r)
{
	const pc_stanza *x = pc_stanza_child(query, "x", PC_NS_FORMS);
	const char *type = x ? pc_form_type(x) : NULL;

	if (x == NULL)
		return true;
	if (type == NULL || strcmp(type, NS_MAM) != 0)
		return refuse(r, "bad-request", "the form is not of type " NS_MAM);
	if (!knows_all(f, x))
		return refuse(r, "feature-not-implemented",
		              "the form has a field that is not known");
	if (pc_form_read(x, f, &q->form, r->why) != PC_OK)
		return refuse(r, "bad-request", r->why[0] ? r->why : NULL);
	return true;
}

/* 0 where it is not given. In a query 0 is "open": the first moment of 1970 is one millisecond off.
 */
static bool read_time(const struct query *q, const char *name, int64_t *ms_r)
{
	const char *text = pc_values_get(q->form, name);

	*ms_r = 0;
	if (text == NULL)
		return true;
	if (pc_datetime_parse(text, ms_r) != PC_OK)
		return false;
	if (*ms_r == 0)
		*ms_r = -1;
	return true;
}

static bool read_ids(struct query *q)
{
	size_t n = pc_values_count(q->form, "ids");

	if (n > QUERY_IDS_MOST)
		return false;
	q->ids = n ? mam_alloc(n * sizeof(*q->ids)) : NULL;
	for (size_t i = 0; i < n; i++)
		q->ids[i] = pc_values_at(q->form, "ids", i);
	q->search.query.ids = q->ids;
	q->search.query.n_ids = n;
	q->search.all_ids = true;
	return true;
}

static bool read_filters(struct query *q, struct refusal *r)
{
	pc_query *filter = &q->search.query;

	if (!read_time(q, "start", &filter->start) || !read_time(q, "end", &filter->end))
		return refuse(r, "bad-request", "start and end are dates as in XEP-0082");
	if (!read_ids(q))
		return refuse(r, "bad-request", "there are too many ids");
	filter->with = pc_values_get(q->form, "with");
	q->search.above = pc_values_get(q->form, "after-id");
	q->search.below = pc_values_get(q->form, "before-id");
	q->search.text = pc_values_get(q->form, FULLTEXT);
	return true;
}

static bool read_page(struct mam *mam, struct query *q, const pc_stanza *query, struct refusal *r)
{
	if (pc_rsm_read(query, &q->rsm) == PC_EINVAL)
		return refuse(r, "bad-request", "the page cannot be understood");
	if (pc_rsm_query(&q->rsm, mam->opts.page, &q->search.query) != PC_OK)
		return refuse(r, "feature-not-implemented", "pages do not go by index");
	q->count_only = q->rsm.has_max && q->rsm.max == 0;
	q->search.query.count = mam->opts.total || q->count_only;
	if (q->count_only)
		q->search.query.limit = 1;
	return true;
}

static struct query *new_query(const pc_stanza *iq)
{
	struct query *q = mam_alloc(sizeof(*q));

	q->iq = pc_stanza_clone(iq);
	q->search.size = sizeof(q->search);
	return q;
}

struct query *query_new(struct mam *mam, pc_event *ev)
{
	struct query *q = new_query(pc_event_stanza(ev));
	const pc_stanza *query = pc_stanza_first(q->iq);
	struct refusal r = { 0 };

	q->flip = pc_stanza_child(query, "flip-page", NS_MAM) != NULL;
	if (pc_stanza_get(query, "node"))
		refuse(&r, "item-not-found", "an account's archive has no nodes");
	else if (read_form(q, form_of(mam), query, &r) && read_filters(q, &r) &&
	         read_page(mam, q, query, &r))
		return q;
	pc_reply_error(ev, NULL, r.condition, r.text);
	query_free(&q);
	return NULL;
}

struct query *query_new_metadata(pc_event *ev)
{
	struct query *q = new_query(pc_event_stanza(ev));

	q->metadata = true;
	q->search.query.limit = 1;
	return q;
}

void query_free(struct query **q_p)
{
	struct query *q = *q_p;

	if (q == NULL)
		return;
	*q_p = NULL;
	pc_stanza_free(&q->iq);
	pc_values_free(&q->form);
	free(q->ids);
	free(q);
}
