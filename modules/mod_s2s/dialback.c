/*
 * dialback.c - who says to speak for a domain is asked for a key, and the domain's own server
 * whether the key is good (XEP-0220).
 *
 * An answer counts only where its question was asked on that very stream, is still open, and is
 * about the same domains and the same stream id. Nobody's word is taken for anything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

#define RESULT "db:result"
#define VERIFY "db:verify"
#define KEY_MOST 256 /* bytes: keys are those of others, and may be made otherwise */

/* ------------------------------------------------------------ elements */

/* `from` and `to` of an element of dialback, prepared; false: they are no domains. */
struct ends {
	char from[PC_JID_PART_MAX + 1], to[PC_JID_PART_MAX + 1];
};

static bool read_ends(const pc_stanza *st, struct ends *ends)
{
	const char *from = pc_stanza_get(st, "from"), *to = pc_stanza_get(st, "to");

	return from && to && pc_jid_prep_domain(from, ends->from) == PC_OK &&
	       pc_jid_prep_domain(to, ends->to) == PC_OK;
}

/* 2: with the prefix that the stream's header declares. There are servers that know these elements
 * by "db:" and not by their namespace, so this is part of the name, in the stream's own. */
static pc_stanza *element(const char *name, const char *from, const char *to, const char *id,
                          const char *type)
{
	pc_stanza *st = pc_stanza_new(name, NULL);

	pc_stanza_set(st, "from", from);
	pc_stanza_set(st, "to", to);
	pc_stanza_set(st, "id", id);
	pc_stanza_set(st, "type", type);
	return st;
}

static void send(pc_stream *s, pc_stanza *st)
{
	pc_stream_send(s, st);
	pc_stanza_free(&st);
}

/* 2.5: the stream goes on. */
static void send_error(pc_stream *s, const char *name, const char *from, const char *to,
                       const char *id, const char *condition)
{
	pc_stanza *st = element(name, from, to, id, "error");
	pc_stanza *error = pc_stanza_open(st, "error", NULL);
	bool waits = strcmp(condition, "remote-server-timeout") == 0 ||
	             strcmp(condition, "resource-constraint") == 0;

	pc_stanza_set(error, "type", waits ? "wait" : "cancel");
	pc_stanza_open(error, condition, PC_NS_STANZA_ERRORS);
	send(s, st);
}

static void unsolicited(struct s2s *own, pc_stream *s, const pc_stanza *st)
{
	complain(own, pc_stream_session(s), PC_WARN,
	         "an answer of dialback (%s of %s) that nobody asked for", pc_stanza_name(st),
	         pc_stanza_get(st, "from") ? pc_stanza_get(st, "from") : "nobody");
	pc_stream_error(s, "invalid-from", "nobody has asked for that");
}

/* ------------------------------------------------------------ our own key (2.1) */

int dialback_prove(struct peer *p)
{
	char key[S2S_KEY_SIZE];
	pc_stanza *st;

	if (p->id == NULL)
		return PC_EINVAL;
	key_make(p->own->secret, p->domain, s2s_host(p->own), p->id, key);
	st = element(RESULT, s2s_host(p->own), p->domain, NULL, NULL);
	pc_stanza_text(st, key);
	p->asked = PROOF_DIALBACK;
	send(p->out, st);
	return PC_OK;
}

static void on_result(struct peer *p, const pc_stanza *st, const char *type)
{
	char why[128];
	const char *condition;

	p->asked = PROOF_NONE;
	if (strcmp(type, "valid") == 0) {
		pc_metric_add(p->own->out_dialback, 1);
		complain(p->own, NULL, PC_INFO, "stream to %s: proved by dialback", p->domain);
		pc_stream_set_type(p->out, PC_S2SOUT);
		pc_stream_barrier(p->out, false);
		outgoing_proved(p);
		if (p->out)
			s2s_notify(p->own, p->out, "s2s-authenticated", p->domain, "dialback");
	} else if (strcmp(type, "invalid") == 0) { /* 2.1.1 */
		peer_fail(p, "internal-server-error", "it finds that our key is not good");
	} else {
		condition = pc_stanza_get_error(st, NULL, NULL);
		snprintf(why, sizeof(why), "it does not take our key (%.60s)", condition);
		peer_fail(p,
		          strcmp(condition, "item-not-found") == 0 ? "remote-server-not-found"
		                                                   : "remote-server-timeout",
		          why);
	}
}

