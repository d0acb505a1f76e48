/*
 * dane.c - who a peer is, by the DNS: records are looked up here, held against its certificates by
 * io/dane.c on a job thread. One at a time, so that log-ins always have the other thread.
 */
#include "dane.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/dane.h>

#include "certs.h"
#include "io/tls.h"
#include "modules.h"
#include "server.h"
#include "timers.h"
#include "util/mem.h"
#include "util/places.h"
#include "util/srv.h"

#define LOOKUPS_MOST 32 /* of peers that came to us, at a time; each asks up to PLACES_MOST */
#define PLACES_MOST 8   /* of one of them */
#define SRV_TYPE 33

struct place {
	struct check *check;
	char host[PC__IDNA_SIZE];
	struct pc__tlsa tlsa;
};

struct check {
	struct check *next, **at;
	pc_module *m;
	pc_session_id id;
	pc_dane_fn *fn;
	char *domain, *service;
	pc_str *chain;
	size_t n_chain;
	char *fault; /* of the chain, by the roots */
	pc__tls *tls;
	struct place places[PLACES_MOST];
	size_t n_places;
	uint16_t default_port;
	unsigned awaited;        /* answers of the DNS */
	struct pc__place lookup; /* of LOOKUPS_MOST */
	bool refused, failed, ready;
	int verdict;
	char *why;
	struct pc__timer soon;
};

static struct {
	struct check *first, **last;
	struct check *judged; /* by the job thread */
	struct pc__places lookups;
} dane = { .lookups.most = LOOKUPS_MOST };

/* ------------------------------------------------------------ records */

void pc__tlsa_name(uint16_t port, const char *host, char out[static PC__TLSA_NAME_SIZE])
{
	snprintf(out, PC__TLSA_NAME_SIZE, "_%u._tcp.%s", port, host);
}

static pc_str copy_of(const pc_str *s)
{
	char *p = pc__malloc(s->len ? s->len : 1);

	memcpy(p, s->p, s->len);
	return (pc_str){ p, s->len };
}

void pc__tlsa_copy(struct pc__tlsa *t, const pc_str *records, size_t n)
{
	t->records = pc__realloc(t->records, PC__TLSA_MOST * sizeof(*t->records));
	for (size_t i = 0; i < n && t->n < PC__TLSA_MOST; i++)
		if (pc__tlsa_is_usable(&records[i]))
			t->records[t->n++] = copy_of(&records[i]);
}

void pc__tlsa_take(struct pc__tlsa *t, const pc_dns_answer *answer)
{
	if (answer->err == PC_OK && answer->secure)
		pc__tlsa_copy(t, answer->data, answer->n);
	t->failed |= answer->err != PC_OK && answer->err != PC_ENOENT;
}

void pc__tlsa_clear(struct pc__tlsa *t)
{
	while (t->n > 0)
		free((void *)(uintptr_t)t->records[--t->n].p);
	pc__free(&t->records);
	t->failed = false;
}

/* ------------------------------------------------------------ a check's life */

static void take_chain(struct check *c, const pc_stream *s)
{
	const pc_str *certs;
	const char *fault = NULL;

	c->n_chain = pc_stream_peer_certs(s, &certs);
	c->chain = pc__alloc(c->n_chain * sizeof(*c->chain));
	for (size_t i = 0; i < c->n_chain; i++)
		c->chain[i] = copy_of(&certs[i]);
	pc_stream_peer_trust(s, &fault);
	c->fault = pc__strdup(fault);
}

static struct check *check_new(pc_stream *s, const pc_dane_args *args, pc_dane_fn *fn)
{
	struct check *c = pc__alloc(sizeof(*c));

	if (dane.first == NULL)
		dane.last = &dane.first;
	c->m = pc_stream_module(s);
	pc__module_hold(c->m);
	c->id = pc_stream_session(s)->id;
	c->fn = fn;
	c->domain = pc__strdup(args->domain);
	c->service = pc__strdup(args->service);
	c->default_port = args->default_port;
	c->tls = pc__tls_ref(pc__certs_in_use());
	take_chain(c, s);
	c->at = dane.last;
	*dane.last = c;
	dane.last = &c->next;
	return c;
}

