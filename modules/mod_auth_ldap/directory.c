#include "directory.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define RETRY_FIRST 1.0
#define RETRY_LAST 15.0

enum step { WANTS_SEARCH, SEARCHING, WANTS_BIND, BINDING, ANSWERED };

struct question {
	struct directory *d;
	struct question *next;
	enum directory_ask what;
	enum step step;
	int msgid; /* of its search */
	int err;   /* once it is answered */
	unsigned entries;
	char *dn;
	pc_timer *timer;
	directory_answer_fn *fn;
	void *data;
	char user[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1]; /* to be checked, or that of the entry */
};

static void serve(struct directory *d);

/* ------------------------------------------------------------ ends of questions */

static void forget(struct question *q)
{
	struct directory *d = q->d;
	struct question **at = &d->first;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	d->n_questions--;
	for (size_t i = 0; i < DIRECTORY_BINDS; i++)
		if (d->bound_by[i] == q)
			d->bound_by[i] = NULL;
	pc_timer_stop(&q->timer);
	ldap_memfree(q->dn);
	explicit_bzero(q, sizeof(*q));
	pc_module_free(d->m, q);
}

static void answer(struct question *q, int err)
{
	char password[PC_JID_PART_MAX + 1];
	directory_answer_fn *fn = q->fn;
	void *data = q->data;
	bool read = q->what == DIRECTORY_READ && err == PC_OK;

	memcpy(password, q->password, sizeof(password));
	forget(q);
	fn(err, read ? password : NULL, data);
	explicit_bzero(password, sizeof(password));
}

static void on_answer_time(void *data)
{
	struct question *q = data;

	q->timer = NULL;
	answer(q, q->err);
}

/* By a timer: whoever is called may ask again, or unload us, and we are in the middle of things. */
static void answer_soon(struct question *q, int err)
{
	struct directory *d = q->d;

	for (size_t i = 0; i < DIRECTORY_BINDS; i++)
		if (d->bound_by[i] == q)
			d->bound_by[i] = NULL;
	q->step = ANSWERED;
	q->err = err;
	pc_timer_stop(&q->timer);
	q->timer = pc_after(d->m, 0, on_answer_time, q);
}

static void answer_all(struct directory *d, enum step from, enum step to, int err)
{
	for (struct question *q = d->first; q; q = q->next)
		if (q->step >= from && q->step <= to)
			answer_soon(q, err);
}

/* What the configuration, or the directory's, makes impossible: once is enough. */
static void complain(struct directory *d, const char *what, int code, const char *text)
{
	if (!d->complained)
		pc_log(d->m, PC_ERROR, "%s: %s %s", what, ldap_err2string(code), text ? text : "");
	d->complained = true;
}

/* ------------------------------------------------------------ searching */

static int scope_of(const char *name)
{
	if (strcmp(name, "base") == 0)
		return LDAP_SCOPE_BASE;
	return strcmp(name, "onelevel") == 0 ? LDAP_SCOPE_ONELEVEL : LDAP_SCOPE_SUBTREE;
}

static void search(struct directory *d, struct question *q)
{
	static char none[] = LDAP_NO_ATTRS, secret[] = "userPassword";
	char *attributes[] = { q->what == DIRECTORY_READ ? secret : none, NULL };
	char *filter =
	        filter_make(pc_opt_str(d->m, "ldap_filter"), q->user, pc_module_host_name(d->m));
	int err = ldap_search_ext(d->search.ld, pc_opt_str(d->m, "ldap_base"),
	                          scope_of(pc_opt_str(d->m, "ldap_scope")), filter, attributes, 0,
	                          NULL, NULL, NULL, 2, &q->msgid);

	free(filter);
	q->step = SEARCHING;
	if (err == LDAP_SUCCESS) {
		link_flush(&d->search);
		return;
	}
	complain(d, "the search that ldap_filter makes is impossible", err, NULL);
	answer_soon(q, PC_EIO);
}

