/* Pages: whatever is asked for, what is given lies within the list, and what was read and written
 * again means the same. */
#include "fuzz.h"

#include <stdio.h>

#include <prosody-c/rsm.h>
#include <prosody-c/stanza.h>

static void check_slice(const pc_rsm *rsm)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	for (size_t n = 0; n <= sizeof(ids) / sizeof(ids[0]); n++)
		for (size_t most = 0; most < 10; most++) {
			size_t first, len;

			if (pc_rsm_slice(rsm, ids, n, most, &first, &len) == PC_OK)
				must(len <= most && first + len <= n);
		}
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_again(const pc_rsm *rsm)
{
	pc_stanza *parent = pc_stanza_new("q", "urn:q");
	pc_rsm again;

	pc_rsm_ask(parent, rsm);
	must(pc_rsm_read(parent, &again) == PC_OK);
	must(again.has_max == rsm->has_max && again.max == rsm->max && again.index == rsm->index);
	must(same(again.after, rsm->after) && same(again.before, rsm->before));
	pc_stanza_free(&parent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pc_stanza *parent = pc_stanza_parse((const char *)data, size);
	pc_query query = { 0 };
	pc_rsm rsm;
	int err;

	if (parent == NULL)
		return 0;
	err = pc_rsm_read(parent, &rsm);
	if (err == PC_OK)
		check_again(&rsm);
	if (err != PC_EINVAL) {
		check_slice(&rsm);
		must(pc_rsm_query(&rsm, 100, &query) == PC_ENOTSUP || query.limit <= 100);
	}
	pc_stanza_free(&parent);
	return 0;
}
