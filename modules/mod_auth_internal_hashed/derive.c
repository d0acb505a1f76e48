/*
 * derive.c - passwords to keys, on job threads.
 *
 * What it costs: 10,000 iterations take about 4 ms with SHA-1, 6 ms with SHA-256 and 5 ms with
 * SHA-512 on a small machine. So setting a password with all three hashes costs some 15 ms of a job
 * thread, and `scram_hashes` with fewer of them makes adding many accounts cheaper. SCRAM log-ins
 * derive nothing; PLAIN log-ins derive once, with the first of the account's hashes.
 */
#include <string.h>

#include "accounts.h"

static void derive_work(void *data)
{
	struct op *op = data;

	for (unsigned i = 0; i < PC_SCRAM_HASHES && op->err == PC_OK; i++) {
		pc_scram_keys *k = &op->record.keys[i];

		if (!(op->derive & 1u << i))
			continue;
		*k = (pc_scram_keys){ .hash = (pc_scram_hash)i,
			              .salt_len = SALT_LEN,
			              .iterations = op->iterations };
		pc_random_bytes(k->salt, k->salt_len);
		op->err = pc_scram_derive(op->password, k);
		op->record.hashes |= 1u << i;
	}
}

/* The same password, after preparation? */
static bool is_same(const char *a, const char *b)
{
	char prepared[2][PC_JID_PART_MAX + 1] = { { 0 } };
	bool same = pc_saslprep(a, prepared[0]) == PC_OK && pc_saslprep(b, prepared[1]) == PC_OK &&
	            pc_equal_secret(prepared[0], prepared[1], sizeof(prepared[0]));

	explicit_bzero(prepared, sizeof(prepared));
	return same;
}

/* Whatever the account has, one derivation is made: for one that is not there in vain, with as many
 * iterations as another account has. */
static void check_work(void *data)
{
	struct op *op = data;
	pc_scram_keys none = { .hash = op->hash,
		               .salt_len = SALT_LEN,
		               .iterations = op->iterations };

	if (op->record.hashes & 1u << op->hash) {
		op->err =
		        pc_scram_check(op->password, &op->record.keys[op->hash]) ? PC_OK : PC_EAUTH;
	} else {
		(void)pc_scram_derive(op->password, &none);
		op->err = op->clear[0] && is_same(op->password, op->clear) ? PC_OK : PC_EAUTH;
	}
	explicit_bzero(&none, sizeof(none));
}

static void run(struct op *op, pc_work_fn *work, pc_done_fn *next)
{
	int err;

	op->err = PC_OK;
	err = pc_run_job(op->m, work, next, op);
	if (err != PC_OK)
		next(err, op);
}

void derive_run(struct op *op, pc_done_fn *next)
{
	op->iterations = (uint32_t)pc_opt_int(op->m, "default_iteration_count");
	run(op, derive_work, next);
}

void derive_check(struct op *op, pc_done_fn *next)
{
	const struct accounts *a = pc_module_data(op->m);
	pc_scram_keys look;

	looks_of(a, op->m, op->hash, looks_die(a, op->user), &look);
	op->iterations = look.iterations;
	run(op, check_work, next);
}
