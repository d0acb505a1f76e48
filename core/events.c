#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "event_internal.h"
#include "hosts.h"
#include "modules.h"
#include "util/mem.h"

#define N_SLOTS 256 /* per bus; some hundred names are hooked at most, by modules only */
#define FNV_START 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

struct pc__bus {
	pc__key *slots[N_SLOTS];
	pc__key *fixed[2][PC_IQ + 1][PC__SELF + 1];
};

/* Names are trusted, being those that modules hook: so the hash needs no key, and what peers send
 * is only looked up. */
static uint64_t hash_more(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * FNV_PRIME;
	return h;
}

static uint64_t hash_pieces(const char *prefix, const char *ns, const char *name)
{
	uint64_t h = hash_more(FNV_START, prefix);

	if (ns) {
		h = hash_more(h, ns);
		h = (h ^ (unsigned char)':') * FNV_PRIME;
	}
	return hash_more(h, name);
}

static bool eat(const char **text, const char *piece)
{
	size_t len = strlen(piece);

	if (strncmp(*text, piece, len) != 0)
		return false;
	*text += len;
	return true;
}

static bool is_pieces(const char *text, const char *prefix, const char *ns, const char *name)
{
	if (!eat(&text, prefix))
		return false;
	if (ns && (!eat(&text, ns) || !eat(&text, ":")))
		return false;
	return strcmp(text, name) == 0;
}

pc__key *pc__bus_find(pc__bus *bus, const char *prefix, const char *ns, const char *name)
{
	uint64_t hash = hash_pieces(prefix, ns, name);

	for (pc__key *k = bus->slots[hash % N_SLOTS]; k; k = k->next)
		if (k->hash == hash && is_pieces(k->name, prefix, ns, name))
			return k;
	return NULL;
}

static pc__key *intern(pc__bus *bus, const char *name)
{
	pc__key *k = pc__bus_find(bus, "", NULL, name);

	if (k)
		return k;
	k = pc__alloc(sizeof(*k));
	k->name = pc__strdup(name);
	k->hash = hash_pieces("", NULL, name);
	k->next = bus->slots[k->hash % N_SLOTS];
	bus->slots[k->hash % N_SLOTS] = k;
	return k;
}

pc__bus *pc__bus_new(void)
{
	static const char *const kinds[] = {
		[PC_MESSAGE] = "message", [PC_PRESENCE] = "presence", [PC_IQ] = "iq"
	};
	static const char *const targets[] = {
		[PC__BARE] = "bare", [PC__FULL] = "full", [PC__HOST] = "host", [PC__SELF] = "self"
	};
	pc__bus *bus = pc__alloc(sizeof(*bus));

	for (int pre = 0; pre < 2; pre++)
		for (int kind = PC_MESSAGE; kind <= PC_IQ; kind++)
			for (int target = PC__BARE; target <= PC__SELF; target++) {
				char *name = pc__printf("%s%s/%s", pre ? "pre-" : "", kinds[kind],
				                        targets[target]);
				bus->fixed[pre][kind][target] = intern(bus, name);
				free(name);
			}
	return bus;
}

void pc__bus_free(pc__bus **bus)
{
	if (*bus == NULL)
		return;
	for (size_t i = 0; i < N_SLOTS; i++)
		for (pc__key *k = (*bus)->slots[i], *next; k; k = next) {
			next = k->next;
			pc__hooks_unref(&k->hooks);
			free(k->name);
			free(k);
		}
	pc__free(bus);
}

pc__bus *pc__bus_global(void)
{
	static pc__bus *global;

	if (global == NULL)
		global = pc__bus_new();
	return global;
}

pc__key *pc__bus_stanza_key(pc__bus *bus, bool pre, pc_kind kind, enum pc__target target)
{
	return bus->fixed[pre][kind][target];
}

bool pc__key_hooked(const pc__key *key)
{
	return key && key->hooks;
}

/* ------------------------------------------------------------ versions of a key's hooks */

void pc__hooks_unref(struct pc__hooks **hooks)
{
	struct pc__hooks *v = *hooks;

	*hooks = NULL;
	if (v == NULL || --v->refs > 0)
		return;
	for (size_t i = 0; i < v->n; i++) {
		if (--v->at[i]->refs == 0)
			free(v->at[i]);
	}
	free(v);
}

static bool goes_before(const struct pc__hook *a, const struct pc__hook *b)
{
	if (a->priority > b->priority)
		return true;
	return a->priority == b->priority && a->order < b->order;
}