static struct question *searching(struct directory *d, int msgid)
{
	struct question *q = d->first;

	while (q && (q->step != SEARCHING || q->msgid != msgid))
		q = q->next;
	return q;
}

static void take_password(struct question *q, LDAPMessage *entry)
{
	struct berval **values = ldap_get_values_len(q->d->search.ld, entry, "userPassword");
	const struct berval *v = values ? values[0] : NULL;

	q->password[0] = '\0';
	if (v && v->bv_len > 0 && v->bv_len < sizeof(q->password) &&
	    memchr(v->bv_val, '\0', v->bv_len) == NULL) {
		memcpy(q->password, v->bv_val, v->bv_len);
		q->password[v->bv_len] = '\0';
	}
	for (size_t i = 0; values && values[i]; i++)
		explicit_bzero(values[i]->bv_val, values[i]->bv_len);
	ldap_value_free_len(values);
}

static void take_entry(struct question *q, LDAPMessage *entry)
{
	if (++q->entries > 1)
		return;
	q->dn = ldap_get_dn(q->d->search.ld, entry);
	if (q->what == DIRECTORY_READ)
		take_password(q, entry);
}

/* RFC 3112: a value that is not the password itself. */
static bool is_hashed(const char *password)
{
	return *password == '{' && strchr(password, '}') != NULL;
}

static int found(const struct question *q)
{
	if (q->entries == 0)
		return PC_ENOENT;
	if (q->entries > 1) {
		pc_log(q->d->m, PC_WARN, "there are several entries of %s: nobody is let in",
		       q->user);
		return PC_ENOENT;
	}
	if (q->what != DIRECTORY_READ)
		return PC_OK;
	if (q->password[0] == '\0' || is_hashed(q->password)) {
		pc_log(q->d->m, PC_WARN,
		       "the password of %s is %s: ldap_mode = \"bind\" can do that", q->user,
		       q->password[0] ? "hashed" : "missing or may not be read");
		return PC_ENOENT;
	}
	return PC_OK;
}

static void search_done(struct question *q, LDAPMessage *message)
{
	struct directory *d = q->d;
	int code = LDAP_PROTOCOL_ERROR;
	char *text = NULL;

	ldap_parse_result(d->search.ld, message, &code, NULL, &text, NULL, NULL, 0);
	if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED) {
		complain(d, "users cannot be searched for", code, text);
		answer_soon(q, PC_EIO);
	} else if (q->what == DIRECTORY_CHECK) {
		d->complained = false;
		if (found(q) != PC_OK) {
			ldap_memfree(q->dn);
			q->dn = NULL;
		}
		q->step = WANTS_BIND;
	} else {
		d->complained = false;
		answer_soon(q, found(q));
	}
	ldap_memfree(text);
}

static void on_search_answer(struct link *l, int type, LDAPMessage *message)
{
	struct directory *d = pc_module_data(l->m);
	struct question *q = searching(d, ldap_msgid(message));

	if (q && type == LDAP_RES_SEARCH_ENTRY)
		take_entry(q, message);
	else if (q && type == LDAP_RES_SEARCH_RESULT)
		search_done(q, message);
	serve(d);
}

/* ------------------------------------------------------------ there and away */

static void on_retry(void *data)
{
	struct directory *d = data;

	d->retry = NULL;
	if (d->search.state == LINK_CLOSED)
		link_open(&d->search);
}

static void on_search_ready(struct link *l)
{
	struct directory *d = pc_module_data(l->m);

	if (d->retry_seconds > 0)
		pc_log(d->m, PC_INFO, "the directory is back");
	d->retry_seconds = 0;
	serve(d);
}