/* ------------------------------------------------------------ questions (2.3, 2.2) */

static void question_free(struct question *q)
{
	struct question **at = &q->peer->questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	q->asker->questions--;
	asker_settle(q->peer->own, q->asker);
	q->peer->own->n_questions--;
	pc_timer_stop(&q->deadline);
	free(q->id);
	free(q->key);
	free(q);
}

/* The stream that the key came on; NULL: it has gone, or begun anew. */
static pc_stream *inbound_with(const struct question *q)
{
	const pc_session *session = pc_session_find(q->inbound);
	pc_stream *s = session ? pc_session_stream(session) : NULL;

	return s && strcmp(pc_stream_id(s), q->id) == 0 ? s : NULL;
}

/* Questions cost us a line of the log, and more. */
static void count_refusal(pc_stream *s)
{
	if (++inbound_of(s)->refused_keys >= S2S_REFUSED_MOST)
		pc_stream_error(s, "policy-violation", "too many keys are refused");
}

/* 2.2.1: a lie ends the stream, unless others have been proved on it. */
static void refuse_key(pc_stream *s, struct s2s *own, const char *remote)
{
	const struct inbound *in = inbound_of(s);

	pc_metric_add(own->in_refused, 1);
	complain(own, pc_stream_session(s), PC_WARN,
	         "it says to be %s, whose server does not know the key", remote);
	if (in->n_pairs > 0) {
		send_error(s, RESULT, s2s_host(own), remote, NULL, "forbidden");
		count_refusal(s);
		return;
	}
	send(s, element(RESULT, s2s_host(own), remote, NULL, "invalid"));
	pc_stream_close(s);
}

/* `condition`: of an error; NULL: it is valid, or not. */
static void answer(struct question *q, bool valid, const char *condition)
{
	struct peer *p = q->peer;
	pc_stream *s = inbound_with(q);

	question_free(q);
	if (s) {
		struct inbound *in = inbound_of(s);

		in->pending--;
		if (condition) {
			pc_metric_add(p->own->in_refused, 1);
			send_error(s, RESULT, s2s_host(p->own), p->domain, NULL, condition);
			count_refusal(s);
		} else if (valid) {
			send(s, element(RESULT, s2s_host(p->own), p->domain, NULL, "valid"));
			pc_metric_add(p->own->in_dialback, 1);
			complain(p->own, pc_stream_session(s), PC_INFO,
			         "stream from %s: proved by dialback", p->domain);
			incoming_authorise(s, p->own, p->domain);
		} else {
			refuse_key(s, p->own, p->domain);
		}
	}
}

void dialback_fail(struct peer *p, const char *condition)
{
	while (p->questions)
		answer(p->questions, false, condition);
}

static void on_deadline(void *data)
{
	struct question *q = data;
	struct peer *p = q->peer;

	q->deadline = NULL;
	answer(q, false, "remote-server-timeout");
	peer_settled(p);
}

/* RFC 6120 6.3: from <auth/> to the features of the stream behind it, nothing else is said. */
static bool negotiates(const struct peer *p)
{
	return p->asked == PROOF_EXTERNAL || (p->state == PEER_USABLE && p->proved);
}

void dialback_ask(struct peer *p)
{
	if (negotiates(p))
		return; /* and they are asked when that is over */
	for (struct question *q = p->questions; q; q = q->next) {
		pc_stanza *st;

		if (q->sent)
			continue;
		q->sent = true;
		st = element(VERIFY, s2s_host(p->own), p->domain, q->id, NULL);
		pc_stanza_text(st, q->key);
		send(p->out, st);
	}
}

static void take_account(struct question *q, struct s2s *before)
{
	struct s2s *own = q->peer->own;
	struct asker *a = asker_get(own, q->asker->name);

	q->asker->questions--;
	asker_settle(before, q->asker);
	before->n_questions--;
	q->asker = a;
	a->questions++;
	own->n_questions++;
}