/* A new version: the hooks of the old one that have not gone, and `added` in its place. */
static void make_version(pc__key *key, struct pc__hook *added)
{
	struct pc__hooks *old = key->hooks, *v;
	size_t n = old ? old->n : 0;

	v = pc__malloc(sizeof(*v) + (n + 1) * sizeof(v->at[0]));
	v->refs = 1;
	v->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (added && goes_before(added, old->at[i])) {
			v->at[v->n++] = added;
			added = NULL;
		}
		if (!old->at[i]->gone)
			v->at[v->n++] = old->at[i];
	}
	if (added)
		v->at[v->n++] = added;
	for (size_t i = 0; i < v->n; i++)
		v->at[i]->refs++;
	pc__hooks_unref(&key->hooks);
	key->hooks = v;
	if (v->n == 0)
		pc__hooks_unref(&key->hooks);
}

/* ------------------------------------------------------------ hooking */

/* Short names for events that go by others (RFC 6120 and 6121 words). */
static const struct alias {
	const char *name;
	const char *keys[3];
	bool self_only;
} aliases[] = {
	{ "auth",
	  { "stanza/urn:ietf:params:xml:ns:xmpp-sasl:auth",
	    "stanza/urn:ietf:params:xml:ns:xmpp-sasl:response",
	    "stanza/urn:ietf:params:xml:ns:xmpp-sasl:abort" },
	  false },
	{ "bind", { "pre-resource-bind" }, false },
	{ "roster-request", { "iq-get/self/jabber:iq:roster:query" }, false },
	{ "presence", { "pre-presence/bare" }, true },
};

static void drop_hook(struct pc__owned *o)
{
	struct pc__hook *h = PC__CONTAINER(o, struct pc__hook, owned);

	h->gone = true;
	h->refs++; /* survives its last version until here */
	make_version(h->key, NULL);
	if (--h->refs == 0)
		free(h);
}

static void hook_key(pc_module *m, pc__bus *bus, const char *event, pc_handler *fn, double priority,
                     bool self_only)
{
	struct pc__hook *h = pc__alloc(sizeof(*h));

	h->key = intern(bus, event);
	h->m = m;
	h->fn = fn;
	h->priority = priority;
	h->order = m->order;
	h->self_only = self_only;
	h->paused = m->state == PC__LOADING;
	pc__own(m, &h->owned, drop_hook);
	make_version(h->key, h);
}

static void hook_on(pc_module *m, pc__bus *bus, const char *event, pc_handler *fn, double priority)
{
	for (size_t i = 0; i < PC__COUNT(aliases); i++) {
		const struct alias *a = &aliases[i];

		if (strcmp(a->name, event) != 0)
			continue;
		for (size_t k = 0; k < PC__COUNT(a->keys) && a->keys[k]; k++)
			hook_key(m, bus, a->keys[k], fn, priority, a->self_only);
		return;
	}
	hook_key(m, bus, event, fn, priority, false);
}

void pc_hook(pc_module *m, const char *event, pc_handler *fn, double priority)
{
	hook_on(m, m->host ? m->host->bus : pc__bus_global(), event, fn, priority);
}

void pc_hook_on(pc_module *m, pc_host *host, const char *event, pc_handler *fn, double priority)
{
	hook_on(m, host->bus, event, fn, priority);
}

void pc_hook_global(pc_module *m, const char *event, pc_handler *fn, double priority)
{
	hook_on(m, pc__bus_global(), event, fn, priority);
}

static bool hook_is(const struct pc__owned *o, const char *event, pc_handler *fn)
{
	const struct pc__hook *h;

	if (o->drop != drop_hook)
		return false;
	h = PC__CONTAINER(o, struct pc__hook, owned);
	return h->fn == fn && strcmp(h->key->name, event) == 0;
}

void pc_unhook(pc_module *m, const char *event, pc_handler *fn)
{
	for (struct pc__owned *o = m->owned, *next; o; o = next) {
		next = o->next;
		if (hook_is(o, event, fn)) {
			pc__disown(o);
			drop_hook(o);
		}
	}
}

static void set_paused(pc_module *m, bool paused)
{
	for (struct pc__owned *o = m->owned; o; o = o->next)
		if (o->drop == drop_hook)
			PC__CONTAINER(o, struct pc__hook, owned)->paused = paused;
}

void pc__hooks_pause(pc_module *m)
{
	set_paused(m, true);
}

void pc__hooks_go(pc_module *m)
{
	set_paused(m, false);
}
