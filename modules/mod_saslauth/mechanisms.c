/*
 * mechanisms.c - which mechanisms and channel bindings a stream is offered.
 */
#include <stdio.h>
#include <string.h>

#include "sasl2.h"

#define NS_BINDINGS "urn:xmpp:sasl-cb:0"

/* Strongest first, and those that prove the channel before those that do not. */
static const uint8_t order[SASL_MECHANISMS] = {
	SASL_EXTERNAL,
	SASL_PLUS + PC_SCRAM_SHA_512,
	SASL_PLUS + PC_SCRAM_SHA_256,
	SASL_PLUS + PC_SCRAM_SHA_1,
	PC_SCRAM_SHA_512,
	PC_SCRAM_SHA_256,
	PC_SCRAM_SHA_1,
	SASL_PLAIN,
	SASL_ANONYMOUS,
};

/* tls-unique is not among them: it is undefined in TLS 1.3 and broken before. */
static const pc_binding bindings[] = { PC_BINDING_TLS_EXPORTER, PC_BINDING_TLS_SERVER_END_POINT };
#define N_BINDINGS (sizeof(bindings) / sizeof(bindings[0]))

const char *sasl_mechanism_name(unsigned bit)
{
	switch (bit) {
	case SASL_PLAIN:
		return "PLAIN";
	case SASL_EXTERNAL:
		return "EXTERNAL";
	case SASL_ANONYMOUS:
		return "ANONYMOUS";
	default:
		break;
	}
	return pc_scram_name((pc_scram_hash)(bit % SASL_PLUS), bit >= SASL_PLUS);
}

int sasl_mechanism_find(const char *name)
{
	for (unsigned bit = 0; bit < SASL_MECHANISMS; bit++)
		if (strcmp(name, sasl_mechanism_name(bit)) == 0)
			return (int)bit;
	return -1;
}

const char *sasl_name_of(const struct sasl_state *state)
{
	if (state->mechanism != SASL_OF_MODULE)
		return sasl_mechanism_name(state->mechanism);
	return state->of_module ? state->of_module->name : "?";
}

struct search {
	const char *name;
	const pc_sasl_mechanism *found;
	pc_module *owner;
};

static bool look_at(const void *item, pc_module *owner, void *data)
{
	struct search *search = data;
	const pc_sasl_mechanism *mechanism = item;

	if (strcmp(mechanism->name, search->name) != 0)
		return true;
	search->found = mechanism;
	search->owner = owner;
	return false;
}

const pc_sasl_mechanism *sasl_of_module(pc_module *m, const char *name, pc_module **owner_r)
{
	struct search search = { .name = name };

	pc_each_item(pc_module_host(m), "sasl2-mechanism", look_at, &search);
	if (owner_r)
		*owner_r = search.owner;
	return search.found;
}

bool sasl_encryption_missing(pc_module *m, const pc_session *s)
{
	if (s->secure)
		return false;
	return pc_opt_bool(m, pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                                 : "require_encryption");
}

static bool is_insecure(pc_module *m, const char *name)
{
	if (!pc_opt_is_set(m, "insecure_sasl_mechanisms") &&
	    pc_opt_bool(m, "allow_unencrypted_plain_auth"))
		return false;
	return pc_opt_has(m, "insecure_sasl_mechanisms", name);
}

bool sasl_is_allowed(pc_module *m, const pc_session *s, const char *name)
{
	if (pc_opt_has(m, "disable_sasl_mechanisms", name))
		return false;
	return s->secure || !is_insecure(m, name);
}

bool sasl_needs_encryption(pc_module *m, const pc_session *s, const char *name)
{
	return !s->secure && !pc_opt_has(m, "disable_sasl_mechanisms", name) &&
	       is_insecure(m, name);
}

static uint8_t stream_bindings(const pc_session *s)
{
	pc_stream *stream = pc_session_stream(s);
	uint8_t bytes[256], found = 0;

	for (size_t i = 0; stream && i < N_BINDINGS; i++)
		if (pc_stream_binding(stream, bindings[i], bytes, sizeof(bytes)) > 0)
			found = (uint8_t)(found | 1u << bindings[i]);
	return found;
}

/* The provider is asked for the struct that it was made with. */
static bool is_anonymous(const pc_auth_provider *auth)
{
	return auth->size > offsetof(pc_auth_provider, anonymous) && auth->anonymous;
}

static unsigned provided(pc_module *m, bool with_plus)
{
	const pc_auth_provider *auth = pc_auth(pc_module_host(m));
	unsigned hashes;

	if (auth == NULL)
		return 0;
	hashes = auth->keys ? auth->scram_hashes & ((1u << PC_SCRAM_HASHES) - 1) : 0;
	return hashes | (with_plus ? hashes << SASL_PLUS : 0) |
	       (is_anonymous(auth) ? 1u << SASL_ANONYMOUS : 0) |
	       (auth->plain && auth->check ? 1u << SASL_PLAIN : 0);
}

