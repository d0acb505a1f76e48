/*
 * mod_auth_insecure.c - for tests only: every account exists.
 *
 * The option insecure_open_authentication is the one password of all of them; as "Yes please, I
 * know what I'm doing!" it lets every password in, by PLAIN only, for SCRAM must know one.
 */
#include <prosody-c/prosody-c.h>

#include <string.h>

#define OPEN "Yes please, I know what I'm doing!"

/* Answers come after the call has returned, as the contract of providers has it. */
struct answer {
	struct insecure *in;
	struct answer *next;
	int err;
	pc_scram_hash hash;
	pc_keys_fn *keys_done; /* one of both */
	pc_done_fn *done;
	void *data;
};

struct insecure {
	struct answer *free_answers;
	pc_scram_keys keys[PC_SCRAM_HASHES];
};

static void give(void *data)
{
	struct answer *a = data, copy = *a;

	a->next = copy.in->free_answers;
	copy.in->free_answers = a;
	if (copy.done)
		copy.done(copy.err, copy.data);
	else
		copy.keys_done(PC_OK, &copy.in->keys[copy.hash], copy.data);
}

static void answer(pc_module *m, struct answer with)
{
	struct insecure *in = pc_module_data(m);
	struct answer *a = in->free_answers;

	if (a)
		in->free_answers = a->next;
	else
		a = pc_module_alloc(m, sizeof(*a));
	*a = with;
	a->in = in;
	pc_after(m, 0, give, a);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	(void)user;
	answer(m, (struct answer){ .err = PC_OK, .done = fn, .data = data });
}

static void keys(pc_module *m, const char *user, pc_scram_hash hash, pc_keys_fn *fn, void *data)
{
	(void)user;
	answer(m, (struct answer){ .hash = hash, .keys_done = fn, .data = data });
}

static bool is_password(pc_module *m, const char *password)
{
	const char *wanted = pc_opt_str(m, "insecure_open_authentication");

	return wanted && (strcmp(wanted, OPEN) == 0 || strcmp(wanted, password) == 0);
}

static void check(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	int err = is_password(m, password) ? PC_OK : PC_EAUTH;

	(void)user;
	answer(m, (struct answer){ .err = err, .done = fn, .data = data });
}

/* Once, at the start: a few milliseconds, for the fewest iterations that clients take. */
static unsigned derive(pc_module *m, const char *password)
{
	struct insecure *in = pc_module_data(m);
	unsigned hashes = 0;

	for (unsigned i = 0; i < PC_SCRAM_HASHES; i++) {
		pc_scram_keys *k = &in->keys[i];

		k->hash = (pc_scram_hash)i;
		k->salt_len = 16;
		k->iterations = PC_SCRAM_ITERATIONS_MIN;
		pc_random_bytes(k->salt, k->salt_len);
		if (pc_scram_derive(password, k) == PC_OK)
			hashes |= 1u << i;
	}
	return hashes;
}

static void load(pc_module *m)
{
	const char *password = pc_opt_str(m, "insecure_open_authentication");
	pc_auth_provider *provider = pc_module_alloc(m, sizeof(*provider));

	*provider = (pc_auth_provider){
		.size = sizeof(*provider),
		.plain = true,
		.exists = exists,
		.keys = keys,
		.check = check,
	};
	if (password == NULL)
		pc_log(m, PC_ERROR, "insecure_open_authentication is not set: nobody can log in");
	else
		pc_log(m, PC_WARN, "every account of %s exists: for tests only",
		       pc_module_host_name(m));
	if (password && strcmp(password, OPEN) != 0)
		provider->scram_hashes = derive(m, password);
	pc_provide(m, "auth-insecure", provider);
}

static const pc_option options[] = {
	{ .name = "insecure_open_authentication",
	  .type = PC_OPT_STRING,
	  .help = "The password of every account; \"" OPEN "\" lets all in" },
	{ 0 },
};

PC_MODULE(auth_insecure, .summary = "For tests: every account exists",
          .data_size = sizeof(struct insecure), .options = options, .load = load);
