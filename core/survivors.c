#include "survivors.h"

#include "util/buf.h"

struct pc_blob {
	struct pc__buf bytes;
};

void pc_blob_put(pc_blob *blob, const void *bytes, size_t len)
{
	pc__buf_add(&blob->bytes, bytes, len);
}

/* Nothing is journaled yet: every session ends with the process. */

void pc_session_changed(const pc_session *s, pc_module *m)
{
	(void)s, (void)m;
}

int pc_journal_keep(pc_module *m, const pc_session *s)
{
	(void)m, (void)s;
	return PC_ENOTSUP;
}

void pc_journal_forget(const pc_session *s)
{
	(void)s;
}

void pc_journal_out(const pc_session *s, pc_frame *frame, int64_t when_ms)
{
	(void)s, (void)frame, (void)when_ms;
}

void pc_journal_acked(const pc_session *s, uint32_t h)
{
	(void)s, (void)h;
}

void pc_journal_in(const pc_session *s, uint32_t h)
{
	(void)s, (void)h;
}

void pc_journal_state_of(const pc_session *s, pc_journal_state *state_r)
{
	(void)s;
	*state_r = (pc_journal_state){ 0 };
}

void pc_journal_each(const pc_session *s, pc_journal_frame_fn *fn, void *data)
{
	(void)s, (void)fn, (void)data;
}