/* One that ends a link which nobody uses has not gone. */
static void on_search_gone(struct link *l, const char *why)
{
	struct directory *d = pc_module_data(l->m);
	bool used = d->retry_seconds > 0;

	for (const struct question *q = d->first; q && !used; q = q->next)
		used = q->step <= SEARCHING;
	if (!used)
		return;
	if (d->retry_seconds == 0)
		pc_log(d->m, PC_ERROR, "the directory is away, nobody can log in: %s", why);
	d->retry_seconds = d->retry_seconds > 0 ? d->retry_seconds * 2 : RETRY_FIRST;
	if (d->retry_seconds > RETRY_LAST)
		d->retry_seconds = RETRY_LAST;
	pc_timer_stop(&d->retry);
	d->retry = pc_after(d->m, d->retry_seconds, on_retry, d);
	answer_all(d, WANTS_SEARCH, SEARCHING, PC_EIO);
}

static const struct link_owner searcher = { on_search_ready, on_search_answer, on_search_gone };

/* ------------------------------------------------------------ binding */

static size_t index_of(const struct link *l)
{
	const struct directory *d = pc_module_data(l->m);

	return (size_t)(l - d->binds);
}

/* Also for somebody who is not there: as the base, which has no password of his. So it takes as
 * long as for others, and whatever comes of it, he is not let in. */
static void bind_as(struct link *l, struct question *q)
{
	struct directory *d = q->d;
	struct berval secret = { strlen(q->password), q->password };
	const char *dn = q->dn ? q->dn : pc_opt_str(d->m, "ldap_base");
	int err = ldap_sasl_bind(l->ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &l->msgid);

	q->step = BINDING;
	d->bound_by[index_of(l)] = q;
	if (err == LDAP_SUCCESS)
		link_flush(l);
	else
		link_fail(l, ldap_err2string(err));
}

/* What is said of the password, or of who has it; all else says nothing of either. */
static int verdict(struct directory *d, int code, const char *text)
{
	switch (code) {
	case LDAP_SUCCESS:
		return PC_OK;
	case LDAP_INVALID_CREDENTIALS:
	case LDAP_INAPPROPRIATE_AUTH:
	case LDAP_NO_SUCH_OBJECT:
	case LDAP_INSUFFICIENT_ACCESS:
	case LDAP_CONSTRAINT_VIOLATION:
	case LDAP_UNWILLING_TO_PERFORM:
	case LDAP_INVALID_DN_SYNTAX:
		return PC_EAUTH;
	default:
		complain(d, "passwords cannot be checked", code, text);
		return PC_EIO;
	}
}

static void on_bind_answer(struct link *l, int type, LDAPMessage *message)
{
	struct directory *d = pc_module_data(l->m);
	struct question *q = d->bound_by[index_of(l)];
	int code = LDAP_PROTOCOL_ERROR, err;
	char *text = NULL;

	if (type != LDAP_RES_BIND || q == NULL || ldap_msgid(message) != l->msgid)
		return;
	ldap_parse_result(l->ld, message, &code, NULL, &text, NULL, NULL, 0);
	err = verdict(d, code, text);
	if (err == PC_OK && q->dn == NULL)
		err = PC_EAUTH;
	d->binds_fail = false;
	answer_soon(q, err);
	ldap_memfree(text);
	serve(d);
}

static void on_bind_ready(struct link *l)
{
	serve(pc_module_data(l->m));
}

static bool is_any_ready(const struct directory *d)
{
	for (size_t i = 0; i < DIRECTORY_BINDS; i++)
		if (d->binds[i].state != LINK_CLOSED)
			return true;
	return false;
}

/* Who was on it is told; who waits, when there is no other. */
static void on_bind_gone(struct link *l, const char *why)
{
	struct directory *d = pc_module_data(l->m);
	struct question *q = d->bound_by[index_of(l)];
	bool was_used = q != NULL;

	if (q)
		answer_soon(q, PC_EIO);
	if (!is_any_ready(d)) {
		for (q = d->first; q && !was_used; q = q->next)
			was_used = q->step == WANTS_BIND;
		answer_all(d, WANTS_BIND, WANTS_BIND, PC_EIO);
	}
	if (was_used && !d->binds_fail)
		pc_log(d->m, PC_ERROR, "passwords cannot be checked: %s", why);
	d->binds_fail = d->binds_fail || was_used;
	serve(d);
}