void dialback_take_over(struct peer *p, struct peer *before)
{
	p->questions = before->questions;
	before->questions = NULL;
	for (struct question *q = p->questions; q; q = q->next) {
		q->peer = p;
		q->sent = q->sent && p->out;
		pc_timer_stop(&q->deadline);
		q->deadline = pc_after(p->own->m, pc_opt_seconds(p->own->m, "s2s_timeout"),
		                       on_deadline, q);
		take_account(q, before->own);
	}
}

static void question_new(struct peer *p, pc_stream *s, const char *key)
{
	struct question *q = calloc(1, sizeof(*q));
	char buf[S2S_ASKER_SIZE];
	const char *asker = asker_of_inbound(s, buf);

	if (q == NULL)
		return;
	q->peer = p;
	q->asker = asker_get(p->own, asker);
	q->asker->questions++;
	q->inbound = pc_stream_session(s)->id;
	q->id = strdup(pc_stream_id(s));
	q->key = strdup(key);
	q->next = p->questions;
	p->questions = q;
	p->own->n_questions++;
	inbound_of(s)->pending++;
	q->deadline = pc_after(p->own->m, pc_opt_seconds(p->own->m, "s2s_timeout"), on_deadline, q);
	if (p->state < PEER_USABLE)
		reach_want(p, asker);
	else
		dialback_ask(p);
}

static bool is_asked(const struct peer *p, const pc_session *inbound)
{
	for (const struct question *q = p->questions; q; q = q->next)
		if (q->inbound == inbound->id)
			return true;
	return false;
}

static bool may_ask(struct s2s *own, const char *asker)
{
	struct asker *a = asker_get(own, asker);
	bool may = asker_may(own, a, a->questions, own->n_questions,
	                     pc_opt_int(own->m, "s2s_max_verifications"));

	asker_settle(own, a);
	return may;
}

/* What speaks against asking; NULL: nothing. */
static const char *request_fault(pc_stream *s, struct s2s *own, const char *remote,
                                 const char *asker)
{
	const struct inbound *in = inbound_of(s);

	if (!policy_allows(own, remote) || (policy_wants_tls(own) && !pc_stream_is_secure(s)))
		return "policy-violation";
	if (!pc_opt_bool(own->m, "s2s_dialback"))
		return "not-authorized";
	if (policy_wants_certificate(own, remote) && policy_inbound_fault(own, s, remote))
		return "not-authorized";
	if (in->n_pairs + in->pending >= S2S_PAIRS_MOST || in->pending >= S2S_PENDING_MOST ||
	    !may_ask(own, asker))
		return "resource-constraint";
	return NULL;
}

static void refuse_request(pc_stream *s, struct s2s *own, const struct ends *ends,
                           const char *condition)
{
	const char *why = strcmp(condition, "not-authorized") == 0
	                          ? policy_inbound_fault(own, s, ends->from)
	                          : NULL;

	pc_metric_add(own->in_refused, 1);
	complain(own, pc_stream_session(s), PC_WARN, "dialback of %s is refused: %s%s%s",
	         ends->from, condition, why ? ": " : "", why ? why : "");
	send_error(s, RESULT, ends->to, ends->from, NULL, condition);
	count_refusal(s);
}

static void on_request(pc_stream *s, const struct ends *ends, const pc_stanza *st)
{
	struct s2s *own = s2s_of(pc_host_find(ends->to));
	const char *key = pc_stanza_get_text(st), *condition, *asker;
	char buf[S2S_ASKER_SIZE];
	struct peer *p;

	if (own == NULL) {
		send_error(s, RESULT, ends->to, ends->from, NULL, "item-not-found");
		count_refusal(s);
		return;
	}
	if (pc_host_find(ends->from) || *key == '\0' || strlen(key) > KEY_MOST) {
		pc_stream_error(s, "invalid-from", NULL);
		return;
	}
	if (pair_has(inbound_of(s), ends->from, ends->to)) {
		send(s, element(RESULT, ends->to, ends->from, NULL, "valid"));
		return;
	}
	asker = asker_of_inbound(s, buf);
	condition = request_fault(s, own, ends->from, asker);
	p = condition ? NULL : peer_get(own, ends->from, asker);
	if (condition == NULL && (p == NULL || is_asked(p, pc_stream_session(s))))
		condition = "resource-constraint";
	else if (condition == NULL && peer_rests(p))
		condition = p->condition;
	if (condition)
		refuse_request(s, own, ends, condition);
	else
		question_new(p, s, key);
}