static void choose(pc_module *m, const pc_session *s, struct sasl_state *state)
{
	unsigned can;

	state->offered = 0;
	state->bindings = stream_bindings(s);
	can = provided(m, state->bindings != 0);
	if (sasl_external_possible(s))
		can |= 1u << SASL_EXTERNAL;
	for (unsigned bit = 0; bit < SASL_MECHANISMS; bit++)
		if ((can & 1u << bit) && sasl_is_allowed(m, s, sasl_mechanism_name(bit)))
			state->offered = (uint16_t)(state->offered | 1u << bit);
	if (!(state->offered >> SASL_PLUS & ((1u << PC_SCRAM_HASHES) - 1)))
		state->bindings = 0;
}

/* ------------------------------------------------------------ those of modules that are listed */

bool sasl_is_listed(const pc_sasl_mechanism *mechanism)
{
	return mechanism->size > offsetof(pc_sasl_mechanism, listed) && mechanism->listed;
}

struct listing {
	pc_module *m;
	const pc_session *s;
	void (*fn)(const char *name, void *data);
	void *data;
};

static bool list_one(const void *item, pc_module *owner, void *data)
{
	const pc_sasl_mechanism *mechanism = item;
	const struct listing *l = data;

	(void)owner;
	if (sasl_is_listed(mechanism) && sasl_is_allowed(l->m, l->s, mechanism->name))
		l->fn(mechanism->name, l->data);
	return true;
}

static void each_listed(pc_module *m, const pc_session *s, void (*fn)(const char *name, void *data),
                        void *data)
{
	struct listing l = { m, s, fn, data };

	pc_each_item(pc_module_host(m), "sasl2-mechanism", list_one, &l);
}

static void count_one(const char *name, void *data)
{
	(void)name;
	++*(size_t *)data;
}

static size_t count_listed(pc_module *m, const pc_session *s)
{
	size_t n = 0;

	each_listed(m, s, count_one, &n);
	return n;
}

static void add_leaf(const char *name, void *data)
{
	pc_stanza_leaf(data, "mechanism", name);
}

/* ------------------------------------------------------------ the offer */

void sasl_list_mechanisms(pc_module *m, const pc_session *s, const struct sasl_state *state,
                          pc_stanza *parent)
{
	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		if (state->offered & 1u << order[i])
			pc_stanza_leaf(parent, "mechanism", sasl_mechanism_name(order[i]));
	each_listed(m, s, add_leaf, parent);
}

/* What goes out with the features is noted, for only that is accepted afterwards. */
void sasl_offer(pc_module *m, const pc_session *s, struct sasl_state *state, pc_stanza *features)
{
	pc_stanza *list;

	state->offered = state->bindings = 0;
	if (sasl_encryption_missing(m, s))
		return;
	choose(m, s, state);
	if (state->offered == 0 && count_listed(m, s) == 0) {
		pc_log_session(m, s, PC_WARN, "no SASL mechanism is left to offer on this stream");
		return;
	}
	sasl_list_mechanisms(m, s, state, pc_stanza_open(features, "mechanisms", SASL_NS));
	sasl2_offer(m, s, state, features);
	if (state->bindings == 0)
		return;
	list = pc_stanza_open(features, "sasl-channel-binding", NS_BINDINGS);
	for (size_t i = 0; i < N_BINDINGS; i++)
		if (state->bindings & 1u << bindings[i])
			pc_stanza_set(pc_stanza_open(list, "channel-binding", NULL), "type",
			              pc_binding_name(bindings[i]));
}

static void join(char *out, size_t size, const char *name)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s", len ? "," : "", name);
}

#define NAMES_SIZE 512

static void join_one(const char *name, void *data)
{
	join(data, NAMES_SIZE, name);
}

/* XEP-0515 */
static uint16_t tls_version(const pc_session *s)
{
	const pc_stream *stream = pc_session_stream(s);
	const char *version = stream ? pc_stream_tls_version(stream) : NULL;

	if (version == NULL)
		return 0;
	return strcmp(version, "TLS1.3") == 0   ? 0x0304
	       : strcmp(version, "TLS1.2") == 0 ? 0x0303
	                                        : 0;
}

int sasl_start_scram(pc_module *m, const pc_session *s, struct sasl_state *state)
{
	char mechanisms[NAMES_SIZE] = "", types[64] = "";
	pc_scram_policy policy = { .plus_offered = state->bindings != 0,
		                   .tls_version = tls_version(s) };

	for (unsigned bit = 0; bit < SASL_MECHANISMS; bit++)
		if (state->offered & 1u << bit)
			join(mechanisms, sizeof(mechanisms), sasl_mechanism_name(bit));
	each_listed(m, s, join_one, mechanisms);
	for (size_t i = 0; i < N_BINDINGS; i++)
		if (state->bindings & 1u << bindings[i])
			join(types, sizeof(types), pc_binding_name(bindings[i]));
	policy.mechanisms = (pc_str){ mechanisms, strlen(mechanisms) };
	policy.bindings = (pc_str){ types, strlen(types) };
	return pc_scram_start(&state->scram, (pc_scram_hash)(state->mechanism % SASL_PLUS),
	                      state->mechanism >= SASL_PLUS, &policy);
}
