#include "dns.h"

#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#include "config.h"
#include "log.h"
#include "modules.h"
#include "server.h"
#include "timers.h"
#include "util/idna.h"
#include "util/mem.h"

#define CLASS_IN 1
#define RCODE_NXDOMAIN 3
#define RECORDS_MAX 64  /* of one answer: more are not looked at */
#define OUTGOING "1536" /* PC__DNS_MAX */

struct query {
	struct query *next, *before;
	pc_module *m;
	pc_dns_fn *fn;
	void *data;
	int id; /* libunbound's */
	struct pc__timer timeout;
};

struct list {
	struct query *first, *last;
	size_t n;
};

static struct {
	struct ub_ctx *ctx;
	uv_poll_t *poll;
	struct list asked;
} dns;

/* ---- set-up. What cannot be set is logged and passed over: a typing error in one option must not
 * cut the server off from others. */

static void checked(int err, const char *what, const char *value)
{
	if (err != 0)
		pc__log("dns", PC_WARN, "unbound: %s %s: %s", what, value ? value : "",
		        ub_strerror(err));
}

static const pc__value *field(const char *name)
{
	const pc__value *table = pc__config_get(NULL, "unbound");

	if (table == NULL || table->type != PC__TABLE)
		return NULL;
	return pc__value_field(table, name);
}

/* Calls set() for the string, or for each string of the list. */
static void each_string(const char *name, int (*set)(struct ub_ctx *, const char *))
{
	const pc__value *v = field(name);

	if (v == NULL)
		return;
	if (v->type == PC__STRING)
		checked(set(dns.ctx, v->s), name, v->s);
	for (size_t i = 0; v->type == PC__TABLE && i < v->n_list; i++)
		if (v->list[i].type == PC__STRING)
			checked(set(dns.ctx, v->list[i].s), name, v->list[i].s);
}

static int set_forward(struct ub_ctx *ctx, const char *address)
{
	return ub_ctx_set_fwd(ctx, address);
}

static int add_anchor(struct ub_ctx *ctx, const char *record)
{
	return ub_ctx_add_ta(ctx, record);
}

static bool is_there(const char *path)
{
	uv_fs_t req;
	int err = uv_fs_stat(NULL, &req, path, NULL);

	uv_fs_req_cleanup(&req);
	return err == 0;
}

/* A configured file that is missing would make the validator refuse every question. NULL: there is
 * none, or none is wanted. */
static const char *anchor_file(void)
{
	static const char *const usual[] = { "/usr/share/dns/root.key", "/var/lib/unbound/root.key",
		                             "/etc/unbound/root.key" };
	const pc__value *file = field("trustfile");

	if (file != NULL && file->type == PC__STRING)
		return is_there(file->s) ? file->s : NULL;
	if (field("trusted") != NULL || (file != NULL && file->type == PC__BOOL && !file->b))
		return NULL;
	for (size_t i = 0; i < PC__COUNT(usual); i++)
		if (is_there(usual[i]))
			return usual[i];
	return NULL;
}

bool pc__dns_has_anchor(void)
{
	return field("trusted") != NULL || anchor_file() != NULL;
}

static void set_anchors(void)
{
	const pc__value *file = field("trustfile");
	const char *path = anchor_file();

	each_string("trusted", add_anchor);
	if (path != NULL)
		checked(ub_ctx_add_ta_file(dns.ctx, path), "trustfile", path);
	else if (file != NULL && file->type == PC__STRING)
		pc__log("dns", PC_WARN, "unbound: trustfile %s cannot be read", file->s);
	else if (!pc__dns_has_anchor())
		pc__log("dns", PC_INFO, "no DNSSEC trust anchor found: answers are not validated");
}

/* `dflt` is what holds where the option says nothing; true stands for the system's file. */
static void set_file(const char *name, const char *other, bool dflt,
                     int (*set)(struct ub_ctx *, const char *))
{
	const pc__value *v = field(name);
	const char *path = NULL;

	if (v == NULL && other != NULL)
		v = field(other);
	if (v != NULL && v->type == PC__STRING)
		path = v->s;
	else if (v != NULL ? v->type == PC__BOOL && !v->b : !dflt)
		return;
	checked(set(dns.ctx, path), name, path);
}

/* Within a library unbound asks 16 questions at a time: names that nobody answers for would keep
 * all others waiting. And it takes a resolver for dead that lets enough of such names pass without
 * an answer, for a quarter of an hour, with whatever else it could answer: so that is forgotten
 * before it comes to that. */
static const char *const defaults[][2] = { { "outgoing-range:", OUTGOING },
	                                   { "infra-host-ttl:", "1" } };

static void set_options(void)
{
	const pc__value *v = field("options");

	for (size_t i = 0; i < PC__COUNT(defaults); i++)
		checked(ub_ctx_set_option(dns.ctx, defaults[i][0], defaults[i][1]), defaults[i][0],
		        defaults[i][1]);
	for (size_t i = 0; v != NULL && v->type == PC__TABLE && i < v->n_fields; i++) {
		const struct pc__field *f = &v->fields[i];

		if (f->value.type == PC__STRING)
			checked(ub_ctx_set_option(dns.ctx, f->name, f->value.s), f->name,
			        f->value.s);
	}
}