static void on_verified(struct peer *p, const pc_stanza *st, const char *type)
{
	const char *id = pc_stanza_get(st, "id");
	struct question *q = p->questions;

	while (q && !(q->sent && id && strcmp(q->id, id) == 0))
		q = q->next;
	if (q == NULL) {
		unsolicited(p->own, p->out, st);
		return;
	}
	if (strcmp(type, "error") == 0)
		answer(q, false, "remote-server-not-found");
	else
		answer(q, strcmp(type, "valid") == 0, NULL);
	peer_settled(p);
}

/* ------------------------------------------------------------ keys of ours (2.4) */

/* Of a stream that we have opened and are proving right now, and no other. */
static bool is_ours(struct s2s *own, const struct ends *ends, const char *id, const char *key)
{
	const struct peer *p = peer_find(own, ends->from);
	char wanted[S2S_KEY_SIZE];

	if (p == NULL || p->asked != PROOF_DIALBACK || p->id == NULL || strcmp(p->id, id) != 0 ||
	    strlen(key) != S2S_KEY_SIZE - 1)
		return false;
	key_make(own->secret, ends->from, ends->to, id, wanted);
	return pc_equal_secret(wanted, key, S2S_KEY_SIZE - 1);
}

static void on_verify(pc_stream *s, const struct ends *ends, const pc_stanza *st)
{
	struct s2s *own = s2s_of(pc_host_find(ends->to));
	const char *id = pc_stanza_get(st, "id");
	bool good;

	if (own == NULL) {
		send_error(s, VERIFY, ends->to, ends->from, id, "item-not-found");
		count_refusal(s);
		return;
	}
	if (policy_wants_tls(own) && !pc_stream_is_secure(s)) {
		send_error(s, VERIFY, ends->to, ends->from, id, "policy-violation");
		count_refusal(s);
		return;
	}
	good = id && is_ours(own, ends, id, pc_stanza_get_text(st));
	if (!good)
		complain(own, pc_stream_session(s), PC_WARN, "%s was shown a key that is not ours",
		         ends->from);
	send(s, element(VERIFY, ends->to, ends->from, id, good ? "valid" : "invalid"));
	if (!good)
		count_refusal(s);
}

/* ------------------------------------------------------------ dispatch */

void dialback_on_inbound(pc_stream *s, const pc_stanza *st)
{
	bool is_result = strcmp(pc_stanza_name(st), "result") == 0;
	struct ends ends;

	if (!is_result && strcmp(pc_stanza_name(st), "verify") != 0)
		pc_stream_error(s, "unsupported-stanza-type", NULL);
	else if (!read_ends(st, &ends))
		pc_stream_error(s, "improper-addressing", NULL);
	else if (pc_stanza_get(st, "type"))
		unsolicited(pc_module_data(pc_stream_module(s)), s, st);
	else if (is_result)
		on_request(s, &ends, st);
	else
		on_verify(s, &ends, st);
}

void dialback_on_peer(struct peer *p, const pc_stanza *st)
{
	bool is_result = strcmp(pc_stanza_name(st), "result") == 0;
	const char *type = pc_stanza_get(st, "type");
	struct ends ends;

	if (!is_result && strcmp(pc_stanza_name(st), "verify") != 0)
		pc_stream_error(p->out, "unsupported-stanza-type", NULL);
	else if (!read_ends(st, &ends))
		pc_stream_error(p->out, "improper-addressing", NULL);
	else if (type == NULL && is_result) /* XEP-0288: it may ask; on a stream of its own */
		send_error(p->out, RESULT, ends.to, ends.from, NULL, "resource-constraint");
	else if (type == NULL)
		on_verify(p->out, &ends, st);
	else if (strcmp(ends.from, p->domain) != 0 || strcmp(ends.to, s2s_host(p->own)) != 0 ||
	         (is_result && p->asked != PROOF_DIALBACK))
		unsolicited(p->own, p->out, st);
	else if (is_result)
		on_result(p, st, type);
	else
		on_verified(p, st, type);
}