static void check_free(struct check *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	else
		dane.last = c->at;
	pc__places_leave(&dane.lookups, &c->lookup);
	pc__timer_clear(&c->soon);
	while (c->n_places > 0)
		pc__tlsa_clear(&c->places[--c->n_places].tlsa);
	while (c->n_chain > 0)
		free((void *)(uintptr_t)c->chain[--c->n_chain].p);
	free(c->chain);
	free(c->fault);
	free(c->domain);
	free(c->service);
	free(c->why);
	pc__tls_unref(&c->tls);
	pc__module_release(c->m);
	free(c);
}

static const char *why_of(int verdict)
{
	if (verdict == PC_EBUSY)
		return "too much is being computed";
	return verdict == PC_EIO ? "its DNS answers are forged, or do not come"
	                         : "no signed record names its certificate";
}

static void tell(struct check *c)
{
	const pc_session *session = pc_session_find(c->id);
	pc_stream *s = session ? pc_session_stream(session) : NULL;

	if (s && pc__module_callable(c->m))
		c->fn(s, c->verdict, c->why ? c->why : why_of(c->verdict));
	check_free(c);
}

static void judge_next(void);

static void on_soon(struct pc__timer *t)
{
	tell(PC__CONTAINER(t, struct check, soon));
	judge_next();
}

static void tell_soon(struct check *c, int verdict)
{
	c->verdict = verdict;
	pc__timer_set(&c->soon, 0, on_soon);
}

/* ------------------------------------------------------------ judging */

/* From here on a job thread. */
static void found(struct check *c, int verdict, char *why)
{
	free(c->why);
	c->why = why;
	c->verdict = verdict;
}

static void judge_records(struct check *c, const struct place *p)
{
	char *fault = pc__dane_judge(&(pc__dane_claim){ .chain = c->chain,
	                                                .n = c->n_chain,
	                                                .fault = c->fault,
	                                                .domain = c->domain,
	                                                .service = c->service,
	                                                .host = p->host,
	                                                .records = p->tlsa.records,
	                                                .n_records = p->tlsa.n,
	                                                .tls = c->tls });

	if (fault)
		found(c, PC_EAUTH, fault);
	else
		found(c, PC_OK, pc__printf("the TLSA records of %s name its certificate", p->host));
}

/* RFC 7673 section 4: without records the roots decide, and the host's name will do. */
static void judge_name(struct check *c, const struct place *p)
{
	if (c->fault == NULL && !p->tlsa.failed && pc__cert_is_for(&c->chain[0], p->host, NULL))
		found(c, PC_OK,
		      pc__printf("it is at %s by signed SRV records, and shows its certificate",
		                 p->host));
}

static void judge(void *data)
{
	struct check *c = data;

	c->verdict = c->failed ? PC_EIO : PC_ENOENT;
	for (size_t i = 0; i < c->n_places && c->verdict != PC_OK; i++) {
		if (c->places[i].tlsa.n > 0)
			judge_records(c, &c->places[i]);
		else
			judge_name(c, &c->places[i]);
	}
}

/* On the main thread again. */
static void on_judged(int err, void *data)
{
	(void)err;
	dane.judged = NULL;
	tell(data);
	judge_next();
}

static void judge_next(void)
{
	struct check *c = dane.first;

	while (c && !c->ready)
		c = c->next;
	if (c == NULL || dane.judged)
		return;
	c->ready = false;
	if (pc_run_job(NULL, judge, on_judged, c) == PC_OK)
		dane.judged = c;
	else
		tell_soon(c, PC_EBUSY);
}

/* ------------------------------------------------------------ looking up */

static void looked_up(struct check *c)
{
	for (size_t i = 0; i < c->n_places; i++)
		c->failed |= c->places[i].tlsa.failed;
	if (c->n_places > 0) {
		c->ready = true;
		judge_next();
	} else {
		tell_soon(c, c->failed ? PC_EIO : PC_ENOENT);
	}
}

