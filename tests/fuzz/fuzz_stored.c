/* Elements from a store: whatever it holds, and what is made of them. */
#include "fuzz.h"
#include "xml/frame.h"

static void check_same(const pc_stanza *st, const char *text, size_t len)
{
	size_t again_len;
	char *again = pc_stanza_write(st, &again_len);

	if (again_len != len || memcmp(again, text, len) != 0)
		abort();
	free(again);
}

/* The body with its slots filled is the element again. */
static void check_body(pc_stanza *st)
{
	struct pc__buf out = { 0 };
	pc__body *body = pc__body_of(st);
	pc_stanza *again;

	pc__body_write(body, "a'b<c", PC_NS_CLIENT, "<delay/>", &out);
	again = pc_stanza_parse(out.p, out.len);
	if (again == NULL || strcmp(pc_stanza_get(again, "to"), "a'b<c") != 0 ||
	    strcmp(pc_stanza_ns(again), pc_stanza_ns(st)) != 0)
		abort();
	pc_stanza_free(&again);
	pc__body_unref(&body);
	pc__buf_free(&out);
}

static void change(pc_stanza *st)
{
	pc_stanza *child = pc_stanza_first(st), *error = pc_stanza_error(st, NULL, "gone", "x");
	const char *type, *text;

	pc_stanza_get_text(st);
	pc_stanza_get_error(st, &type, &text);
	pc_stanza_append(child ? child : st, st);
	pc_stanza_set(st, "type", "error");
	pc_stanza_set(st, "xml:lang", NULL);
	if (child)
		pc_stanza_remove(child);
	pc_stanza_leaf(st, "x", "y");
	pc_stanza_free(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pc_stanza *st = pc_stanza_parse((const char *)data, size), *again;
	size_t len;
	char *text;

	if (st == NULL)
		return 0;
	text = pc_stanza_write(st, &len);
	again = pc_stanza_parse(text, len);
	if (again == NULL)
		abort();
	check_same(again, text, len);
	pc_stanza_free(&again);
	check_body(st);
	change(st);
	free(text);
	text = pc_stanza_write(st, &len);
	again = pc_stanza_clone(st);
	check_same(again, text, len);
	pc_stanza_free(&again);
	pc_stanza_free(&st);
	free(text);
	return 0;
}