static int set_resolvconf(struct ub_ctx *ctx, const char *path)
{
	return ub_ctx_resolvconf(ctx, path);
}

static int set_hosts(struct ub_ctx *ctx, const char *path)
{
	return ub_ctx_hosts(ctx, path);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
	ub_process(dns.ctx);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static bool start(void)
{
	if (dns.ctx != NULL)
		return true;
	dns.ctx = ub_ctx_create();
	if (dns.ctx == NULL)
		return false;
	if (field("forward") != NULL)
		each_string("forward", set_forward);
	else
		set_file("resolvconf", NULL, true, set_resolvconf);
	set_file("hoststxt", "hosts", true, set_hosts);
	set_options();
	set_anchors();
	checked(ub_ctx_async(dns.ctx, 1), "thread", NULL);
	dns.poll = pc__alloc(sizeof(*dns.poll));
	if (uv_poll_init(pc__server.loop, dns.poll, ub_fd(dns.ctx)) < 0) {
		pc__free(&dns.poll);
		ub_ctx_delete(dns.ctx);
		dns.ctx = NULL;
		return false;
	}
	uv_poll_start(dns.poll, UV_READABLE, on_readable);
	return true;
}

/* ---- questions */

static void list_add(struct list *l, struct query *q)
{
	q->next = NULL;
	q->before = l->last;
	if (l->last)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
	l->n++;
}

static void list_remove(struct list *l, struct query *q)
{
	if (q->before)
		q->before->next = q->next;
	else
		l->first = q->next;
	if (q->next)
		q->next->before = q->before;
	else
		l->last = q->before;
	l->n--;
}

static void query_free(struct query *q)
{
	list_remove(&dns.asked, q);
	pc__timer_clear(&q->timeout);
	if (q->m != NULL)
		pc__module_release(q->m);
	free(q);
}

static void finish(struct query *q, const pc_dns_answer *answer)
{
	if (q->m == NULL || pc__module_callable(q->m))
		q->fn(answer, q->data);
	query_free(q);
}

static void on_timeout(struct pc__timer *t)
{
	struct query *q = PC__CONTAINER(t, struct query, timeout);

	ub_cancel(dns.ctx, q->id);
	finish(q, &(pc_dns_answer){ .err = PC_ETIMEOUT });
}

static int answer_error(const struct ub_result *r)
{
	if (r->bogus)
		return PC_EIO;
	if (r->havedata)
		return PC_OK;
	return r->rcode == 0 || r->rcode == RCODE_NXDOMAIN ? PC_ENOENT : PC_EIO;
}

static void on_answer(void *data, int err, struct ub_result *r)
{
	struct query *q = data;
	pc_str records[RECORDS_MAX];
	pc_dns_answer answer = { .err = PC_EIO };

	if (err == 0) {
		answer.err = answer_error(r);
		answer.secure = r->secure;
		answer.bogus = r->bogus;
		answer.ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
		answer.data = records;
		while (answer.err == PC_OK && answer.n < RECORDS_MAX && r->data[answer.n] != NULL) {
			records[answer.n] = (pc_str){ r->data[answer.n], (size_t)r->len[answer.n] };
			answer.n++;
		}
	}
	finish(q, &answer);
	if (err == 0)
		ub_resolve_free(r);
}

static struct query *query_new(pc_module *m, pc_dns_fn *fn, void *data)
{
	struct query *q = pc__alloc(sizeof(*q));

	q->m = m;
	q->fn = fn;
	q->data = data;
	list_add(&dns.asked, q);
	if (m != NULL)
		pc__module_hold(m);
	return q;
}

int pc_resolve(pc_module *m, const char *name, int rrtype, pc_dns_fn *fn, void *data)
{
	char ascii[PC__IDNA_SIZE];
	struct query *q;

	if (pc__idna_to_ascii(name, ascii) < 0)
		return PC_EINVAL;
	if (dns.asked.n >= PC__DNS_MAX)
		return PC_EBUSY;
	if (!start())
		return PC_EIO;
	q = query_new(m, fn, data);
	if (ub_resolve_async(dns.ctx, ascii, rrtype, CLASS_IN, q, on_answer, &q->id) != 0) {
		query_free(q);
		return PC_EIO;
	}
	pc__timer_set(&q->timeout, PC__DNS_TIMEOUT, on_timeout);
	return PC_OK;
}

void pc__dns_stop(void)
{
	while (dns.asked.n > 0) {
		struct query *q = dns.asked.first;

		ub_cancel(dns.ctx, q->id);
		if (q->m == NULL) /* the core's own have to be freed by whoever asked */
			q->fn(&(pc_dns_answer){ .err = PC_ECANCELED }, q->data);
		query_free(q);
	}
	if (dns.poll != NULL) {
		uv_poll_stop(dns.poll);
		uv_close((uv_handle_t *)dns.poll, on_poll_closed);
		dns.poll = NULL;
	}
	if (dns.ctx != NULL)
		ub_ctx_delete(dns.ctx);
	dns.ctx = NULL;
}