/* The server stops: pc__dane_stop() comes next. */
static bool is_over(struct check *c, const pc_dns_answer *answer)
{
	c->awaited--;
	return answer->err == PC_ECANCELED;
}

static void on_tlsa(const pc_dns_answer *answer, void *data)
{
	struct place *p = data;

	if (is_over(p->check, answer))
		return;
	pc__tlsa_take(&p->tlsa, answer);
	if (p->check->awaited == 0)
		looked_up(p->check);
}

static void add_place(struct check *c, const char *host, uint16_t port)
{
	char name[PC__TLSA_NAME_SIZE];
	struct place *p = &c->places[c->n_places];

	if (c->n_places == PLACES_MOST)
		return;
	c->n_places++;
	p->check = c;
	snprintf(p->host, sizeof(p->host), "%s", host);
	pc__tlsa_name(port, host, name);
	if (pc_resolve(NULL, name, PC__TLSA_TYPE, on_tlsa, p) == PC_OK)
		c->awaited++;
	else
		p->tlsa.failed = true;
}

static void take_srv(struct check *c, const pc_str *record)
{
	struct pc__srv srv;

	if (!pc__srv_read(record->p, record->len, &srv))
		return;
	if (srv.target[0])
		add_place(c, srv.target, srv.port);
	else
		c->refused = true;
}

static void on_srv(const pc_dns_answer *answer, void *data)
{
	struct check *c = data;

	if (is_over(c, answer))
		return;
	for (size_t i = 0; answer->err == PC_OK && answer->secure && i < answer->n; i++)
		take_srv(c, &answer->data[i]);
	/* what is not signed says nothing, not even that the domain itself has the service */
	c->refused |= !answer->secure;
	c->failed |= answer->err != PC_OK && answer->err != PC_ENOENT;
	if (c->awaited == 0 && c->n_places == 0 && !c->refused && !c->failed)
		add_place(c, c->domain, c->default_port);
	if (c->awaited == 0)
		looked_up(c);
}

static int look_up(struct check *c, const pc_dane_args *args)
{
	char name[PC__IDNA_SIZE + 64];

	for (size_t i = 0; i < args->n_services; i++) {
		snprintf(name, sizeof(name), "%s.%s", args->services[i].name, c->domain);
		if (pc_resolve(NULL, name, SRV_TYPE, on_srv, c) == PC_OK)
			c->awaited++;
	}
	return c->awaited > 0 ? PC_OK : PC_EBUSY;
}

/* ------------------------------------------------------------ the door */

static const char *asker_of(const pc_stream *s, const pc_dane_args *args)
{
	const char *asker = args->size > offsetof(pc_dane_args, asker) ? args->asker : NULL;

	if (asker == NULL)
		asker = pc_stream_ip(s);
	return asker ? asker : "";
}

int pc_dane_judge(pc_stream *s, const pc_dane_args *args, pc_dane_fn *fn)
{
	const pc_dial_target *target = args->target;
	const pc_str *certs;
	struct check *c;

	if (pc_stream_peer_certs(s, &certs) == 0 || (target && target->n_tlsa == 0))
		return PC_ENOENT;
	c = check_new(s, args, fn);
	if (target == NULL) {
		int err = pc__places_ask(&dane.lookups, &c->lookup, asker_of(s, args))
		                  ? look_up(c, args)
		                  : PC_EBUSY;

		if (err != PC_OK)
			check_free(c);
		return err;
	}
	c->n_places = 1;
	snprintf(c->places[0].host, sizeof(c->places[0].host), "%s", target->host);
	pc__tlsa_copy(&c->places[0].tlsa, target->tlsa, target->n_tlsa);
	c->ready = true;
	judge_next();
	return PC_OK;
}

void pc__dane_stop(void)
{
	while (dane.first)
		check_free(dane.first);
	dane.judged = NULL;
}
