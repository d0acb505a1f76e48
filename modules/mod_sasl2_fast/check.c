/*
 * check.c - a log-in with a token: HT-SHA-256-NONE, -EXPR, -ENDP.
 *
 *   client   name NUL HMAC(token, "Initiator" || channel binding)
 *   server   HMAC(token, "Responder" || channel binding)
 *
 * An account that is not there, a client without tokens and a wrong token go the same way. Only who
 * has the right one is told that it is over, or that the account is disabled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fast.h"

#define PROOF_LEN 32

struct attempt {
	pc_module *m;
	pc_session_id session;
	pc_sasl_verdict_fn *fn;
	void *data;
	enum fast_binding binding;
	uint64_t count; /* of this attempt; 0: the client does not count */
	uint8_t proof[PROOF_LEN];
	char user[PC_JID_PART_MAX + 1];
	char client[CLIENT_SIZE];
	struct fast_session found;
};

static void end(struct attempt *a, const pc_sasl_verdict *verdict)
{
	const struct fast *f = pc_module_data(a->m);
	pc_module *m = a->m;

	pc_metric_add(verdict->condition ? f->refused : f->used, 1);
	a->fn(verdict, a->data);
	explicit_bzero(a, sizeof(*a));
	pc_module_free(m, a);
}

static void refuse(struct attempt *a, const char *condition)
{
	end(a, &(pc_sasl_verdict){ .condition = condition });
}

/* ------------------------------------------------------------ the channel */

bool fast_binding_of(const pc_session *s, enum fast_binding binding, uint8_t *out, size_t size,
                     size_t *len_r)
{
	pc_stream *stream = pc_session_stream(s);
	ssize_t n;

	*len_r = 0;
	if (binding == FAST_NONE)
		return true;
	if (stream == NULL)
		return false;
	n = pc_stream_binding(stream,
	                      binding == FAST_EXPR ? PC_BINDING_TLS_EXPORTER
	                                           : PC_BINDING_TLS_SERVER_END_POINT,
	                      out, size);
	*len_r = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* ------------------------------------------------------------ the verdict */

static void let_in(struct attempt *a, const pc_session *s)
{
	uint8_t binding[256], proof[PC_DIGEST_MAX];
	struct fast_session *own = pc_session_data(s, a->m);
	size_t len = 0;

	fast_binding_of(s, a->binding, binding, sizeof(binding), &len);
	len = token_proof(&a->found.token, "Responder", binding, len, proof);
	*own = a->found;
	end(a, &(pc_sasl_verdict){ .username = a->user, .data = proof, .len = len });
}

static void on_enabled(int err, void *data)
{
	struct attempt *a = data;
	const pc_session *s = pc_session_find(a->session);

	if (s == NULL || (err != PC_OK && err != PC_EPERM && err != PC_ENOENT))
		refuse(a, "temporary-auth-failure");
	else if (err != PC_OK)
		refuse(a, err == PC_EPERM ? "account-disabled" : "not-authorized");
	else
		let_in(a, s);
}

static bool fits(const struct attempt *a, const pc_session *s, const char *text,
                 struct token *token)
{
	uint8_t binding[256], proof[PC_DIGEST_MAX];
	size_t len;

	return token_read(text, token) && token->binding == a->binding &&
	       fast_binding_of(s, a->binding, binding, sizeof(binding), &len) &&
	       token_proof(token, "Initiator", binding, len, proof) == PROOF_LEN &&
	       pc_equal_secret(proof, a->proof, PROOF_LEN);
}

/* The new token first (section 4.1). */
static bool find(struct attempt *a, const pc_session *s, const pc_item *items, size_t n)
{
	char slot[SLOT_SIZE];

	for (int is_new = 1; is_new >= 0; is_new--) {
		fast_slot(a->client, is_new, slot);
		for (size_t i = 0; i < n; i++) {
			if (strcmp(items[i].key, slot) != 0 ||
			    !fits(a, s, items[i].value, &a->found.token))
				continue;
			a->found.used = true;
			a->found.was_new = is_new;
			return true;
		}
	}
	return false;
}

static void on_tokens(int err, const pc_item *items, size_t n, void *data)
{
	struct attempt *a = data;
	const pc_session *s = pc_session_find(a->session);
	struct token *token = &a->found.token;

	if (s == NULL || err != PC_OK) {
		refuse(a, "temporary-auth-failure");
	} else if (!find(a, s, items, n) || (a->count && a->count <= token->count)) {
		refuse(a, "not-authorized");
	} else if (token->expires <= pc_time_ms()) {
		refuse(a, "credentials-expired");
	} else {
		if (a->count)
			token->count = a->count;
		pc_user_enabled(a->m, pc_module_host(a->m), a->user, on_enabled, a);
	}
}

/* ------------------------------------------------------------ the message */

static bool read_count(const pc_stanza *fast, uint64_t *count_r)
{
	const char *text = pc_stanza_get(fast, "count");
	char *rest;

	*count_r = 0;
	if (text == NULL)
		return true;
	errno = 0;
	*count_r = strtoull(text, &rest, 10);
	return *text >= '0' && *text <= '9' && *rest == '\0' && errno == 0 && *count_r > 0;
}

static bool read_message(struct attempt *a, const char *msg, size_t len)
{
	size_t name = strlen(msg);

	if (name == 0 || name == len || len - name - 1 != PROOF_LEN ||
	    pc_jid_prep_local(msg, a->user) != PC_OK)
		return false;
	memcpy(a->proof, msg + name + 1, PROOF_LEN);
	return true;
}

static void check(pc_module *m, const pc_session *s, const pc_stanza *request, const char *msg,
                  size_t len, pc_sasl_verdict_fn *fn, void *data)
{
	const struct fast *f = pc_module_data(m);
	const pc_stanza *fast = pc_stanza_child(request, "fast", NS_FAST);
	struct attempt *a = pc_module_alloc(m, sizeof(*a));

	a->m = m;
	a->session = s->id;
	a->fn = fn;
	a->data = data;
	a->binding = (enum fast_binding)fast_find(pc_stanza_get(request, "mechanism"));
	if (s->client_id == NULL || strlen(s->client_id) >= CLIENT_SIZE || fast == NULL ||
	    !read_count(fast, &a->count) || !read_message(a, msg, len)) {
		refuse(a, "malformed-request");
		return;
	}
	memcpy(a->client, s->client_id, strlen(s->client_id) + 1);
	pc_store_get(f->store, a->user, on_tokens, a);
}

const pc_sasl_mechanism fast_mechanisms[FAST_MECHANISMS] = {
	{ sizeof(pc_sasl_mechanism), "HT-SHA-256-NONE", check, false },
	{ sizeof(pc_sasl_mechanism), "HT-SHA-256-EXPR", check, false },
	{ sizeof(pc_sasl_mechanism), "HT-SHA-256-ENDP", check, false },
};