static const struct link_owner binder = { on_bind_ready, on_bind_answer, on_bind_gone };

/* A free link that is ready; else one more is opened, while there may be more. */
static struct link *free_link(struct directory *d, size_t n_waiting)
{
	struct link *closed = NULL;
	size_t opening = 0;

	for (size_t i = 0; i < DIRECTORY_BINDS; i++) {
		struct link *l = &d->binds[i];

		if (l->state == LINK_READY && d->bound_by[i] == NULL)
			return l;
		if (l->state == LINK_CLOSED)
			closed = closed ? closed : l;
		else if (l->state != LINK_READY)
			opening++;
	}
	if (closed && opening < n_waiting)
		link_open(closed);
	return NULL;
}

/* ------------------------------------------------------------ the turn of those who wait */

static void serve(struct directory *d)
{
	size_t n_binds = 0;

	for (struct question *q = d->first; q && !d->ending; q = q->next) {
		struct link *l;

		if (q->step == WANTS_SEARCH && d->search.state == LINK_READY) {
			search(d, q);
		} else if (q->step == WANTS_BIND) {
			l = free_link(d, ++n_binds);
			if (l)
				bind_as(l, q);
		}
	}
}

/* ------------------------------------------------------------ asking */

/* A server that takes what it is told and says nothing must not have more of it. */
static void on_timeout(void *data)
{
	struct question *q = data;
	struct directory *d = q->d;
	bool searched = q->step == SEARCHING;
	size_t i = 0;

	q->timer = NULL;
	while (i < DIRECTORY_BINDS && d->bound_by[i] != q)
		i++;
	if (searched && d->search.state == LINK_READY)
		link_fail(&d->search, "it does not answer");
	else if (i < DIRECTORY_BINDS)
		link_fail(&d->binds[i], "it does not answer");
	if (q->step != ANSWERED)
		answer_soon(q, PC_ETIMEOUT);
}

static int open_for(struct directory *d)
{
	if (d->n_questions >= DIRECTORY_QUESTIONS)
		return PC_EBUSY;
	if (d->search.state != LINK_CLOSED)
		return PC_OK;
	if (d->retry_seconds > 0)
		return PC_EIO;
	link_open(&d->search);
	return PC_OK;
}

static void copy(char *to, const char *text)
{
	memcpy(to, text, strnlen(text, PC_JID_PART_MAX));
}

void directory_ask(struct directory *d, enum directory_ask what, const char *user,
                   const char *password, directory_answer_fn *fn, void *data)
{
	struct question **end = &d->first, *q = pc_module_alloc(d->m, sizeof(*q));
	int err = open_for(d);

	*q = (struct question){ .d = d, .what = what, .fn = fn, .data = data };
	copy(q->user, user);
	copy(q->password, password ? password : "");
	while (*end)
		end = &(*end)->next;
	*end = q;
	d->n_questions++;
	if (err != PC_OK) {
		answer_soon(q, err);
		return;
	}
	q->timer = pc_after(d->m, pc_opt_seconds(d->m, "ldap_timeout"), on_timeout, q);
	serve(d);
}

void directory_init(struct directory *d, pc_module *m)
{
	double timeout = pc_opt_seconds(m, "ldap_timeout");

	d->m = m;
	link_init(&d->search, m, &searcher, &d->servers, timeout);
	d->search.binds = true;
	for (size_t i = 0; i < DIRECTORY_BINDS; i++)
		link_init(&d->binds[i], m, &binder, &d->servers, timeout);
}

void directory_end(struct directory *d)
{
	d->ending = true;
	pc_timer_stop(&d->retry);
	link_close(&d->search);
	for (size_t i = 0; i < DIRECTORY_BINDS; i++)
		link_close(&d->binds[i]);
	while (d->first)
		answer(d->first, PC_ECANCELED);
}
