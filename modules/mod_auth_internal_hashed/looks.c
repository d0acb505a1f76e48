/*
 * looks.c - what the keys of this host's accounts look like from outside.
 *
 * Whoever begins a SCRAM log-in is told the salt and the iterations. Accounts that came from
 * elsewhere have salts of another form, and accounts of years ago have other counts than new ones;
 * so keys that are made up for names without an account must have those looks too, as often as
 * accounts have them. How often that is, is taken from a sample: the same accounts each time, so
 * that a name keeps its look over restarts. One more account, as they are made now, is thought in.
 */
#include "looks.h"

#include <string.h>

#include "accounts.h"

#define SAMPLE 128
#define DAY 86400.0
#define UUID_LEN 36

/* Of a UUID of version 4, as pc_scram_fake_keys() has it: Prosody's salts. */
static const char uuid_pattern[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";

/* ------------------------------------------------------------ pure */

static bool fits_pattern(const uint8_t *salt, size_t len)
{
	if (len != UUID_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		const char *digits = uuid_pattern[i] == 'x' ? "0123456789abcdef" : "89ab";
		bool is_digit = uuid_pattern[i] == 'x' || uuid_pattern[i] == 'y';

		if (is_digit ? salt[i] == '\0' || !strchr(digits, salt[i])
		             : salt[i] != (uint8_t)uuid_pattern[i])
			return false;
	}
	return true;
}

/* An order, so that it does not matter who of the sample was read first. */
static bool is_before(const struct look *a, const struct look *b)
{
	if (a->is_uuid != b->is_uuid)
		return a->is_uuid;
	if (a->salt_len != b->salt_len)
		return a->salt_len < b->salt_len;
	return a->iterations < b->iterations;
}

void looks_add(struct looks *looks, const pc_scram_keys *keys)
{
	struct look *v = looks->v[keys->hash];
	size_t *n = &looks->n[keys->hash], at = 0;
	struct look look = { .iterations = keys->iterations,
		             .salt_len = (uint8_t)keys->salt_len,
		             .is_uuid = fits_pattern(keys->salt, keys->salt_len) };

	while (at < *n && is_before(&v[at], &look))
		at++;
	if (at == *n || is_before(&look, &v[at])) {
		if (*n == LOOKS_MOST)
			return;
		memmove(&v[at + 1], &v[at], (*n - at) * sizeof(*v));
		v[at] = look;
		(*n)++;
	}
	v[at].accounts++;
}

void looks_pick(const struct looks *looks, uint32_t die, pc_scram_keys *keys)
{
	const struct look *v = looks->v[keys->hash];
	uint64_t all = 1, chosen;

	for (size_t i = 0; i < looks->n[keys->hash]; i++)
		all += v[i].accounts;
	chosen = die * all >> 32;
	for (size_t i = 0; i < looks->n[keys->hash]; i++) {
		if (chosen < v[i].accounts) {
			keys->iterations = v[i].iterations;
			keys->salt_len = v[i].salt_len;
			if (v[i].is_uuid)
				memcpy(keys->salt, uuid_pattern, UUID_LEN);
			return;
		}
		chosen -= v[i].accounts;
	}
}

/* ------------------------------------------------------------ the sample */

static uint64_t spread(uint64_t seed, const char *name)
{
	uint64_t h = seed ^ 0xcbf29ce484222325;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

struct sampled {
	uint64_t place;
	const char *user;
};

/* The users that come first in an order that has nothing to do with who they are. */
static size_t pick_sample(const pc_item *users, size_t n, struct sampled out[static SAMPLE])
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		struct sampled s = { spread(0, users[i].key), users[i].key };
		size_t at = taken;

		while (at > 0 && out[at - 1].place > s.place)
			at--;
		if (at == SAMPLE)
			continue;
		if (taken < SAMPLE)
			taken++;
		memmove(&out[at + 1], &out[at], (taken - 1 - at) * sizeof(*out));
		out[at] = s;
	}
	return taken;
}

static void answer(void *data)
{
	struct op *op = data;
	const struct accounts *a = pc_module_data(op->m);
	pc_keys_fn *done = op->keys_done;
	void *done_data = op->data;
	pc_scram_keys keys;

	looks_of(a, op->m, op->hash, op->die, &keys);
	op_free(op);
	done(PC_OK, &keys, done_data);
}

static void ready(pc_module *m)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = a->waiting;

	a->looks = a->gathering;
	a->looks_ready = true;
	a->waiting = NULL;
	while (op) {
		struct op *next = op->next;

		answer(op);
		op = next;
	}
}

static void on_account(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	pc_module *m = op->m;
	struct accounts *a = pc_module_data(m);

	if (err == PC_OK)
		record_read(items, n, &op->record);
	for (unsigned i = 0; i < PC_SCRAM_HASHES; i++)
		if (op->record.hashes & 1u << i)
			looks_add(&a->gathering, &op->record.keys[i]);
	op_free(op);
	if (--a->unread == 0)
		ready(m);
}

static void on_users(int err, const pc_item *users, size_t n, void *data)
{
	pc_module *m = data;
	struct accounts *a = pc_module_data(m);
	struct sampled sample[SAMPLE];
	size_t taken = err == PC_OK ? pick_sample(users, n, sample) : 0;

	a->gathering = (struct looks){ 0 };
	a->unread = taken;
	for (size_t i = 0; i < taken; i++) {
		struct op *op = op_new(m, sample[i].user);

		pc_store_get(a->store, op->user, on_account, op);
	}
	if (taken == 0)
		ready(m);
}

static void gather(void *data)
{
	const struct accounts *a = pc_module_data(data);

	if (a->unread == 0)
		pc_store_users(a->store, on_users, data);
}

void looks_load(pc_module *m)
{
	struct accounts *a = pc_module_data(m);

	pc_random_bytes(&a->seed, sizeof(a->seed));
	gather(m);
	pc_every(m, DAY, gather, m);
}

/* ------------------------------------------------------------ */

void looks_of(const struct accounts *a, pc_module *m, pc_scram_hash hash, uint32_t die,
              pc_scram_keys *keys_r)
{
	*keys_r = (pc_scram_keys){
		.hash = hash,
		.salt_len = SALT_LEN,
		.iterations = (uint32_t)pc_opt_int(m, "default_iteration_count"),
	};
	looks_pick(&a->looks, die, keys_r);
}

uint32_t looks_die(const struct accounts *a, const char *user)
{
	return (uint32_t)spread(a->seed, user);
}

void looks_tell(pc_module *m, pc_scram_hash hash, uint32_t die, pc_keys_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, NULL);

	op->keys_done = fn;
	op->data = data;
	op->hash = hash;
	op->die = die;
	if (a->looks_ready) {
		pc_after(m, 0, answer, op);
		return;
	}
	op->next = a->waiting;
	a->waiting = op;
}
