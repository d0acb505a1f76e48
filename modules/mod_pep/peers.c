#include "pep.h"

#include "lib_pubsub/mem.h"

static void drop(struct pep *pep, struct peer *peer)
{
	HASH_DEL(pep->peers, peer);
	pc_stanza_free(&peer->presence);
	free(peer->given);
	free(peer);
}

static void make_room(struct pep *pep)
{
	size_t most = (size_t)pc_opt_int(pep->pubsub.m, "pep_info_cache_size");
	struct peer *peer, *next;

	HASH_ITER(hh, pep->peers, peer, next)
	{
		if (HASH_COUNT(pep->peers) <= most)
			return;
		drop(pep, peer);
	}
}

struct peer *peers_find(struct pep *pep, const char *user, const char *jid)
{
	char *key = mem_printf("%s\n%s", user, jid);
	struct peer *peer;

	HASH_FIND_STR(pep->peers, key, peer);
	free(key);
	return peer;
}

struct peer *peers_put(struct pep *pep, const char *user, const pc_stanza *presence)
{
	const char *jid = pc_stanza_get(presence, "from");
	size_t user_len = strlen(user), size = user_len + strlen(jid) + 2;
	struct peer *peer = peers_find(pep, user, jid);

	if (peer) {
		pc_stanza_free(&peer->presence);
		HASH_DEL(pep->peers, peer);
	} else {
		peer = mem_new(sizeof(*peer) + size);
		snprintf(peer->key, size, "%s\n%s", user, jid);
		peer->jid = peer->key + user_len + 1;
	}
	peer->presence = online_copy(presence);
	HASH_ADD_STR(pep->peers, key, peer);
	make_room(pep);
	return peers_find(pep, user, jid);
}

void peers_remove(struct pep *pep, const char *user, const char *jid)
{
	struct peer *peer = peers_find(pep, user, jid);

	if (peer)
		drop(pep, peer);
}

void peers_clear(struct pep *pep)
{
	struct peer *peer, *next;

	HASH_ITER(hh, pep->peers, peer, next)
	{
		drop(pep, peer);
	}
}

/* ------------------------------------------------------------ over a reload */

/* Each: the account's name, the presence of now, and that for which he got the last items, with a
 * NUL behind each. */
void peers_save(struct pep *pep, pc_state *state)
{
	size_t len = 0;
	char *all = NULL;
	FILE *f = mem_checked(open_memstream(&all, &len));

	for (const struct peer *peer = pep->peers; peer; peer = peer->hh.next) {
		char *text = pc_stanza_write(peer->presence, NULL);

		fprintf(f, "%.*s%c%s%c%s%c", (int)(peer->jid - peer->key - 1), peer->key, '\0',
		        text, '\0', peer->given ? peer->given : "", '\0');
		free(text);
	}
	if (fclose(f) != 0)
		abort();
	pc_state_put(state, "peers", all, len);
	free(all);
}

void peers_restore(struct pep *pep, const pc_state *state)
{
	size_t len = 0;
	const char *at = pc_state_get(state, "peers", &len), *end = at ? at + len : NULL;

	while (at && at < end) {
		const char *user = at, *text = user + strlen(user) + 1;
		const char *given = text + strlen(text) + 1;
		pc_stanza *presence = pc_stanza_parse(text, strlen(text));
		struct peer *peer = presence ? peers_put(pep, user, presence) : NULL;

		if (peer && *given)
			peer->given = mem_strdup(given);
		pc_stanza_free(&presence);
		at = given + strlen(given) + 1;
	}
}
